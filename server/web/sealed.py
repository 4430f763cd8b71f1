"""What is sealed, as the browser gets it."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from server.nearby import Nearby
from server.queue import SealedRow

FRAMES = "application/octet-stream"
_LENGTHS = struct.Struct(">IIII")


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as the browser gets it: signed parts, and the evidence or only its hash.

    A device's key signed it, or a lead's (64 bytes) where it is a concern that was recorded by hand. `wraps` has the
    content keys of envelopes that were re-wrapped for the reader, by purpose.
    """

    incident: UUID
    header: bytes
    heading: bytes
    signature: bytes
    signer_key: bytes | None
    lead_key: bytes | None
    evidence: bytes | None = None
    evidence_digest: bytes | None = None
    wraps: dict[str, bytes] = {}


def frames(said: dict[str, Any], rows: Iterable[tuple[dict[str, Any], SealedRow]]) -> bytes:
    """Return many headings in as few bytes as they have: base64 in JSON would be a third more, and slow to take apart.

    First `said` as JSON behind its length; then for each row four lengths (of what is said of it, header, heading and
    the signer's key; 4 bytes each, big endian), these four, signature (64) and digest of the evidence (32). A key of
    32 bytes is a device's, one of 64 a lead's.
    """
    head = msgspec.json.encode(said)
    pieces = [struct.pack(">I", len(head)), head]
    for clear, row in rows:
        words = msgspec.json.encode(clear | {"wrap": b64encode(row.wrap).decode() if row.wrap is not None else None})
        parts = (words, row.header, row.heading, row.signer_public_key or row.lead_public_key or b"")
        pieces += (_LENGTHS.pack(*map(len, parts)), *parts, row.signature, row.evidence_sha256)
    return b"".join(pieces)


def heading_beside(one: Nearby) -> Sealed:
    """Return the sealed heading of a case that is looked up by itself, and of its evidence only the signed hash."""
    kept = one.kept
    return Sealed(
        incident=one.incident.pk,
        header=bytes(kept.header),
        heading=bytes(kept.heading),
        signature=bytes(kept.signature),
        signer_key=kept.signer.verifying_key if kept.signer is not None else None,
        lead_key=bytes(kept.lead_key.public_key) if kept.lead_key is not None else None,
        evidence_digest=bytes(kept.evidence_sha256),
        wraps={"heading": one.wrap} if one.wrap is not None else {},
    )
