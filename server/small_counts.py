"""Says how many cases there were without saying fewer than five, not even by what is missing from a total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.disclosure import PEOPLE_MIN

FEW = PEOPLE_MIN
"""A count under this is withheld: in a small organisation "one case of self-harm in March" names somebody."""


@dataclass(frozen=True)
class Counts:
    """A total and its parts; None where it is withheld ("fewer than five" for a count, "withheld" for its company)."""

    total: int | None
    parts: dict[str, int | None]


def may_show(parts: Mapping[str, int]) -> Counts:
    """Return what may be shown of a count that is cut into parts.

    Parts under five are withheld, none at all among them. Were a single one withheld, or a few that make fewer than
    five, the total less the others would tell; so the smallest other part is withheld with them, until it does not.
    """
    total = sum(parts.values())
    if total < FEW:
        return Counts(None, dict.fromkeys(parts, None))
    shown = {part: count for part, count in parts.items() if count >= FEW}
    withheld = len(parts) - len(shown)
    while withheld and shown and (withheld < 2 or total - sum(shown.values()) < FEW):
        del shown[min(shown, key=lambda part: (shown[part], part))]
        withheld += 1
    return Counts(total, {part: shown.get(part) for part in parts})
