"""A concern becomes a case: signed by its own lead, sealed to whom the signed list allows, kept once."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest

from protocol import concerns as format_
from protocol import sealing
from protocol.concerns import Concern, ConcernEvidence, ConcernHeader, ConcernHeading
from protocol.errors import Refused
from protocol.messages import encode
from protocol.publication import Recipient, RecipientList
from server import concerns, incidents, queue
from server.errors import NotAllowed, WrongState
from server.store.models import AuditEntry, CaseEvent, Incident


class Key:
    """A key of the list, with its private half."""

    def __init__(self, private):
        self.private, self.public = private, sealing.public_of(private)
        self.key_id = sealing.key_id(self.public)


@pytest.fixture
def recovery():
    return Key(bytes(range(64)))


@pytest.fixture
def listed(tmp_path, monkeypatch, lead_key, deputy_key, recovery):
    """A signed list: the lead for all groups, the deputy for learners alone, and recovery."""
    folder = tmp_path / "published" / "targets" / "recipients"
    folder.mkdir(parents=True)
    recipients = (
        Recipient(lead_key.key_id, lead_key.public, "lead", "The lead"),
        Recipient(deputy_key.key_id, deputy_key.public, "deputy", "The deputy", ("learners",)),
        Recipient(recovery.key_id, recovery.public, "recovery", "Recovery"),
    )
    (folder / "0a.recipients.json").write_bytes(encode(RecipientList(4, True, recipients)))
    monkeypatch.setattr("django.conf.settings.RULES_DIR", tmp_path / "published")


@pytest.fixture
def make(lead_key, recovery, now):
    def made(*readers, by=lead_key, sealed=None, **changes):
        readers = readers or (lead_key, recovery)
        header = ConcernHeader(
            version=1,
            record=uuid4(),
            incident=uuid4(),
            signer=by.key_id,
            group="staff",
            urgent=True,
            started=now,
            sealed_to=tuple(one.key_id for one in readers),
            recipients_version=4,
        )
        header = msgspec.structs.replace(header, **changes)
        head = encode(header)
        texts = {
            "heading": ConcernHeading(1, "self_harm", "quill.ravensworth", "report", 1, "reported"),
            "evidence": ConcernEvidence(1, "self_harm", "quill.ravensworth", "tutor", "Zebrafish", "The lead", now),
        }
        keys = [one.public for one in (sealed or readers)]
        parts = [sealing.seal(encode(text), keys, format_.place(one, header, head)) for one, text in texts.items()]
        return Concern(head, *parts, format_.sign(by.private, head, *parts))

    return made


def test_a_concern_becomes_a_case_in_the_queue_once(database, people, listed, make, now, lead_key):
    concern = make()
    first = concerns.record(people.lead, concern, now)
    again = concerns.record(people.lead, concern, now + timedelta(hours=1))
    assert first.pk == again.pk
    incident = Incident.objects.get()
    assert (incident.device, incident.signer, incident.recorded_by, incident.urgent) == (None, None, people.lead, True)
    row = queue.row(people.lead, incident.pk)
    assert (row.device, row.lead_public_key, row.signer_public_key) == (None, lead_key.public, None)
    assert [event.what for event in CaseEvent.objects.all()] == ["recorded"]
    assert [entry.action for entry in AuditEntry.objects.all()] == ["concern_recorded"]


def test_it_is_released_on_the_record_and_opens_with_the_key_it_is_sealed_to(
    database, people, listed, make, now, lead_key
):
    incident = concerns.record(people.lead, make(), now)
    given = incidents.release(people.lead, incident.pk, now=now)
    header = format_.verify(given.lead_public_key, given.signature, given.header, given.heading, given.evidence)
    text = format_.open_part("evidence", given.evidence, header, given.header, lead_key.private)
    assert b"Zebrafish" in text
    assert AuditEntry.objects.filter(action="evidence_released").count() == 1


def test_nothing_of_it_is_in_clear_in_the_database(database, people, listed, make, now):
    concerns.record(people.lead, make(), now)
    kept = Incident.objects.get().records.get()
    for part in (kept.header, kept.heading, kept.evidence):
        for word in (b"self_harm", b"quill", b"Zebrafish", b"tutor"):
            assert word not in bytes(part)


def test_a_case_kept_from_a_colleague_does_not_exist_for_them(database, people, listed, make, now):
    concerns.record(people.lead, make(), now)
    with pytest.raises(Exception, match="no such incident"):
        incidents.addressed(people.deputy, Incident.objects.get().pk)


@pytest.mark.parametrize("role", ["it", "manager", "dpo"])
def test_other_roles_record_none(database, people, listed, make, now, role):
    with pytest.raises(NotAllowed):
        concerns.record(getattr(people, role), make(), now)


def test_a_concern_in_another_s_name_is_refused(database, people, listed, make, now, deputy_key):
    with pytest.raises(WrongState, match="not signed with one of your own keys"):
        concerns.record(people.deputy, make(), now)
    concern = make(by=deputy_key)
    with pytest.raises(WrongState, match="not signed with one of your own keys"):
        concerns.record(people.lead, concern, now)


def test_a_concern_whose_signature_is_off_is_refused(database, people, listed, make, now):
    concern = msgspec.structs.replace(make(), evidence=make().evidence)
    with pytest.raises(WrongState, match="signature does not match"):
        concerns.record(people.lead, concern, now)


def test_it_is_sealed_to_whom_the_list_allows_and_never_without_a_lead_or_recovery(
    database, people, listed, make, now, lead_key, deputy_key, recovery
):
    for readers, words in (
        ((lead_key, deputy_key, recovery), "may not open cases of this group"),
        ((lead_key, Key(bytes(64)), recovery), "may not open cases of this group"),
        ((lead_key,), "and to the recovery key"),
        ((recovery,), "at least one lead"),
    ):
        with pytest.raises(WrongState, match=words):
            concerns.record(people.lead, make(*readers), now)
    with pytest.raises(WrongState, match="not sealed to those whom it names"):
        concerns.record(people.lead, make(sealed=(lead_key, deputy_key)), now)
    assert concerns.record(people.lead, make(lead_key, deputy_key, recovery, group="learners"), now)


def test_an_older_list_a_future_time_and_an_unsigned_key_are_refused(database, people, listed, make, now, new_lead_key):
    with pytest.raises(WrongState, match="list of who may open cases has changed"):
        concerns.record(people.lead, make(recipients_version=3), now)
    with pytest.raises(WrongState, match="lies in the future"):
        concerns.record(people.lead, make(started=now + timedelta(hours=1)), now)
    with pytest.raises(WrongState, match="not signed your key yet"):
        concerns.record(people.lead, make(by=new_lead_key(people.lead)), now)


def test_the_id_of_a_device_s_case_can_not_be_taken(database, people, listed, make, device, lead_key, now):
    alert = uuid4()
    device.send(device.alert(lead_key, alert=alert))
    with pytest.raises(NotAllowed, match="another case has this id"):
        concerns.record(people.lead, make(incident=alert), now)
    kept = concerns.record(people.lead, make(), now)
    assert device.send(device.alert(lead_key, alert=kept.pk)).results[0][0] == "refused"


def test_what_is_no_concern_is_refused(database, people, listed, make, now):
    with pytest.raises(Refused):
        concerns.record(people.lead, msgspec.structs.replace(make(), header=b"{}"), now)
    with pytest.raises(Refused):
        concerns.record(people.lead, make(group="Not A Group"), now)
