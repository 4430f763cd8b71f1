"""Says how many cases there were without saying fewer than five, not even by what is missing from a total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.disclosure import PEOPLE_MIN
from server.summary_document import Named

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


def name_large(parts: Mapping[str, int], wanted: str = "") -> Named:
    """Return what may be shown of a count whose parts say what the cases were: those of five or more, by name.

    All others stand together without their names, so that not even which there were is told. Were they one to four,
    the smallest named part joins them, `wanted` the last.
    """
    total = sum(parts.values())
    if total < FEW:
        return Named(None, {}, 0)
    shown = {part: count for part, count in sorted(parts.items()) if count >= FEW}
    while 0 < total - sum(shown.values()) < FEW and shown:
        del shown[min(shown, key=lambda part: (part == wanted, shown[part], part))]
    return Named(total, shown, total - sum(shown.values()))


def may_follow(before: Named, now: Named) -> bool:
    """Whether a count may be shown where another version of it, of the same cases, was shown before.

    Each part that both name, and the rest of both together, is the same or differs by five or more: else the two
    versions' difference would tell what became of fewer than five cases.
    """
    if before.total != now.total:
        return False
    both = before.parts.keys() & now.parts.keys()
    changes = [now.parts[part] - before.parts[part] for part in both]
    return all(change == 0 or abs(change) >= FEW for change in (*changes, sum(changes)))
