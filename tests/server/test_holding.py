"""Who has a case: one at a time, by a choice that says what it was made on, and seen by everybody who can open it."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from server import cases, holding
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditEntry, CaseEvent, CaseLook, Incident, LeadKey


@pytest.fixture
def shared(device, lead_key, deputy_key):
    """A case that the lead and the deputy can open."""
    alert = uuid4()
    assert device.send(device.alert(lead_key, deputy_key, alert=alert)).results == [("stored", None)]
    return alert


def _actions():
    return list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))


def test_acknowledging_is_kept_once_and_says_who_was_first(database, people, shared, now):
    first = holding.acknowledge(people.lead, shared, now)
    again = holding.acknowledge(people.deputy, shared, now + timedelta(minutes=1))
    assert first == again
    assert (first.id, first.at) == (people.lead.pk, now)
    assert _actions() == ["incident_acknowledged"]


def test_a_late_acknowledgement_never_reopens_a_case(database, people, shared, lead_key, sealed_note, now):
    cases.close(people.lead, shared, sealed_note(shared, lead_key))
    holding.acknowledge(people.deputy, shared, now)
    assert Incident.objects.get().state == "closed"


def test_taking_a_case_acknowledges_it_and_handing_it_on_names_whom(database, people, shared, now):
    holding.assign(people.lead, shared, people.lead.pk, None, now)
    holding.assign(people.lead, shared, people.deputy.pk, people.lead.pk, now)
    holding.assign(people.deputy, shared, None, people.deputy.pk, now)
    incident = Incident.objects.get()
    assert (incident.assigned_to, incident.assigned_at, incident.acknowledged_by) == (None, None, people.lead)
    assert _actions() == ["incident_assigned", "incident_acknowledged", "incident_assigned", "incident_let_go"]
    assert [one.to for one in CaseEvent.objects.filter(what="assigned").order_by("id")] == [people.lead, people.deputy]


def test_taking_again_changes_nothing(database, people, shared, now):
    for _ in range(2):
        holding.assign(people.lead, shared, people.lead.pk, None, now)
    assert _actions() == ["incident_assigned", "incident_acknowledged"]


def test_who_decided_on_old_news_is_told_who_has_the_case(database, people, shared, now):
    holding.assign(people.lead, shared, people.lead.pk, None, now)
    with pytest.raises(WrongState, match="The safeguarding lead has this case now"):
        holding.assign(people.deputy, shared, people.deputy.pk, None, now)
    holding.assign(people.deputy, shared, people.deputy.pk, people.lead.pk, now)
    with pytest.raises(WrongState, match="deputy safeguarding lead has this case now"):
        holding.assign(people.lead, shared, None, people.lead.pk, now)
    holding.assign(people.deputy, shared, None, people.deputy.pk, now)
    with pytest.raises(WrongState, match="nobody has this case any more"):
        holding.assign(people.lead, shared, people.lead.pk, people.deputy.pk, now)


def test_of_two_who_take_it_at_once_one_wins_and_the_other_is_told(database, people, shared, now):
    told, ready = {}, threading.Barrier(2)

    def take(user):
        try:
            ready.wait(10)
            holding.assign(user, shared, user.pk, None, now)
            told[user.pk] = "has it"
        except WrongState as fault:
            told[user.pk] = str(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=(user,)) for user in (people.lead, people.deputy)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    winner = Incident.objects.get().assigned_to
    loser = people.deputy if winner == people.lead else people.lead
    assert told == {winner.pk: "has it", loser.pk: f"{winner.get_full_name()} has this case now"}
    assert _actions().count("incident_assigned") == 1


def test_a_case_is_handed_only_to_those_who_can_open_it(database, people, shared, now, new_lead_key):
    with pytest.raises(NotAllowed, match="can't open this case"):
        holding.assign(people.lead, shared, people.it.pk, None, now)
    LeadKey.objects.filter(user=people.deputy).update(active=False)
    with pytest.raises(NotAllowed, match="can't open this case"):
        holding.assign(people.lead, shared, people.deputy.pk, None, now)
    assert holding.colleagues(people.lead, shared) == []
    assert not AuditEntry.objects.exists()


def test_the_colleagues_are_the_others_who_can_open_the_case(database, people, shared):
    assert holding.colleagues(people.lead, shared) == [people.deputy]
    people.deputy.is_active = False
    people.deputy.save()
    assert holding.colleagues(people.lead, shared) == []


def test_a_closed_case_is_given_to_nobody(database, people, shared, lead_key, sealed_note, now):
    cases.close(people.lead, shared, sealed_note(shared, lead_key))
    with pytest.raises(WrongState, match="reopen it first"):
        holding.assign(people.lead, shared, people.lead.pk, None, now)


def test_a_case_kept_from_somebody_does_not_exist_for_them(database, people, case, deputy_key, now):
    for act in (
        lambda: holding.acknowledge(people.deputy, case, now),
        lambda: holding.assign(people.deputy, case, people.deputy.pk, None, now),
        lambda: holding.look(people.deputy, case, now),
        lambda: holding.colleagues(people.deputy, case),
    ):
        with pytest.raises(NotThere):
            act()
    for user in (people.it, people.manager, people.dpo):
        with pytest.raises(NotAllowed):
            holding.look(user, case, now)
    assert not CaseLook.objects.exists()


def test_who_looks_is_shown_to_the_others_for_half_a_minute(database, people, shared, now):
    assert holding.look(people.lead, shared, now).looking == ()
    seen = holding.look(people.deputy, shared, now + timedelta(seconds=9))
    assert seen.looking == ("The safeguarding lead",)
    assert holding.looked_at(people.deputy, now) == {shared: ["The safeguarding lead"]}
    assert holding.look(people.deputy, shared, now + timedelta(seconds=31)).looking == ()
    holding.look(people.deputy, shared, now + timedelta(minutes=6))
    assert [one.user for one in CaseLook.objects.all()] == [people.deputy]


def test_the_standing_changes_when_anything_happened(database, people, shared, lead_key, sealed_note, device, now):
    numbers = [holding.look(people.lead, shared, now).changes]
    holding.assign(people.lead, shared, people.lead.pk, None, now)
    numbers.append(holding.look(people.lead, shared, now).changes)
    cases.add_note(people.lead, shared, sealed_note(shared, lead_key))
    numbers.append(holding.look(people.lead, shared, now).changes)
    device.send(device.alert(lead_key, alert=shared, revision=1))
    numbers.append(holding.look(people.lead, shared, now).changes)
    assert len(set(numbers)) == 4
    assert holding.look(people.deputy, shared, now).assigned.name == "The safeguarding lead"
