"""A case becomes a part of another and comes apart again; nobody loses sight of either, and nothing new is missed."""

from __future__ import annotations

from uuid import uuid4

import pytest

from server import cases, merging, queue
from server.errors import NotThere, WrongState
from server.store.models import AuditEntry, CaseEvent, Incident


@pytest.fixture
def three(device, lead_key):
    """Three cases that the lead can open."""
    made = [uuid4() for _ in range(3)]
    sent = device.send(*(device.alert(lead_key, alert=one, urgent=False) for one in made))
    assert sent.results == [("stored", None)] * 3
    return made


def _shown(user):
    return {row.id for row in queue.page(user, sealed=True).rows}


def test_a_merged_case_is_shown_under_the_other_and_can_be_taken_apart(database, people, three, now):
    part, whole, other = three
    for _ in range(2):
        merging.merge(people.lead, part, whole, now)
    assert _shown(people.lead) == {whole, other}
    assert [one.pk for one in merging.parts(people.lead, whole)] == [part]
    assert merging.whole(people.lead, Incident.objects.get(pk=part)).pk == whole
    for _ in range(2):
        merging.take_apart(people.lead, part, now)
    assert _shown(people.lead) == set(three)
    assert merging.whole(people.lead, Incident.objects.get(pk=part)) is None
    events = list(CaseEvent.objects.order_by("id").values_list("incident", "what", "other"))
    assert events == [
        (part, "merged", whole),
        (whole, "took_in", part),
        (part, "taken_apart", whole),
        (whole, "gave_back", part),
    ]
    assert [entry.action for entry in AuditEntry.objects.order_by("seq")] == ["incident_merged", "incident_taken_apart"]


def test_a_case_that_took_others_in_can_become_a_part_itself_and_no_circle_can_be_made(database, people, three, now):
    first, second, third = three
    merging.merge(people.lead, first, second, now)
    merging.merge(people.lead, second, third, now)
    assert _shown(people.lead) == {third}
    with pytest.raises(WrongState, match="is itself a part of"):
        merging.merge(people.lead, third, first, now)
    with pytest.raises(WrongState, match="take it apart first"):
        merging.merge(people.lead, first, third, now)
    with pytest.raises(WrongState, match="part of itself"):
        merging.merge(people.lead, third, third, now)


def test_a_case_does_not_vanish_into_a_closed_one(database, people, three, lead_key, sealed_note, now):
    cases.close(people.lead, three[1], sealed_note(three[1], lead_key))
    with pytest.raises(WrongState, match="is closed; reopen it first"):
        merging.merge(people.lead, three[0], three[1], now)


def test_a_case_is_not_merged_away_from_somebody_who_can_not_open_the_other(
    database, device, people, lead_key, deputy_key, now
):
    both, mine = uuid4(), uuid4()
    device.send(device.alert(lead_key, deputy_key, alert=both), device.alert(lead_key, alert=mine))
    with pytest.raises(WrongState, match="somebody who can open this case can't open"):
        merging.merge(people.lead, both, mine, now)
    merging.merge(people.lead, mine, both, now)
    with pytest.raises(NotThere):
        merging.merge(people.deputy, both, mine, now)
    assert merging.parts(people.deputy, both) == []


def test_who_can_not_open_the_whole_goes_on_seeing_the_part(database, device, people, lead_key, deputy_key, now):
    part, whole = uuid4(), uuid4()
    device.send(device.alert(lead_key, alert=part), device.alert(lead_key, alert=whole))
    merging.merge(people.lead, part, whole, now)
    device.send(device.alert(lead_key, deputy_key, alert=part, revision=1))
    assert _shown(people.deputy) == {part}
    assert merging.whole(people.deputy, Incident.objects.get(pk=part)) is None


def test_what_is_new_in_a_part_shows_at_the_whole_however_deep_and_urgent_stays_urgent(
    database, device, people, three, lead_key, sealed_note, now
):
    first, second, third = three
    merging.merge(people.lead, first, second, now)
    merging.merge(people.lead, second, third, now)
    cases.close(people.lead, third, sealed_note(third, lead_key))
    assert queue.page(people.lead, sealed=True).rows == ()
    device.send(device.alert(lead_key, alert=first, revision=1, urgent=True))
    (row,) = queue.page(people.lead, sealed=True).rows
    assert (row.id, row.urgent, row.new_since_closing) == (third, True, True)
