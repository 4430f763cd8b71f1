"""Says until when each signed part of a publication is valid, what expires soon, and what waits for whom."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime

from tuf.api.metadata import Metadata, Root, Targets

from custody.difference import day, key_in_words
from custody.draft import Draft
from protocol.publication import EXPIRY_WARNING, OFFLINE, signed_at


@dataclass(frozen=True)
class Standing:
    """One part: the version in force, when it was signed and expires (aware UTC), and who must sign the next one."""

    name: str
    version: int | None
    signed_at: datetime | None
    expires: datetime | None
    pending: int | None
    waits_for: tuple[str, ...]


def standings(draft: Draft) -> list[Standing]:
    """Return how each part stands; raises CustodyError where there was no ceremony."""
    draft.root()
    return [_standing(draft, name) for name in OFFLINE]


def warnings(draft: Draft, now: datetime, without: Container[str] = ()) -> list[str]:
    """Return a sentence for each part that expires within the time of warning, or has expired."""
    found = []
    for one in standings(draft):
        if one.expires is None or one.name in without or one.expires - now > EXPIRY_WARNING:
            continue
        how = "IT: «sign packs»" if one.name == "packs" else "custodians: «sign renew»"
        if one.expires <= now:
            found.append(f"{one.name} expired on {day(one.expires)}: no device takes anything new until it is renewed "
                         f"({how})")  # fmt: skip
        else:
            days = (one.expires - now).days
            found.append(f"{one.name} expires on {day(one.expires)}, in {days} days: renew it ({how})")
    return found


def _standing(draft: Draft, name: str) -> Standing:
    piece: Metadata[Root] | Metadata[Targets] | None
    piece = draft.root_in_force() if name == "root" else draft.in_force(name)
    pending = draft.pending(name)
    waits: Mapping[str, None] = {}
    if pending is not None:
        waits = dict.fromkeys(
            f"{max(0, one.threshold - len(one.signed))} of {', '.join(map(key_in_words, one.unsigned.values()))}"
            for one in draft.standing(name, pending, {})
            if not one.verified
        )
    return Standing(
        name=name,
        version=piece.signed.version if piece is not None else None,
        signed_at=signed_at(piece.signed) if piece is not None else None,
        expires=piece.signed.expires if piece is not None else None,
        pending=pending.signed.version if pending is not None else None,
        waits_for=tuple(waits),
    )
