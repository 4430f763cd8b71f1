"""Notes are kept sealed; closing keeps who and when; a closed case comes back by a reason or on its day, not else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from msgspec import structs

from server import cases, holding, merging, queue
from server.errors import NotThere, WrongState
from server.store.models import AuditEntry, CaseEvent, Incident, LeadKey, Note


def test_a_note_is_kept_sealed(database, people, case, lead_key, sealed_note):
    note = sealed_note(case, lead_key, text=b"Spoke with the learner.")
    cases.add_note(people.lead, case, note)
    (kept,) = cases.notes(people.lead, case)
    assert (bytes(kept.envelope), bytes(kept.signature)) == (note.envelope, note.signature)
    assert bytes(kept.signer) == lead_key.public
    assert b"learner" not in bytes(kept.envelope)
    assert AuditEntry.objects.get().action == "note_added"


def test_the_same_note_again_is_the_same_note(database, people, case, lead_key, sealed_note):
    note = sealed_note(case, lead_key)
    cases.add_note(people.lead, case, note)
    cases.add_note(people.lead, case, note)
    assert Note.objects.count() == 1
    assert AuditEntry.objects.count() == 1
    with pytest.raises(WrongState, match="another note"):
        cases.add_note(people.lead, case, sealed_note(case, lead_key, note=note.id))


@pytest.mark.parametrize("envelope", [b"", b"plain words", bytes(5000)])
def test_a_note_that_is_not_sealed_is_refused(database, people, case, lead_key, sealed_note, envelope):
    with pytest.raises(WrongState, match="not a sealed envelope"):
        cases.add_note(people.lead, case, structs.replace(sealed_note(case, lead_key), envelope=envelope))
    assert not Note.objects.exists()


def test_a_note_sealed_to_nobody_who_has_the_incident_is_refused(database, people, case, deputy_key, sealed_note):
    with pytest.raises(WrongState, match="nobody who has this incident"):
        cases.add_note(people.lead, case, sealed_note(case, deputy_key))


def test_a_note_signed_by_another_or_for_another_case_or_altered_is_refused(
    database, device, people, case, lead_key, deputy_key, new_lead_key, sealed_note
):
    other = uuid4()
    device.send(device.alert(lead_key, alert=other))
    gone = new_lead_key(people.lead)
    LeadKey.objects.filter(key_id=gone.key_id).update(active=False)
    good = sealed_note(case, lead_key)
    for bad in (
        sealed_note(case, lead_key, by=deputy_key),
        sealed_note(case, lead_key, by=gone),
        sealed_note(other, lead_key),
        structs.replace(good, id=uuid4()),
        structs.replace(good, envelope=sealed_note(case, lead_key).envelope),
        structs.replace(good, signer=deputy_key.public),
        structs.replace(good, signature=bytes(64)),
    ):
        for act in (cases.add_note, cases.close):
            with pytest.raises(WrongState, match="not signed with one of your own keys"):
                act(people.lead, case, bad)
    assert not Note.objects.exists()
    assert Incident.objects.get(pk=case).state == "open"
    assert not AuditEntry.objects.exists()


def test_closing_keeps_who_and_when_and_needs_a_note(database, people, case, lead_key, sealed_note):
    closed = cases.close(people.lead, case, sealed_note(case, lead_key))
    assert (closed.state, closed.closed_by) == ("closed", people.lead)
    assert Note.objects.get().closing is True
    with pytest.raises(WrongState, match="already closed"):
        cases.close(people.lead, case, sealed_note(case, lead_key))
    assert [entry.action for entry in AuditEntry.objects.all()] == ["incident_closed"]


def test_what_is_new_since_closing_is_taken_note_of_by_closing_again(
    database, device, people, case, lead_key, sealed_note
):
    cases.close(people.lead, case, sealed_note(case, lead_key))
    device.send(device.alert(lead_key, alert=case, revision=1))
    assert [row.new_since_closing for row in queue.page(people.lead, sealed=True).rows] == [True]
    cases.close(people.lead, case, sealed_note(case, lead_key))
    assert Incident.objects.get().new_since_closing is False
    assert queue.page(people.lead, sealed=True).rows == ()


def test_who_closes_second_is_told_who_closed_it_and_the_same_decision_again_is_the_same(
    database, people, case, lead_key, sealed_note
):
    decision = sealed_note(case, lead_key)
    for _ in range(2):
        cases.close(people.lead, case, decision)
    assert Note.objects.count() == 1
    with pytest.raises(WrongState, match="already closed by The safeguarding lead"):
        cases.close(people.lead, case, sealed_note(case, lead_key))
    assert [event.what for event in CaseEvent.objects.all()] == ["closed"]


# --- reopening ---------------------------------------------------------------------------------------------------


def test_a_case_is_reopened_with_a_sealed_reason_once(database, people, case, lead_key, sealed_note, now):
    cases.close(people.lead, case, sealed_note(case, lead_key), back_on=date(2026, 12, 1), now=now)
    reason = sealed_note(case, lead_key, text=b"The tutor rang again.")
    for _ in range(2):
        cases.reopen(people.lead, case, reason, now=now)
    incident = Incident.objects.get()
    assert (incident.state, incident.reopened_at, incident.back_on) == ("open", now, None)
    assert [event.what for event in CaseEvent.objects.order_by("id")] == ["closed", "reopened"]
    actions = AuditEntry.objects.order_by("seq").values_list("action", flat=True)
    assert list(actions) == ["incident_closed", "note_added", "incident_reopened"]
    with pytest.raises(WrongState, match="open already"):
        cases.reopen(people.lead, case, sealed_note(case, lead_key))


def test_a_reopened_case_waits_from_then_on_and_not_since_it_first_came(database, people, case, lead_key, sealed_note):
    later = datetime.now(UTC) + timedelta(days=30)
    cases.close(people.lead, case, sealed_note(case, lead_key))
    cases.reopen(people.lead, case, sealed_note(case, lead_key), now=later)
    (row,) = queue.page(people.lead, sealed=True).rows
    assert row.since == later


def test_nobody_reopens_a_case_that_is_kept_from_them(database, people, case, lead_key, deputy_key, sealed_note):
    cases.close(people.lead, case, sealed_note(case, lead_key))
    with pytest.raises(NotThere):
        cases.reopen(people.deputy, case, sealed_note(case, deputy_key))


# --- days on which a case comes back -----------------------------------------------------------------------------


def test_a_case_comes_back_by_itself_on_its_day_in_the_organisation_s_zone(
    database, people, organisation, case, lead_key, sealed_note
):
    organisation.timezone = "Asia/Kolkata"
    organisation.save()
    closed = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    cases.close(people.lead, case, sealed_note(case, lead_key), back_on=date(2026, 12, 1), now=closed)
    midnight = datetime(2026, 11, 30, 18, 30, tzinfo=UTC)
    cases.bring_back(midnight - timedelta(minutes=1))
    assert queue.page(people.lead, sealed=True).rows == ()
    for _ in range(2):
        cases.bring_back(midnight)
    (row,) = queue.page(people.lead, sealed=True).rows
    assert row.since == midnight
    came = AuditEntry.objects.get(action="incident_came_back")
    assert (came.actor, came.subject) == ("job:cases", f"incident:{case}")
    assert CaseEvent.objects.get(what="came_back").by is None


@pytest.mark.parametrize("day", [date(2026, 11, 19), date(2026, 11, 20), date(2028, 11, 20), date(9999, 1, 1)])
def test_a_day_that_is_not_within_the_next_two_years_is_refused(
    database, people, case, lead_key, sealed_note, now, day
):
    with pytest.raises(WrongState, match="after today, and within two years"):
        cases.close(people.lead, case, sealed_note(case, lead_key), back_on=day, now=now)
    assert Incident.objects.get().state == "open"
    assert not Note.objects.exists()


def test_the_first_and_the_last_day_can_be_chosen(database, people, organisation, case, lead_key, sealed_note, now):
    assert (cases.first_day_back(now), cases.last_day_back(now)) == (date(2026, 11, 21), date(2028, 11, 19))
    cases.close(people.lead, case, sealed_note(case, lead_key), back_on=date(2028, 11, 19), now=now)
    assert Incident.objects.get().back_on == date(2028, 11, 19)


def test_closing_for_good_takes_an_earlier_day_away(database, device, people, case, lead_key, sealed_note, now):
    cases.close(people.lead, case, sealed_note(case, lead_key), back_on=date(2026, 12, 1), now=now)
    device.send(device.alert(lead_key, alert=case, revision=1))
    cases.close(people.lead, case, sealed_note(case, lead_key))
    assert Incident.objects.get().back_on is None


def test_a_part_that_comes_back_shows_at_the_whole(database, device, people, case, lead_key, sealed_note, now):
    whole = uuid4()
    device.send(device.alert(lead_key, alert=whole))
    cases.close(people.lead, case, sealed_note(case, lead_key), back_on=date(2026, 12, 1), now=now)
    merging.merge(people.lead, case, whole, now)
    cases.close(people.lead, whole, sealed_note(whole, lead_key), now=now)
    cases.bring_back(datetime(2026, 12, 1, 9, 0, tzinfo=UTC))
    assert [row.id for row in queue.page(people.lead, sealed=True).rows] == [whole]


def test_a_case_comes_back_to_nobody_when_who_had_it_left(database, people, case, lead_key, sealed_note, now):
    holding.assign(people.lead, case, people.lead.pk, None, now)
    cases.close(people.lead, case, sealed_note(case, lead_key), back_on=date(2026, 12, 1), now=now)
    people.lead.is_active = False
    people.lead.save()
    cases.bring_back(datetime(2026, 12, 1, 9, 0, tzinfo=UTC))
    assert Incident.objects.get().assigned_to is None


def test_what_comes_after_closing_takes_the_acknowledgement_away(
    database, device, people, case, lead_key, sealed_note, now
):
    holding.acknowledge(people.lead, case, now)
    cases.close(people.lead, case, sealed_note(case, lead_key))
    device.send(device.alert(lead_key, alert=case, revision=1))
    assert Incident.objects.get().acknowledged_by is None
