"""Cases of a lead who is gone go out to the custodians and come back open to the new lead's key, on the record."""

from __future__ import annotations

import json
import os
from uuid import uuid4

import pytest
from msgspec import structs

from custody import recovering
from protocol import sealing
from protocol.messages import encode
from protocol.publication import Recipient, RecipientList
from server import cases, incidents, queue, recovered, sharing
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditEntry, Rewrap
from tests.server.conftest import HeldKey

RECOVERY = os.urandom(sealing.KEY_BYTES)
RESCUE = HeldKey(sealing.key_id(sealing.public_of(RECOVERY)), sealing.public_of(RECOVERY), RECOVERY)


@pytest.fixture
def sign(tmp_path, monkeypatch):
    """`sign(version, key, ...)`: publish a list of recipients; returns it."""
    folder = tmp_path / "rules" / "targets" / "recipients"
    folder.mkdir(parents=True)
    monkeypatch.setattr("django.conf.settings.RULES_DIR", tmp_path / "rules")

    def publish(version, *keys, groups=()):
        rows = [Recipient(key.key_id, key.public, "lead", "A lead", groups) for key in keys]
        rows.append(Recipient(RESCUE.key_id, RESCUE.public, "recovery", "Recovery"))
        listed = RecipientList(version, True, tuple(rows))
        (folder / f"{version}a.recipients.json").write_bytes(encode(listed))
        return listed

    return publish


@pytest.fixture
def old_case(device, people, lead_key, sealed_note, sign):
    """A case with a note, of a lead who has since left: the deputy is on the newest list, the lead is not."""
    alert = uuid4()
    sign(1, lead_key)
    assert device.send(device.alert(lead_key, RESCUE, alert=alert)).results == [("stored", None)]
    cases.add_note(people.lead, alert, sealed_note(alert, lead_key, RESCUE, text=b"Rang the tutor."))
    people.lead.is_active = False
    people.lead.save()
    return alert


def brought_back(user, listed, now):
    """What the custodians make of the user's file: the list's words for whom, and the parcels."""
    file = recovering.read_file(encode(recovered.file_for(user, now)))
    newcomer = recovering.recipient_of(file, listed, RECOVERY)
    return file.recipient, recovering.recover(file, newcomer, RECOVERY).file.parcels


def test_the_only_lead_left_and_the_custodians_open_the_cases_to_the_next(
    database, people, old_case, deputy_key, sign, now
):
    listed = sign(2, deputy_key)
    assert queue.page(people.deputy, sealed=True).rows == ()
    number, parcels = brought_back(people.deputy, listed, now)
    assert [recovered.take(people.deputy, number, parcels, now) for _ in range(2)] == [1, 0]
    (row,) = queue.page(people.deputy, sealed=True).rows
    place = sealing.Place(purpose="heading", subject=row.device, record=row.record, header=row.header)
    assert b"gambling" in sealing.open_envelope(row.heading, deputy_key.private, place, wrap=row.wrap)
    (note,) = cases.notes(people.deputy, old_case)
    place = sealing.Place(purpose="note", subject=old_case, record=note.pk, header=b"")
    wrap = sharing.wraps_for(people.deputy, [old_case], ["note"])[note.pk, "note"]
    assert sealing.open_envelope(bytes(note.envelope), deputy_key.private, place, wrap=wrap) == b"Rang the tutor."
    assert incidents.release(people.deputy, old_case)
    actions = [entry.action for entry in AuditEntry.objects.order_by("seq")]
    assert actions == ["note_added", "recovery_file_saved", "cases_recovered", "evidence_released"]
    with pytest.raises(WrongState, match="open to your key already"):
        recovered.file_for(people.deputy, now)


def test_a_lost_passphrase_is_a_new_key_to_which_the_recovery_shares_open_the_cases(
    database, device, people, lead_key, new_lead_key, sign, now
):
    sign(1, lead_key)
    device.send(device.alert(lead_key, RESCUE))
    new = new_lead_key(people.lead)
    listed = sign(2, new)
    number, parcels = brought_back(people.lead, listed, now)
    assert number == new.key_id
    assert recovered.take(people.lead, number, parcels, now) == 1


def test_the_file_holds_no_evidence_and_no_note(database, people, old_case, deputy_key, sign, now):
    sign(2, deputy_key)
    whole = encode(recovered.file_for(people.deputy, now))
    assert len(whole) < 20_000
    (case,) = json.loads(whole)["cases"]
    assert set(case) == {
        "incident", "header", "heading", "signature", "signer_key", "lead_key", "evidence_digest", "kept_heading",
        "kept_evidence", "notes", "rewraps",
    }  # fmt: skip


def test_nobody_takes_in_what_the_recovery_key_did_not_sign_or_what_is_anothers(
    database, device, people, old_case, deputy_key, new_lead_key, sign, now
):
    listed = sign(2, deputy_key)
    number, (parcel,) = brought_back(people.deputy, listed, now)
    own = structs.replace(parcel.rewraps[0], signer=deputy_key.public)
    bad = structs.replace(parcel, rewraps=(own, *parcel.rewraps[1:]))
    with pytest.raises(WrongState, match="not signed with a key that may share"):
        recovered.take(people.deputy, number, [bad], now)
    with pytest.raises(NotThere):
        recovered.take(people.deputy, number, [structs.replace(parcel, incident=uuid4())], now)
    with pytest.raises(NotAllowed):
        recovered.take(people.lead, number, [parcel], now)
    with pytest.raises(NotAllowed):
        recovered.file_for(people.it, now)
    sign(3, deputy_key, new_lead_key(people.it))
    with pytest.raises(NotThere):
        recovered.take(people.deputy, "0" * 32, [parcel], now)
    assert not Rewrap.objects.exists()


def test_who_is_not_signed_yet_gets_no_file(database, people, old_case, deputy_key, now):
    with pytest.raises(WrongState, match="custodians sign it first"):
        recovered.file_for(people.deputy, now)
    assert not AuditEntry.objects.filter(action="recovery_file_saved").exists()
