"""Custodians open older cases to a new lead's key with two shares, and to nobody whom they have not signed."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64decode
from uuid import UUID, uuid4

import msgspec
import pytest

from custody import recovering, recovery
from custody.errors import CustodyError
from protocol import rewraps
from protocol.documents import seal_signed
from protocol.messages import decode_header
from protocol.passing_on import Kept, RecoveryFile, SharedNote, ToShare
from protocol.publication import Recipient, RecipientList
from protocol.sealing import KEY_BYTES, Place, key_id, open_envelope, public_of, slot_of

OLD, NEW = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)
RECOVERY, SHARES = recovery.make()
PRIVATE = recovery.combine(SHARES[:2])


def listed(**scope):
    new = Recipient(key_id(public_of(NEW)), public_of(NEW), "lead", "New lead", **scope)
    return RecipientList(3, True, (new, RECOVERY))


@pytest.fixture
def case(alert):
    """`case(note)`: one case of the lead who left, about `sam` of the group staff, as the desk's file has it."""

    def make(*notes, number=1):
        sealed = {
            name: b64decode(value) for name, value in alert([public_of(OLD), RECOVERY.public_key], number).items()
        }
        incident = decode_header(sealed["header"]).alert
        kept = {name: Kept(slot_of(sealed[name], RECOVERY.key_id), "wrap") for name in ("heading", "evidence")}
        shared = []
        for text, author in notes:
            readers = [public_of(OLD), RECOVERY.public_key]
            note = seal_signed("note", text, readers, incident, uuid4(), author)
            slot = Kept(slot_of(note.envelope, RECOVERY.key_id), "wrap")
            digest = hashlib.sha256(note.envelope).digest()
            shared.append((note, SharedNote(note.id, digest, note.signer, note.signature, slot)))
        given = ToShare(
            incident=incident,
            header=sealed["header"],
            heading=sealed["heading"],
            signature=sealed["signature"],
            signer_key=sealed["device_public_key"],
            lead_key=None,
            evidence_digest=hashlib.sha256(sealed["evidence"]).digest(),
            kept_heading=kept["heading"],
            kept_evidence=kept["evidence"],
            notes=tuple(one for _, one in shared),
            rewraps=(),
        )
        return given, sealed, [note for note, _ in shared]

    return make


def file_of(*cases, recipient=None):
    return RecoveryFile(1, recipient or key_id(public_of(NEW)), tuple(cases))


def test_heading_evidence_and_notes_open_to_the_new_key_and_prove_who_let_it_in(case):
    given, sealed, (note, forged) = case((b"Rang the tutor.", OLD), (b"made up", os.urandom(KEY_BYTES)))
    file = file_of(given)
    newcomer = recovering.recipient_of(file, listed(), PRIVATE)
    made = recovering.recover(file, newcomer, PRIVATE)
    assert (made.kept_back, made.refused) == (0, ())
    (parcel,) = made.file.parcels
    header = decode_header(sealed["header"])
    wraps = {(one.record, one.purpose): one.wrap for one in parcel.rewraps}
    assert set(wraps) == {(header.record, "heading"), (header.record, "evidence"), (note.id, "note")}
    assert forged.id not in {record for record, _ in wraps}
    place = Place(purpose="evidence", subject=header.device, record=header.record, header=sealed["header"])
    assert b"bet365" in open_envelope(sealed["evidence"], NEW, place, wrap=wraps[header.record, "evidence"])
    place = Place(purpose="note", subject=given.incident, record=note.id, header=b"")
    assert open_envelope(note.envelope, NEW, place, wrap=wraps[note.id, "note"]) == b"Rang the tutor."
    readers = rewraps.readers(header.sealed_to, given.incident, parcel.rewraps)
    assert newcomer.key_id in readers


@pytest.mark.parametrize("scope", [{"never_about": ("SAM",)}, {"groups": ("learners",)}])
def test_what_is_about_the_newcomer_or_of_another_group_stays_closed(case, scope):
    file = file_of(case()[0])
    made = recovering.recover(file, recovering.recipient_of(file, listed(**scope), PRIVATE), PRIVATE)
    assert (made.file.parcels, made.kept_back, made.refused) == ((), 1, ())


def test_what_was_altered_is_left_out_and_named(case):
    good, other = case()[0], case(number=2)[0]
    bad = [
        msgspec.structs.replace(good, evidence_digest=bytes(32)),
        msgspec.structs.replace(good, heading=other.heading),
        msgspec.structs.replace(good, incident=other.incident),
        msgspec.structs.replace(good, signer_key=None),
        msgspec.structs.replace(good, kept_evidence=good.kept_heading),
    ]
    file = file_of(*bad, good)
    made = recovering.recover(file, listed().recipients[0], PRIVATE)
    assert [parcel.incident for parcel in made.file.parcels] == [good.incident]
    assert len(made.refused) == 5
    assert made.refused[0].startswith("case 1 of 6 was left out: bad_record_signature")


def test_only_a_lead_of_the_signed_list_and_the_lists_own_recovery_key_will_do(case):
    given = case()[0]
    with pytest.raises(CustodyError, match="is no lead's on the signed list"):
        recovering.recipient_of(file_of(given, recipient=key_id(public_of(OLD))), listed(), PRIVATE)
    with pytest.raises(CustodyError, match="is no lead's on the signed list"):
        recovering.recipient_of(file_of(given, recipient=RECOVERY.key_id), listed(), PRIVATE)
    other = recovery.combine(recovery.make()[1][:2])
    with pytest.raises(CustodyError, match="another recovery key"):
        recovering.recipient_of(file_of(given), listed(), other)


def test_the_command_does_it_with_two_shares_and_says_for_whom(pilot, alert, tmp_path, capsys):
    file = pilot.folder / "lead.json"
    lead = json.loads(file.read_text())
    rescue = msgspec.json.decode((pilot.ceremony / "recovery-key.json").read_bytes(), type=Recipient)
    sealed = {name: b64decode(value) for name, value in alert([rescue.public_key]).items()}
    incident = decode_header(sealed["header"]).alert
    given = ToShare(
        incident=incident,
        header=sealed["header"],
        heading=sealed["heading"],
        signature=sealed["signature"],
        signer_key=sealed["device_public_key"],
        lead_key=None,
        evidence_digest=hashlib.sha256(sealed["evidence"]).digest(),
        kept_heading=Kept(slot_of(sealed["heading"], rescue.key_id), "wrap"),
        kept_evidence=Kept(slot_of(sealed["evidence"], rescue.key_id), "wrap"),
        notes=(),
        rewraps=(),
    )
    asked = tmp_path / "recovery.json"
    asked.write_bytes(msgspec.json.encode(file_of(given, recipient=lead["key_id"])))
    shares = [word for n in (1, 3) for word in ("--recovery-share", pilot.ceremony / "recovery" / f"share-{n}.txt")]
    out = tmp_path / "recovered.json"
    publication = pilot.ceremony / "publication"
    words = ("recover", asked, *shares, "--publication", publication, "--out", out, "--yes")
    assert pilot.custody(*words) == 0
    shown = capsys.readouterr().out
    assert "1 cases opened to" in shown
    assert UUID(json.loads(out.read_text())["parcels"][0]["incident"]) == incident
    asked.write_text("{}")
    assert pilot.custody(*words) == 2
    assert "no recovery file" in capsys.readouterr().err
