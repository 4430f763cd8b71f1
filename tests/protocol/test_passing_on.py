"""A case is passed on only as its device signed it, to whom it may be open, with notes that their authors signed."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from msgspec import structs

from protocol import concerns, rewraps
from protocol.documents import seal_signed
from protocol.errors import KeptBack, OpenError, Refused
from protocol.messages import AlertHeader, Heading, decode, encode
from protocol.passing_on import Kept, SharedNote, ToShare, pass_on
from protocol.publication import Recipient
from protocol.rolekeys import new_key
from protocol.sealing import KEY_BYTES, Place, key_id, open_envelope, public_of, seal, slot_of
from protocol.signing import sign_alert

LEAD, NEW, STRANGER = (os.urandom(KEY_BYTES) for _ in range(3))
AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def recipient(**scope):
    return Recipient(key_id(public_of(NEW)), public_of(NEW), "lead", "New lead", **scope)


@pytest.fixture
def given():
    """One case about sam, of the group staff, with a good note and a made-up one."""
    record, device, signer = uuid4(), uuid4(), new_key()
    ids = (key_id(public_of(LEAD)),)
    head = encode(AlertHeader(1, record, 1, record, 0, device, device, "staff", True, AT, AT, ids, 1, 1))
    sealed = {}
    for purpose, text in (("heading", encode(Heading(1, "gambling", "sam", "host", 2))), ("evidence", b"{}")):
        place = Place(purpose=purpose, subject=device, record=record, header=head)
        sealed[purpose] = seal(text, [public_of(LEAD)], place)
    notes = []
    for author in (LEAD, STRANGER):
        note = seal_signed("note", b"text", [public_of(LEAD)], record, uuid4(), author)
        slot = Kept(slot_of(note.envelope, ids[0]), "wrap")
        notes.append(SharedNote(note.id, hashlib.sha256(note.envelope).digest(), note.signer, note.signature, slot))
    return ToShare(
        incident=record,
        header=head,
        heading=sealed["heading"],
        signature=sign_alert(signer, head, sealed["heading"], sealed["evidence"]),
        signer_key=signer.public_key().public_bytes_raw(),
        lead_key=None,
        evidence_digest=hashlib.sha256(sealed["evidence"]).digest(),
        kept_heading=Kept(slot_of(sealed["heading"], ids[0]), "wrap"),
        kept_evidence=Kept(slot_of(sealed["evidence"], ids[0]), "wrap"),
        notes=tuple(notes),
        rewraps=(),
    )


def test_it_opens_to_the_newcomer_and_only_good_notes_go_along(given):
    parcel = pass_on(given, recipient(), LEAD)
    assert [one.purpose for one in parcel.rewraps] == ["heading", "evidence", "note"]
    assert parcel.rewraps[2].record == given.notes[0].id
    for one in parcel.rewraps:
        rewraps.check(one, given.incident, [key_id(public_of(LEAD))])
    header = given.header
    subject = decode(header, AlertHeader).device
    place = Place(purpose="heading", subject=subject, record=given.incident, header=header)
    assert b"sam" in open_envelope(given.heading, NEW, place, wrap=parcel.rewraps[0].wrap)
    assert decode(encode(given), ToShare) == given


@pytest.mark.parametrize("scope", [{"never_about": ("CORP\\Sam",)}, {"groups": ("learners",)}])
def test_what_is_not_for_the_newcomer_is_kept_back(given, scope):
    with pytest.raises(KeptBack):
        pass_on(given, recipient(**scope), LEAD)


def test_what_the_device_did_not_sign_like_this_is_refused(given):
    for change in ({"evidence_digest": bytes(32)}, {"incident": uuid4()}, {"signer_key": None}, {"heading": b""}):
        with pytest.raises(Refused, match="bad_record_signature"):
            pass_on(structs.replace(given, **change), recipient(), LEAD)
    with pytest.raises(OpenError):
        pass_on(given, recipient(), STRANGER)


def test_a_concern_recorded_by_hand_is_passed_on_as_its_lead_signed_it(given):
    incident, record = uuid4(), uuid4()
    ids = (key_id(public_of(LEAD)),)
    head = encode(concerns.ConcernHeader(1, record, incident, ids[0], "staff", False, AT, ids, 1))
    said = concerns.read_header(head)
    heading = encode(concerns.ConcernHeading(1, "self_harm", "sam", "report", 1, "reported"))
    sealed = {
        purpose: seal(text, [public_of(LEAD)], concerns.place(purpose, said, head))
        for purpose, text in (("heading", heading), ("evidence", b"{}"))
    }
    concern = structs.replace(
        given,
        incident=incident,
        header=head,
        heading=sealed["heading"],
        signature=concerns.sign(LEAD, head, sealed["heading"], sealed["evidence"]),
        signer_key=None,
        lead_key=public_of(LEAD),
        evidence_digest=hashlib.sha256(sealed["evidence"]).digest(),
        kept_heading=Kept(slot_of(sealed["heading"], ids[0]), "wrap"),
        kept_evidence=Kept(slot_of(sealed["evidence"], ids[0]), "wrap"),
        notes=(),
    )
    parcel = pass_on(concern, recipient(), LEAD)
    place = concerns.place("evidence", said, head)
    assert open_envelope(sealed["evidence"], NEW, place, wrap=parcel.rewraps[1].wrap) == b"{}"
    with pytest.raises(KeptBack):
        pass_on(concern, recipient(never_about=("sam",)), LEAD)
    with pytest.raises(Refused, match="bad_lead_signature"):
        pass_on(structs.replace(concern, lead_key=public_of(STRANGER)), recipient(), LEAD)
