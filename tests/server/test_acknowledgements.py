"""Acknowledgements from devices and the portal are kept once for each person and version; nobody's can be made up."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from protocol.messages import Acknowledgement, AcknowledgementStatement, encode
from protocol.signing import sign_acknowledgement
from rules.policy import Policy
from server import acknowledgements
from server.errors import WrongState
from server.store.models import AcknowledgementRecord, AuditEntry, Person

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
POLICY = """
organisation = "Test"
timezone = "Europe/London"
start_date = 2026-01-01
working_hours = ["Mon-Fri 08:00-18:00"]
[groups.staff]
name = "Staff"
[groups.learners]
name = "Learners"
[[documents]]
id = "code"
title = "Code of conduct"
version = "3"
date = 2026-11-01
where = "https://example.org/code"
[[documents]]
id = "handbook"
title = "Staff handbook"
version = "1"
date = 2026-02-01
text = "Be kind."
groups = ["staff"]
"""


@pytest.fixture
def published(monkeypatch):
    """The policy that is published, as number 30."""

    def publish(text=POLICY, number=30):
        policy = Policy.parse(text, "policy.toml")
        monkeypatch.setattr("server.policy_in_force._numbered", lambda: {number: policy})
        return policy

    publish()
    return publish


def parcel(sender, person="sam", change=None, key=None, **more):
    """An acknowledgement as the device signs it; `change` alters the statement after signing."""
    record, counter = uuid4(), sender.counter + 1
    said = {
        "version": 1, "record": record, "counter": counter, "device": sender.id, "signer": sender.id, "person": person,
        "document": "code", "document_version": "3", "shown": "a" * 64, "at": NOW, "policy_version": 30, **more,
    }  # fmt: skip
    statement = encode(AcknowledgementStatement(**said))
    signature = sign_acknowledgement(key or sender.key, statement)
    body = Acknowledgement(change(statement) if change is not None else statement, signature)
    return sender.parcel("acknowledgement", body, record=record)


def test_it_is_kept_with_its_signature_once_for_each_person_and_version(database, device, other_device, published):
    first = parcel(device)
    assert device.send(first).results == [("stored", None)]
    assert device.send(first).results == [("duplicate", None)]
    assert other_device.send(parcel(other_device, "SAM")).results == [("stored", None)]
    assert device.send(parcel(device, "ben")).results == [("stored", None)]
    kept = AcknowledgementRecord.objects.get(key="sam")
    assert (kept.document, kept.version, kept.at, kept.device_id) == ("code", "3", NOW, device.id)
    assert bytes(kept.signature)
    assert AcknowledgementRecord.objects.count() == 2
    assert not AuditEntry.objects.filter(action="document_acknowledged").exists()


@pytest.mark.parametrize(
    ("more", "result"),
    [
        ({"change": lambda said: said.replace(b'"sam"', b'"ben"')}, ("refused", "bad_record_signature")),
        ({"document": "made_up"}, ("refused", "bad_record")),
        ({"document_version": "9"}, ("refused", "bad_record")),
        ({"document_version": "9", "policy_version": 31}, ("retry", "busy")),
        ({"document_version": "1", "policy_version": 29}, ("stored", None)),
        ({"signer": uuid4()}, ("refused", "wrong_device")),
        ({"device": uuid4()}, ("refused", "wrong_device")),
        ({"counter": 99}, ("refused", "bad_record")),
        ({"person": "a\0b"}, ("refused", "bad_record")),
        ({"person": "ß" * 150}, ("refused", "bad_record")),
        ({"at": datetime(1, 1, 1, tzinfo=UTC)}, ("refused", "bad_record")),
    ],
)
def test_what_a_device_may_not_say_is_refused_and_what_is_too_new_waits(database, device, published, more, result):
    assert device.send(parcel(device, **more)).results == [result]
    assert AcknowledgementRecord.objects.exists() == (result[0] == "stored")


def test_another_devices_signature_is_worth_nothing(database, device, other_device, published):
    assert device.send(parcel(device, key=other_device.key)).results == [("refused", "bad_record_signature")]


def listed(account, group="staff", **more):
    return Person.objects.create(
        account=account, key=account, name=account.title(), group=group, changed_at=NOW, **more
    )


def test_who_has_still_to_is_counted_by_document_and_group(database, device, published):
    listed("sam@example.org")
    listed("ben@example.org")
    listed("lee@example.org", group="learners")
    listed("gone@example.org", gone_at=NOW)
    listed("left@example.org", leaves_on=NOW.date().replace(day=19))
    device.send(parcel(device, "Sam"))
    found = acknowledgements.register(NOW.date())
    assert [(one.account[:3], one.document) for one in found.due] == [
        ("ben", "code"), ("ben", "handbook"), ("lee", "code"), ("sam", "handbook"),
    ]  # fmt: skip
    assert [(one.document, one.group, one.people, one.acknowledged) for one in found.counts] == [
        ("code", "learners", 1, 0), ("code", "staff", 2, 1), ("handbook", "staff", 2, 0),
    ]  # fmt: skip
    partners = acknowledgements.register(NOW.date(), lambda group: group == "learners")
    assert {one.group for one in partners.standings} == {"learners"}
    published(POLICY.replace('version = "3"', 'version = "4"'), 31)
    assert acknowledgements.register(NOW.date()).counts[1].acknowledged == 0


def test_whoever_signs_in_acknowledges_for_themselves_what_they_were_shown(database, people, published):
    policy = published()
    code, handbook = acknowledgements.own(people.manager)
    assert (code.document, code.at, handbook.at) == (policy.documents[0], None, None)
    shown = code.document.fingerprint
    acknowledgements.acknowledge(people.manager, "code", shown, NOW)
    acknowledgements.acknowledge(people.manager, "code", shown, NOW)
    assert [one.at for one in acknowledgements.own(people.manager)] == [NOW, None]
    assert [one.at for one in acknowledgements.own(people.dpo)] == [None, None]
    (line,) = AuditEntry.objects.filter(action="document_acknowledged")
    assert (line.actor, line.subject) == (f"user:{people.manager.pk}", "document:code")
    published(POLICY.replace("org/code", "org/else"), 31)
    for document, words in (("code", shown), ("made_up", shown)):
        with pytest.raises(WrongState, match="newer version"):
            acknowledgements.acknowledge(people.dpo, document, words, NOW)


def test_what_somebody_acknowledged_at_a_device_counts_in_the_portal_too(database, people, device, published):
    listed("manager@brightpath.example", group="learners")
    assert [one.document.id for one in acknowledgements.own(people.manager)] == ["code"]
    device.send(parcel(device, "manager"))
    (code,) = acknowledgements.own(people.manager)
    assert code.at == NOW


def test_without_a_policy_nobody_is_asked_anything(database, people):
    assert acknowledgements.own(people.it) == []
    assert acknowledgements.register(NOW.date()).counts == ()
