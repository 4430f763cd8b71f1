"""Only those an incident is sealed to see it, open it, note it and close it; each release is on the record first."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from protocol import sealing
from protocol.signing import verify_alert
from server import audit, incidents
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditEntry, Incident, LeadKey, Note


@pytest.fixture
def case(device, lead_key):
    """An incident sealed to the lead alone."""
    alert = uuid4()
    assert device.send(device.alert(lead_key, alert=alert)).results == [("stored", None)]
    return alert


def _open(released, key, purpose):
    place = sealing.Place(purpose=purpose, subject=released.device, record=released.record, header=released.header)
    return sealing.open_envelope(getattr(released, purpose), key.private, place)


def test_the_queue_has_what_is_sealed_to_the_lead_and_it_opens(database, people, case, lead_key):
    (row,) = incidents.queue(people.lead)
    assert (row.id, row.key_id, row.state, row.device_name) == (case, lead_key.key_id, "open", "laptop-01")
    assert b"gambling" in _open(row, lead_key, "heading")


def test_an_incident_sealed_to_others_does_not_exist_for_a_deputy(database, people, case, deputy_key, sealed_note):
    assert incidents.queue(people.deputy) == []
    for act in (
        lambda: incidents.release(people.deputy, case),
        lambda: incidents.notes(people.deputy, case),
        lambda: incidents.recipients(people.deputy, case),
        lambda: incidents.add_note(people.deputy, case, *sealed_note(case, deputy_key)),
        lambda: incidents.close(people.deputy, case, *sealed_note(case, deputy_key)),
    ):
        with pytest.raises(NotThere) as there:
            act()
        with pytest.raises(NotThere) as nowhere:
            incidents.release(people.deputy, uuid4())
        assert str(there.value) == str(nowhere.value)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("role", ["it", "manager", "dpo"])
def test_other_roles_work_with_no_incident_even_with_a_key(database, people, case, role, new_lead_key):
    user = getattr(people, role)
    LeadKey.objects.update(user=user)
    with pytest.raises(NotAllowed):
        incidents.queue(user)
    with pytest.raises(NotAllowed):
        incidents.release(user, case)
    assert not AuditEntry.objects.exists()


def test_a_lead_who_left_opens_nothing(database, people, case):
    people.lead.is_active = False
    with pytest.raises(NotAllowed):
        incidents.queue(people.lead)


def test_a_key_taken_out_of_use_opens_nothing(database, people, case):
    LeadKey.objects.update(active=False)
    assert incidents.queue(people.lead) == []


def test_a_release_is_on_the_record_and_opens_only_with_the_leads_key(database, people, case, lead_key, deputy_key):
    released = incidents.release(people.lead, case)
    entry = AuditEntry.objects.get()
    assert (entry.seq, entry.actor, entry.action) == (released.audit_seq, f"user:{people.lead.pk}", "evidence_released")
    assert entry.subject == f"incident:{case}"
    assert b"flagged.example" in _open(released, lead_key, "evidence")
    with pytest.raises(Exception, match="not sealed to this key"):
        _open(released, deputy_key, "evidence")
    parts = (released.header, released.heading, released.evidence)
    verify_alert(released.signer_public_key, released.signature, *parts)


def test_no_evidence_is_handed_out_when_the_record_of_it_fails(database, people, case, monkeypatch):
    def fails(*_, **__):
        raise OSError

    monkeypatch.setattr(audit, "write", fails)
    with pytest.raises(OSError):
        incidents.release(people.lead, case)


def test_the_record_of_a_release_is_committed_before_the_evidence_is_read(database, people, case, monkeypatch):
    from server.store.models import AlertRecord

    order = []
    monkeypatch.setattr(
        AlertRecord.objects.__class__, "select_related", lambda *_: order.append(AuditEntry.objects.count()) or _stop()
    )

    def _stop():
        raise KeyError

    with pytest.raises(KeyError):
        incidents.release(people.lead, case)
    assert AuditEntry.objects.count() == 1


def test_the_queue_is_open_and_urgent_first(database, device, people, lead_key, sealed_note):
    made = {}
    for name, urgent in (("routine", False), ("urgent", True), ("done", True)):
        made[name] = uuid4()
        device.send(device.alert(lead_key, alert=made[name], urgent=urgent))
    incidents.close(people.lead, made["done"], *sealed_note(made["done"], lead_key))
    assert [row.id for row in incidents.queue(people.lead)] == [made["urgent"], made["routine"], made["done"]]
    assert [row.id for row in incidents.queue(people.lead, closed=False)] == [made["urgent"], made["routine"]]


def test_the_queue_shows_the_newest_record_that_is_sealed_to_the_lead(database, device, people, lead_key, deputy_key):
    alert = uuid4()
    device.send(device.alert(lead_key, deputy_key, alert=alert))
    device.send(device.alert(deputy_key, alert=alert, revision=1))
    assert [row.revision for row in incidents.queue(people.lead)] == [0]
    assert [row.revision for row in incidents.queue(people.deputy)] == [1]


def test_a_lead_with_two_keys_sees_an_incident_once(database, device, people, lead_key, new_lead_key):
    device.send(device.alert(lead_key, new_lead_key(people.lead)))
    assert len(incidents.queue(people.lead)) == 1


# --- notes and closing -------------------------------------------------------------------------------------------


def test_a_note_is_kept_sealed(database, people, case, lead_key, sealed_note):
    note, envelope = sealed_note(case, lead_key, text=b"Spoke with the learner.")
    incidents.add_note(people.lead, case, note, envelope)
    (kept,) = incidents.notes(people.lead, case)
    assert bytes(kept.envelope) == envelope
    assert b"learner" not in bytes(kept.envelope)
    assert incidents.queue(people.lead)[0].notes == 1
    assert AuditEntry.objects.get().action == "note_added"


def test_the_same_note_again_is_the_same_note(database, people, case, lead_key, sealed_note):
    note = sealed_note(case, lead_key)
    incidents.add_note(people.lead, case, *note)
    incidents.add_note(people.lead, case, *note)
    assert Note.objects.count() == 1
    assert AuditEntry.objects.count() == 1
    with pytest.raises(WrongState, match="another note"):
        incidents.add_note(people.lead, case, note[0], sealed_note(case, lead_key)[1])


@pytest.mark.parametrize("envelope", [b"", b"plain words", bytes(5000)])
def test_a_note_that_is_not_sealed_is_refused(database, people, case, envelope):
    with pytest.raises(WrongState, match="not a sealed envelope"):
        incidents.add_note(people.lead, case, uuid4(), envelope)
    assert not Note.objects.exists()


def test_a_note_sealed_to_nobody_who_has_the_incident_is_refused(database, people, case, deputy_key, sealed_note):
    with pytest.raises(WrongState, match="nobody who has this incident"):
        incidents.add_note(people.lead, case, *sealed_note(case, deputy_key))


def test_closing_keeps_who_and_when_and_needs_a_note(database, people, case, lead_key, sealed_note):
    closed = incidents.close(people.lead, case, *sealed_note(case, lead_key))
    assert (closed.state, closed.closed_by) == ("closed", people.lead)
    assert Note.objects.get().closing is True
    with pytest.raises(WrongState, match="already closed"):
        incidents.close(people.lead, case, *sealed_note(case, lead_key))
    assert [entry.action for entry in AuditEntry.objects.all()] == ["incident_closed"]


def test_what_is_new_since_closing_is_taken_note_of_by_closing_again(
    database, device, people, case, lead_key, sealed_note
):
    incidents.close(people.lead, case, *sealed_note(case, lead_key))
    device.send(device.alert(lead_key, alert=case, revision=1))
    assert [row.new_since_closing for row in incidents.queue(people.lead, closed=False)] == [True]
    incidents.close(people.lead, case, *sealed_note(case, lead_key))
    assert Incident.objects.get().new_since_closing is False
    assert incidents.queue(people.lead, closed=False) == []


def test_a_lead_can_not_tell_from_references_that_a_case_is_kept_from_them(
    database, device, people, lead_key, deputy_key
):
    device.send(*(device.alert(lead_key if number % 2 else deputy_key) for number in range(12)))
    numbers = [int(row.reference.rpartition("-")[2]) for row in incidents.queue(people.lead)]
    assert len(set(numbers)) == 6
    assert max(numbers) - min(numbers) > 12


def test_a_reference_is_given_once_and_grows_when_none_is_free(database, device, lead_key, monkeypatch):
    monkeypatch.setattr(incidents.secrets, "randbelow", lambda bound: 7 if bound < 10**7 else bound - 1)
    year = datetime.now(UTC).year
    assert (
        device.send(device.alert(lead_key), device.alert(lead_key), device.alert(lead_key)).results
        == [("stored", None)] * 3
    )
    references = sorted(Incident.objects.values_list("reference", flat=True), key=len)
    assert references == [f"FW-{year}-00007", f"FW-{year}-000007", f"FW-{year}-9999999"]
