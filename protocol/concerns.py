"""A concern that a lead recorded by hand: sealed like an alert, and signed with the lead's own key, by no device.

The browser's `server/web/static/web/concern.js` makes and opens the same. FORMAT.md, section 14, has the attacks.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import Group, KeyId, Message, Positive, ShortText, UtcTime, Word, decode
from protocol.sealing import Place, key_id, open_envelope
from protocol.signing import sign_lead, verify_lead

CONCERN_TEXT_MAX_CHARS = 3500
"""What is typed in one go, and fits 16 KiB padded in any script; more belongs into a note."""


class ConcernHeader(Message, frozen=True):
    """What the collector may see of a concern: who signed it, which group, how urgent, when, and whom it is sealed to.

    `incident` is the id of the case that it becomes, `signer` the id of the lead's key.
    """

    version: Literal[1]
    record: UUID
    incident: UUID
    signer: KeyId
    group: Group
    urgent: bool
    started: UtcTime
    sealed_to: Annotated[tuple[KeyId, ...], msgspec.Meta(min_length=1)]
    recipients_version: Positive


class Concern(Message, frozen=True):
    """A concern on its way in: the exact header bytes, two envelopes, and the lead's signature over all three."""

    header: bytes
    heading: bytes
    evidence: bytes
    signature: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]


class ConcernHeading(Message, frozen=True):
    """What is sealed in the first envelope: like an alert's heading, but it was reported and not seen by a device."""

    version: Literal[1]
    category: Word
    person: ShortText
    kind: Literal["report"]
    count: Literal[1]
    certainty: Literal["reported"]


class ConcernEvidence(Message, frozen=True):
    """What is sealed in the second envelope: where it comes from, what was said, and who wrote it down.

    `about` and `about_reference` name an earlier case that it belongs to, or are empty.
    """

    version: Literal[1]
    category: Word
    person: ShortText
    source: Word
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=CONCERN_TEXT_MAX_CHARS)]
    author: ShortText
    at: UtcTime
    about: UUID | None = None
    about_reference: ShortText = ""


def whole(header: bytes, heading: bytes, evidence: bytes) -> bytes:
    """Return what the lead signs as one: the SHA-256 of each part, so that a queue needs no evidence to check one."""
    return b"".join(hashlib.sha256(part).digest() for part in (header, heading, evidence))


def read_header(data: bytes) -> ConcernHeader:
    """Return the header of a concern; raises Refused naming the place."""
    return decode(data, ConcernHeader)


def sign(private_key: bytes, header: bytes, heading: bytes, evidence: bytes) -> bytes:
    """Return the signature (64 bytes) of a lead, whose private key has 64 bytes, over a concern."""
    said = read_header(header)
    return sign_lead(private_key, "concern", said.incident, said.record, whole(header, heading, evidence))


def verify(public_key: bytes, signature: bytes, header: bytes, heading: bytes, evidence: bytes) -> ConcernHeader:
    """Return the header, once the lead's signature holds and the header names their key (64 bytes).

    Raises Refused `bad_lead_signature`, or as `read_header`. Stops a collector from making a concern up, from putting
    it under another lead's name, and from putting parts of two together.
    """
    return verify_digest(public_key, signature, header, heading, hashlib.sha256(evidence).digest())


def verify_digest(
    public_key: bytes, signature: bytes, header: bytes, heading: bytes, evidence_sha256: bytes
) -> ConcernHeader:
    """The same where only the evidence's SHA-256 is at hand."""
    said = read_header(header)
    if said.signer != key_id(public_key):
        raise Refused(Code.BAD_LEAD_SIGNATURE, "the header names another key")
    sealed = hashlib.sha256(header).digest() + hashlib.sha256(heading).digest() + evidence_sha256
    verify_lead(public_key, signature, "concern", said.incident, said.record, sealed)
    return said


def open_part(
    purpose: Literal["heading", "evidence"], envelope: bytes, header: ConcernHeader, exact: bytes, private_key: bytes
) -> bytes:
    """Return the text of one envelope; raises OpenError. `exact` are the header's bytes as they were signed."""
    return open_envelope(envelope, private_key, place(purpose, header, exact))


def place(purpose: Literal["heading", "evidence"], header: ConcernHeader, exact: bytes) -> Place:
    """Return where an envelope of a concern belongs: its subject is the case, for there is no device."""
    return Place(purpose=purpose, subject=header.incident, record=header.record, header=exact)
