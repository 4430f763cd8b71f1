"""Notes are kept sealed and closing keeps who, when and the outcome."""

from __future__ import annotations

from uuid import uuid4

import pytest

from server import cases, queue
from server.errors import WrongState
from server.store.models import AuditEntry, Incident, Note


def test_a_note_is_kept_sealed(database, people, case, lead_key, sealed_note):
    note, envelope = sealed_note(case, lead_key, text=b"Spoke with the learner.")
    cases.add_note(people.lead, case, note, envelope)
    (kept,) = cases.notes(people.lead, case)
    assert bytes(kept.envelope) == envelope
    assert b"learner" not in bytes(kept.envelope)
    assert queue.rows(people.lead)[0].notes == 1
    assert AuditEntry.objects.get().action == "note_added"


def test_the_same_note_again_is_the_same_note(database, people, case, lead_key, sealed_note):
    note = sealed_note(case, lead_key)
    cases.add_note(people.lead, case, *note)
    cases.add_note(people.lead, case, *note)
    assert Note.objects.count() == 1
    assert AuditEntry.objects.count() == 1
    with pytest.raises(WrongState, match="another note"):
        cases.add_note(people.lead, case, note[0], sealed_note(case, lead_key)[1])


@pytest.mark.parametrize("envelope", [b"", b"plain words", bytes(5000)])
def test_a_note_that_is_not_sealed_is_refused(database, people, case, envelope):
    with pytest.raises(WrongState, match="not a sealed envelope"):
        cases.add_note(people.lead, case, uuid4(), envelope)
    assert not Note.objects.exists()


def test_a_note_sealed_to_nobody_who_has_the_incident_is_refused(database, people, case, deputy_key, sealed_note):
    with pytest.raises(WrongState, match="nobody who has this incident"):
        cases.add_note(people.lead, case, *sealed_note(case, deputy_key))


def test_closing_keeps_who_and_when_and_needs_a_note(database, people, case, lead_key, sealed_note):
    closed = cases.close(people.lead, case, *sealed_note(case, lead_key))
    assert (closed.state, closed.closed_by) == ("closed", people.lead)
    assert Note.objects.get().closing is True
    with pytest.raises(WrongState, match="already closed"):
        cases.close(people.lead, case, *sealed_note(case, lead_key))
    assert [entry.action for entry in AuditEntry.objects.all()] == ["incident_closed"]


def test_what_is_new_since_closing_is_taken_note_of_by_closing_again(
    database, device, people, case, lead_key, sealed_note
):
    cases.close(people.lead, case, *sealed_note(case, lead_key))
    device.send(device.alert(lead_key, alert=case, revision=1))
    assert [row.new_since_closing for row in queue.rows(people.lead, closed=False)] == [True]
    cases.close(people.lead, case, *sealed_note(case, lead_key))
    assert Incident.objects.get().new_since_closing is False
    assert queue.rows(people.lead, closed=False) == []
