"""Whom an alert may be sealed to: every key that somebody here has, or that a published list named."""

from __future__ import annotations

import os

import msgspec
from django.conf import settings

from protocol import sealing
from protocol.publication import Recipient, RecipientList
from server.recipients import known_key_ids


def _recipient(role):
    public = sealing.public_of(os.urandom(sealing.KEY_BYTES))
    return Recipient(sealing.key_id(public), public, role, role)


def test_leads_keys_count_even_out_of_use(database, lead_key):
    from server.store.models import LeadKey

    LeadKey.objects.update(active=False)
    assert known_key_ids() == {lead_key.key_id}


def test_the_recovery_key_of_every_published_list_counts(database, organisation, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "RULES_DIR", tmp_path)
    folder = tmp_path / "targets" / "recipients"
    folder.mkdir(parents=True)
    lists = [RecipientList(n, True, (_recipient("lead"), _recipient("recovery"))) for n in (1, 2)]
    for number, one in enumerate(lists):
        (folder / f"{number}.recipients.json").write_bytes(msgspec.json.encode(one))
    (folder / "3.recipients.json").write_bytes(b"not a list")
    assert known_key_ids() == {recipient.key_id for one in lists for recipient in one.recipients}


def test_an_alert_sealed_to_the_recovery_key_alone_is_taken(
    database, device, tmp_path, monkeypatch, people, new_lead_key
):
    from server.store.models import LeadKey

    monkeypatch.setattr(settings, "RULES_DIR", tmp_path)
    held = new_lead_key(people.lead)
    LeadKey.objects.all().delete()
    parcel = device.alert(held)
    assert device.send(parcel).results == [("refused", "unknown_recipient")]
    folder = tmp_path / "targets" / "recipients"
    folder.mkdir(parents=True)
    listed = RecipientList(1, True, (_recipient("lead"), Recipient(held.key_id, held.public, "recovery", "recovery")))
    (folder / "0.recipients.json").write_bytes(msgspec.json.encode(listed))
    assert device.send(parcel).results == [("stored", None)]
