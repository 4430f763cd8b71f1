"""Passing a case on to a later reader: what the collector gives for it, the checks before, and what comes back.

The browser does the same (`server/web/static/web/sharing.js`); here it is for the custodians' recovery key, offline.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from protocol import concerns, rewraps
from protocol.codes import Code
from protocol.concerns import ConcernHeading
from protocol.errors import KeptBack, Refused
from protocol.messages import Heading, KeyId, LeadPublicKey, Message, decode, decode_header
from protocol.publication import Recipient
from protocol.sealing import Place, Purpose, key_id, open_envelope, unwrap
from protocol.signing import verify_alert_digest, verify_lead_digest


class Kept(Message, frozen=True):
    """One's own wrapped content key of an envelope: `label` says whether it is of its table or of a re-wrap."""

    wrap: bytes
    label: Literal["wrap", "rewrap"]


class SharedNote(Message, frozen=True):
    """A note as much as passing it on takes: no text, its hash, and what proves who wrote it."""

    id: UUID
    digest: bytes
    signer: bytes
    signature: bytes
    kept: Kept


class ToShare(Message, frozen=True, kw_only=True):
    """One case as it is passed on: signed header, heading and wrapped keys; of the evidence and notes only hashes.

    `signer_key` is the device's; a concern that was recorded by hand has a `lead_key` instead.
    """

    incident: UUID
    header: bytes
    heading: bytes
    signature: bytes
    signer_key: bytes | None
    lead_key: bytes | None
    evidence_digest: bytes
    kept_heading: Kept
    kept_evidence: Kept
    notes: tuple[SharedNote, ...]
    rewraps: tuple[rewraps.Rewrap, ...]


class Parcel(Message, frozen=True):
    """The re-wraps of one case, whole."""

    incident: UUID
    rewraps: tuple[rewraps.Rewrap, ...]


class RecoveryFile(Message, frozen=True):
    """What a lead takes from the desk to the custodians: the key to recover for, and every case."""

    version: Literal[1]
    recipient: KeyId
    cases: tuple[ToShare, ...]


class RecoveredFile(Message, frozen=True):
    """What the custodians give back."""

    version: Literal[1]
    recipient: KeyId
    parcels: tuple[Parcel, ...]


def pass_on(given: ToShare, newcomer: Recipient, private_key: bytes) -> Parcel:
    """Return a case's re-wraps for a newcomer of the signed list, made by the holder of `private_key` (64 bytes).

    Raises KeptBack when the case is not for them, Refused when its device did not sign it like this, OpenError.
    """
    case = _verified(given)
    wrap = given.kept_heading.wrap if given.kept_heading.label == "rewrap" else None
    heading = open_envelope(given.heading, private_key, case.place("heading"), wrap=wrap)
    if not newcomer.may_open(case.group, case.person_in(heading)):
        raise KeptBack("the case is about this person, or of a group that they are not for")
    digests = {"heading": hashlib.sha256(given.heading).digest(), "evidence": given.evidence_digest}
    made = [
        _one(case.place(purpose), digests[purpose], kept, given.incident, newcomer.public_key, private_key)
        for purpose, kept in _parts(given)
    ]
    signers = rewraps.readers(case.sealed_to, given.incident, given.rewraps)
    for note in given.notes:
        where = Place(purpose="note", subject=given.incident, record=note.id, header=b"")
        try:
            _check_note(note, given.incident, signers)
        except Refused:
            continue  # what its author did not sign is not passed on
        made.append(_one(where, note.digest, note.kept, given.incident, newcomer.public_key, private_key))
    return Parcel(given.incident, tuple(made))


@dataclass(frozen=True)
class _Case:
    """What passing a case on needs of its verified header, a device's or a concern's."""

    subject: UUID
    record: UUID
    group: str
    sealed_to: tuple[str, ...]
    header: bytes
    heading: type[Heading | ConcernHeading]

    def place(self, purpose: Purpose) -> Place:
        return Place(purpose=purpose, subject=self.subject, record=self.record, header=self.header)

    def person_in(self, heading: bytes) -> str:
        return decode(heading, self.heading).person


def _verified(given: ToShare) -> _Case:
    """Check who signed the case, and that it is the one it is said to be; raises Refused."""
    parts = (given.signature, given.header, given.heading, given.evidence_digest)
    if given.lead_key is not None:
        concern = concerns.verify_digest(given.lead_key, *parts)
        number, kind = concern.incident, ConcernHeading
        case = _Case(concern.incident, concern.record, concern.group, concern.sealed_to, given.header, kind)
    elif given.signer_key is not None:
        verify_alert_digest(given.signer_key, *parts)
        header = decode_header(given.header)
        number = header.alert
        case = _Case(header.device, header.record, header.group, header.sealed_to, given.header, Heading)
    else:
        raise Refused(Code.BAD_RECORD_SIGNATURE, "nobody signed it")
    if number != given.incident:
        raise Refused(Code.BAD_RECORD_SIGNATURE, "it is another case's")
    return case


def _parts(given: ToShare) -> tuple[tuple[Purpose, Kept], ...]:
    return ("heading", given.kept_heading), ("evidence", given.kept_evidence)


def _check_note(note: SharedNote, incident: UUID, signers: frozenset[str]) -> None:
    if key_id(note.signer) not in signers:
        raise Refused(Code.BAD_LEAD_SIGNATURE)
    verify_lead_digest(note.signer, note.signature, "note", incident, note.id, note.digest)


def _one(
    place: Place, digest: bytes, kept: Kept, incident: UUID, recipient: LeadPublicKey, private_key: bytes
) -> rewraps.Rewrap:
    content_key = unwrap(kept.wrap, private_key, place, rewrapped=kept.label == "rewrap")
    return rewraps.signed(place, digest, content_key, incident, recipient, private_key)
