"""What leads write (notes, outcomes, mutes, concerns): sealed like an alert, and signed with the lead's own key.

The browser's `server/web/static/web/sealed.js` makes and opens the same. FORMAT.md, section 12, has the attacks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated
from uuid import UUID

import msgspec

from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import LeadPublicKey, Message
from protocol.sealing import LeadPurpose, Place, key_id, open_envelope, public_of, seal
from protocol.signing import sign_lead, verify_lead


class SealedDocument(Message, frozen=True):
    """One sealed paper: its id, its envelope, and the lead's key (64 bytes) and signature."""

    id: UUID
    envelope: bytes
    signer: LeadPublicKey
    signature: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]


def seal_signed(
    purpose: LeadPurpose, text: bytes, recipients: Sequence[bytes], subject: UUID, record: UUID, private_key: bytes
) -> SealedDocument:
    """Return `text` sealed to the recipients (64 bytes each) about a subject, and signed by `private_key` (64 bytes).

    `record` is the document's own new id. Raises SealError as `sealing.seal` does.
    """
    envelope = seal(text, recipients, Place(purpose=purpose, subject=subject, record=record, header=b""))
    signature = sign_lead(private_key, purpose, subject, record, envelope)
    return SealedDocument(record, envelope, public_of(private_key), signature)


def open_signed(
    purpose: LeadPurpose, document: SealedDocument, subject: UUID, private_key: bytes, signers: Collection[str]
) -> bytes:
    """Return the text, once its signature holds and its signer is one of `signers` (key ids).

    Raises Refused `bad_lead_signature`, and OpenError when it is not for this key.
    """
    check_signed(purpose, document, subject, signers)
    place = Place(purpose=purpose, subject=subject, record=document.id, header=b"")
    return open_envelope(document.envelope, private_key, place)


def check_signed(purpose: LeadPurpose, document: SealedDocument, subject: UUID, signers: Collection[str]) -> None:
    """Check who signed and what, without opening it; raises Refused `bad_lead_signature`."""
    if key_id(document.signer) not in signers:
        raise Refused(Code.BAD_LEAD_SIGNATURE, "signed by a key that has no say here")
    verify_lead(document.signer, document.signature, purpose, subject, document.id, document.envelope)
