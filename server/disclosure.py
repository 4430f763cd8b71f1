"""Decides which figures of a month may be shown: five people or more, nobody over four fifths, nothing to subtract.

The month's use is cut into disjoint *blocks*, each of which may be shown by itself; what fits into no such block is
withheld. Every figure anywhere is a sum of whole blocks. So whatever is subtracted from whatever, over groups, formats
and reports, what is left is again a sum of whole blocks, and a union of safe blocks is safe: it has at least as many
people, and who has at most four fifths of each has at most four fifths of all. No other suppression is needed.

The rules are the threshold and the dominance rule of statistical disclosure control (Hundepool et al., "Handbook on
Statistical Disclosure Control", 2nd edition, section 4.2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

PEOPLE_MIN = 5
"""Promise 7: every figure rests on at least five contributing people."""

SHARE_MAX_PERCENT = 80
"""Promise 7: none of them is over 80 % of it, or the figure would be that person's."""

TOGETHER = ""
"""The group of a block that unites the groups that may not be shown apart. No real group has an empty name."""

UNNAMED = ""
"""The name of a block that unites what has no name, and names that may not be shown apart."""


class Use(NamedTuple):
    """What one person used of one thing in a month; `name` is empty where it is not nameable.

    The amount is seconds, or of a phone's kinds (`phone_host`, `phone_app`) likely visits: kinds are never added up.
    """

    person: int
    group: str
    kind: str
    category: str
    name: str
    amount: int


class Block(NamedTuple):
    """What is shown as one figure and never taken apart."""

    group: str
    kind: str
    category: str
    name: str


Shares = Mapping[int, int]
"""Amounts by person."""


def is_safe(shares: Shares) -> bool:
    """Whether a figure that adds up these people's seconds may be shown."""
    contributing = [seconds for seconds in shares.values() if seconds > 0]
    return len(contributing) >= PEOPLE_MIN and max(contributing) * 100 <= SHARE_MAX_PERCENT * sum(contributing)


def blocks_of(uses: Iterable[Use]) -> dict[Block, Shares]:
    """Cut a month's use into blocks that may be shown; what is in none of them is withheld.

    A group's category is one block, or several where nameable sites may stand apart and what is left may too. Groups
    that may not be shown apart are united where that may be shown.
    """
    by_cell: dict[tuple[str, str, str], dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
    for use in uses:
        people = by_cell[use.group, use.kind, use.category][use.name]
        people[use.person] = people.get(use.person, 0) + use.amount
    shown: dict[Block, Shares] = {}
    left: dict[tuple[str, str], list[Shares]] = defaultdict(list)
    for (group, kind, category), names in sorted(by_cell.items()):
        parts = _parts(names)
        shown |= {Block(group, kind, category, name): shares for name, shares in parts.items()}
        if not parts:
            left[kind, category] += names.values()
    for (kind, category), apart in left.items():
        together = union(apart)
        if is_safe(together):
            shown[Block(TOGETHER, kind, category, UNNAMED)] = together
    return shown


def place_of(use: Use, shape: Iterable[Block]) -> Block | None:
    """Return the block of an earlier publication that a use falls into now; None where it stays withheld.

    The blocks of a month are decided once. Were they decided anew with late data, two versions of one report could be
    subtracted from each other.
    """
    known = shape if isinstance(shape, set | frozenset | dict) else set(shape)
    candidates = (
        Block(use.group, use.kind, use.category, use.name),
        Block(use.group, use.kind, use.category, UNNAMED),
        Block(TOGETHER, use.kind, use.category, UNNAMED),
    )
    return next((one for one in candidates if one in known), None)


def revised(before: Mapping[Block, Shares], now: Iterable[Use]) -> dict[Block, Shares]:
    """Return each block as it may be shown in a new version: with more where what is added may be shown by itself.

    `before` is what the last version rests on. Late totals of one person would otherwise be the difference of two
    versions. Nobody's part becomes less, whatever was erased or left out since: what is added is a safe block of its
    own, and versions are sums of whole blocks. Were parts taken out, what some take out and others bring could cancel
    out over several versions, until the difference of two of them were one person's.
    """
    current: dict[Block, dict[int, int]] = {block: {} for block in before}
    for use in now:
        block = place_of(use, before)
        if block is not None:
            current[block][use.person] = current[block].get(use.person, 0) + use.amount
    added = {block: more(before[block], current[block]) for block in before}
    return {block: union((before[block], added[block])) if is_safe(added[block]) else before[block] for block in before}


def more(before: Shares, now: Shares) -> dict[int, int]:
    """By how much each person's amount is more than before; nobody who has as much or less."""
    found = {person: amount - before.get(person, 0) for person, amount in now.items()}
    return {person: amount for person, amount in found.items() if amount > 0}


def union(parts: Iterable[Shares]) -> dict[int, int]:
    """The seconds by person of several parts together."""
    sums: dict[int, int] = defaultdict(int)
    for part in parts:
        for person, seconds in part.items():
            sums[person] += seconds
    return dict(sums)


def _parts(names: Mapping[str, Shares]) -> dict[str, Shares]:
    """The parts of one group's category that may be shown, by name; empty where not even the whole may."""
    apart = [name for name, shares in names.items() if name != UNNAMED and is_safe(shares)]
    apart.sort(key=lambda name: (sum(names[name].values()), name))
    rest = union(shares for name, shares in names.items() if name not in apart)
    while any(rest.values()) and not is_safe(rest):
        if not apart:
            return {}
        rest = union((rest, names[apart.pop(0)]))  # the smallest name is given up first
    parts = {name: names[name] for name in apart}
    return parts | ({UNNAMED: rest} if any(rest.values()) else {})
