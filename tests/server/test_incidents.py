"""Only those an incident is sealed to see it, open it, note it and close it; each release is on the record first."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from protocol.signing import verify_alert
from server import audit, cases, incidents, queue
from server.errors import NotAllowed, NotThere
from server.store.models import AuditEntry, Incident, LeadKey


def test_an_incident_sealed_to_others_does_not_exist_for_a_deputy(database, people, case, deputy_key, sealed_note):
    assert queue.page(people.deputy, sealed=True).rows == ()
    for act in (
        lambda: incidents.release(people.deputy, case),
        lambda: cases.notes(people.deputy, case),
        lambda: cases.recipients(people.deputy, case),
        lambda: cases.add_note(people.deputy, case, sealed_note(case, deputy_key)),
        lambda: cases.close(people.deputy, case, sealed_note(case, deputy_key)),
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
        queue.page(user)
    with pytest.raises(NotAllowed):
        incidents.release(user, case)
    assert not AuditEntry.objects.exists()


def test_a_release_is_on_the_record_and_opens_only_with_the_leads_key(
    database, people, case, lead_key, deputy_key, open_part
):
    released = incidents.release(people.lead, case)
    entry = AuditEntry.objects.get()
    assert (entry.seq, entry.actor, entry.action) == (released.audit_seq, f"user:{people.lead.pk}", "evidence_released")
    assert entry.subject == f"incident:{case}"
    assert b"flagged.example" in open_part(released, lead_key, "evidence")
    with pytest.raises(Exception, match="not sealed to this key"):
        open_part(released, deputy_key, "evidence")
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


def test_a_lead_can_not_tell_from_references_that_a_case_is_kept_from_them(
    database, device, people, lead_key, deputy_key
):
    device.send(*(device.alert(lead_key if number % 2 else deputy_key) for number in range(12)))
    numbers = [int(row.reference.rpartition("-")[2]) for row in queue.page(people.lead, sealed=True).rows]
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
