"""What is sealed, as the browser gets it."""

from __future__ import annotations

from uuid import UUID

import msgspec

from server.queue import QueueRow


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


def heading_of(row: QueueRow) -> Sealed:
    """Return a row's sealed heading, and of its evidence only the hash that the device signed."""
    return Sealed(
        incident=row.id,
        header=row.header,
        heading=row.heading,
        signature=row.signature,
        signer_key=row.signer_public_key,
        lead_key=row.lead_public_key,
        evidence_digest=row.evidence_sha256,
        wraps={"heading": row.wrap} if row.wrap is not None else {},
    )
