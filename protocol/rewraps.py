"""Re-wraps: a lead opens the content key of an envelope and seals it again, to a key that came later, and signs that.

So a new lead, or a lead's new key, reads older cases without any envelope changing: the device's and the authors'
signatures still hold. FORMAT.md, section 13, has the attacks. The browser's `static/web/rewrap.js` does the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import Annotated
from uuid import UUID

import msgspec

from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import LeadPublicKey, Message
from protocol.sealing import WRAP_BYTES, Place, Purpose, content_key_of, key_id, public_of, wrap_for
from protocol.signing import sign_lead, verify_lead


class Rewrap(Message, frozen=True):
    """One envelope's content key for one more reader: which envelope, the reader's key, and who did it.

    `record` and `purpose` are those of the envelope, `envelope_sha256` its hash, `recipient` and `signer` public keys
    (64 bytes), `wrap` the content key in HPKE.
    """

    record: UUID
    purpose: Purpose
    envelope_sha256: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    recipient: LeadPublicKey
    wrap: Annotated[bytes, msgspec.Meta(min_length=WRAP_BYTES, max_length=WRAP_BYTES)]
    signer: LeadPublicKey
    signature: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]

    def signed_part(self) -> bytes:
        """Return what stands in the place of an envelope in the lead's statement."""
        return b"".join((self.purpose.encode(), b"\0", self.envelope_sha256, self.recipient, self.wrap))


def rewrap(
    envelope: bytes, place: Place, incident: UUID, recipient: bytes, private_key: bytes, *, wrap: bytes | None = None
) -> Rewrap:
    """Return the re-wrap of an envelope for `recipient` (64 bytes), made by the holder of `private_key` (64 bytes).

    `wrap` is the holder's own re-wrap where the envelope's table has no slot for them. Raises OpenError, SealError.
    """
    content_key = content_key_of(envelope, private_key, place, wrap=wrap)
    return signed(place, hashlib.sha256(envelope).digest(), content_key, incident, recipient, private_key)


def signed(
    place: Place, envelope_sha256: bytes, content_key: bytes, incident: UUID, recipient: bytes, private_key: bytes
) -> Rewrap:
    """Return the signed re-wrap of a content key (32 bytes) where the envelope itself is not at hand."""
    made = Rewrap(
        place.record,
        place.purpose,
        envelope_sha256,
        recipient,
        wrap_for(content_key, recipient, place, rewrapped=True),
        public_of(private_key),
        bytes(64),
    )
    signature = sign_lead(private_key, "rewrap", incident, made.record, made.signed_part())
    return msgspec.structs.replace(made, signature=signature)


def check(one: Rewrap, incident: UUID, signers: Collection[str]) -> None:
    """Check that one of `signers` (key ids) made this, in this case; raises Refused `bad_lead_signature`."""
    if key_id(one.signer) not in signers:
        raise Refused(Code.BAD_LEAD_SIGNATURE, "signed by a key that has no say here")
    verify_lead(one.signer, one.signature, "rewrap", incident, one.record, one.signed_part())


def readers(sealed_to: Iterable[str], incident: UUID, rewraps: Iterable[Rewrap]) -> frozenset[str]:
    """Return the ids of all keys that may read a case: those sealed to, and whom one of them let in by a re-wrap.

    `sealed_to` is from the header that the device signed. A re-wrap that does not hold lets nobody in.
    """
    known, waiting = set(sealed_to), list(rewraps)
    while True:
        rest = []
        for one in waiting:
            if key_id(one.signer) not in known:
                rest.append(one)
            elif _holds(one, incident):
                known.add(key_id(one.recipient))
        if len(rest) == len(waiting):
            return frozenset(known)
        waiting = rest


def _holds(one: Rewrap, incident: UUID) -> bool:
    try:
        verify_lead(one.signer, one.signature, "rewrap", incident, one.record, one.signed_part())
    except Refused:
        return False
    return True
