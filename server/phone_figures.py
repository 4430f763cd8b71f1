"""Turns a month's blocks of phones into the figures of a summary: likely visits, each a sum of whole blocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal, cast

from rules.model import BACKGROUND
from server.disclosure import TOGETHER, UNNAMED, Block, Shares
from server.month_use import PHONE_KINDS
from server.summary_document import PhoneGroup, Phones, Summary, Visits

_KINDS = {phone: kind for kind, phone in PHONE_KINDS.items()}
_Known = Mapping[tuple[str, str, str, str], int]


def apart(blocks: Mapping[Block, Shares]) -> tuple[dict[Block, Shares], dict[Block, Shares]]:
    """Return the blocks of hours, and those of phones' visits without what phones do by themselves."""
    phones = {block: shares for block, shares in blocks.items() if block.kind in _KINDS}
    hours = {block: shares for block, shares in blocks.items() if block not in phones}
    return hours, {block: shares for block, shares in phones.items() if block.category != BACKGROUND}


def figures(
    blocks: Mapping[Block, Shares],
    enrolled: Mapping[str, int],
    names: Mapping[str, str],
    before: Summary | None,
    year_before: Summary | None,
) -> Phones | None:
    """Return the figures of these blocks; None where there are neither phones nor figures. `names` are all groups'."""
    if not blocks and not enrolled:
        return None
    then, last_year = _known(before), _known(year_before)
    by_group: dict[str, list[Visits]] = defaultdict(list)
    for block, shares in blocks.items():
        by_group[block.group].append(
            Visits(
                _kind(_KINDS[block.kind]),
                block.category,
                block.name,
                sum(shares.values()),
                then.get((block.group, _KINDS[block.kind], block.category, block.name)),
                last_year.get((block.group, _KINDS[block.kind], block.category, block.name)),
            )
        )
    together = _ranked(by_group.pop(TOGETHER, ()))
    everyone = {
        **{group: names.get(group, group) for group in enrolled},
        **{group: names.get(group, group) for group in by_group},
    }
    groups = tuple(
        PhoneGroup(group, name, not by_group[group], _ranked(by_group[group]))
        for group, name in sorted(everyone.items())
    )
    shown = [*(one for group in groups for one in group.figures), *together]
    return Phones(dict(enrolled), groups, together, _summed(shown, before, year_before))


def _summed(shown: Iterable[Visits], before: Summary | None, year_before: Summary | None) -> tuple[Visits, ...]:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for one in shown:
        sums[one.kind, one.category] += one.visits
    then, last_year = _totals(before), _totals(year_before)
    return _ranked(
        Visits(_kind(kind), category, UNNAMED, visits, then.get((kind, category)), last_year.get((kind, category)))
        for (kind, category), visits in sums.items()
    )


def _totals(summary: Summary | None) -> dict[tuple[str, str], int]:
    if summary is None or summary.phones is None:
        return {}
    return {(one.kind, one.category): one.visits for one in summary.phones.totals}


def _known(summary: Summary | None) -> _Known:
    if summary is None or summary.phones is None:
        return {}
    parts = [(one.group, one.figures) for one in summary.phones.groups] + [(TOGETHER, summary.phones.together)]
    return {(group, one.kind, one.category, one.name): one.visits for group, found in parts for one in found}


def _ranked(found: Iterable[Visits]) -> tuple[Visits, ...]:
    return tuple(sorted(found, key=lambda one: (-one.visits, one.kind, one.category, one.name)))


def _kind(kind: str) -> Literal["host", "app"]:
    return cast("Literal['host', 'app']", kind)
