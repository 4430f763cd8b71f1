"""Turns a month's blocks into the figures of a summary: by group, over all, the top sites, and what moved most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal, cast

from rules.model import BACKGROUND
from server.disclosure import TOGETHER, UNNAMED, Block, Shares
from server.summary_document import Figure, Group, Summary, Top

TOP = 10
"""Sites and apps named: more is a list that nobody reads."""

_Key = tuple[str, str, str, str]
_Sums = Mapping[tuple[str, str], float]
_KINDS = {"host": "sites", "app": "apps"}


def by_group(
    blocks: Mapping[Block, Shares], groups: Mapping[str, str], before: Summary | None, year_before: Summary | None
) -> tuple[Group, ...]:
    """Return every group, none merged, with all its figures; `groups` maps ids to names."""
    then, last_year = _known(before), _known(year_before)
    found: dict[str, list[Figure]] = defaultdict(list)
    for block, shares in sorted(blocks.items()):
        if block.group != TOGETHER:
            found[block.group].append(_figure(block, shares, then, last_year))
    everyone = {**groups, **{group: group for group in found if group not in groups}}
    return tuple(
        Group(
            group,
            name,
            not found[group],
            _ranked(found[group]),
            _summed(found[group], _sums(_of(group, before)), _sums(_of(group, year_before))),
        )
        for group, name in sorted(everyone.items())
    )


def together(blocks: Mapping[Block, Shares], before: Summary | None, year_before: Summary | None) -> tuple[Figure, ...]:
    """Return the figures of the groups that may only be shown together."""
    then, last_year = _known(before), _known(year_before)
    return _ranked(
        _figure(block, shares, then, last_year) for block, shares in blocks.items() if block.group == TOGETHER
    )


def totals(
    groups: Iterable[Group], rest: Iterable[Figure], before: Summary | None, year_before: Summary | None
) -> tuple[Figure, ...]:
    """Return hours by kind and category over everything that is shown: sums of the other figures, never more."""
    figures = [*(figure for group in groups for figure in group.figures), *rest]
    then, last_year = (_sums(summary.totals if summary is not None else ()) for summary in (before, year_before))
    return _summed(figures, then, last_year)


def background(
    blocks: Mapping[Block, Shares], before: Summary | None, year_before: Summary | None
) -> tuple[Figure, ...]:
    """Return hours of background traffic by kind, of these blocks of it: whole blocks, and no other figure has them."""
    sums: dict[str, int] = defaultdict(int)
    for block, shares in blocks.items():
        sums[block.kind] += sum(shares.values())
    then, last_year = (
        {one.kind: one.hours for one in (summary.background if summary is not None else ())}
        for summary in (before, year_before)
    )
    return _ranked(
        Figure(
            _kind(kind), BACKGROUND, UNNAMED, _tenths(seconds / 3600), then.get(_kind(kind)), last_year.get(_kind(kind))
        )
        for kind, seconds in sums.items()
    )


def top(groups: Iterable[Group]) -> tuple[Top, ...]:
    """Return the nameable sites and apps with most hours, over the groups in which they may stand apart."""
    hours: dict[tuple[str, str, str], float] = defaultdict(float)
    where: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for group in groups:
        for figure in group.figures:
            if figure.name != UNNAMED:
                key = (figure.kind, figure.name, figure.category)
                hours[key] += figure.hours
                where[key].append(group.group)
    found = [
        Top(_kind(kind), name, category, _tenths(total), tuple(where[kind, name, category]))
        for (kind, name, category), total in hours.items()
    ]
    found.sort(key=lambda one: (-one.hours, one.kind, one.name))
    return tuple(one for kind in _KINDS for one in [each for each in found if each.kind == kind][:TOP])


def words(totals: Iterable[Figure], names: Mapping[str, str], before: str) -> str:
    """Return a plain paragraph that says what moved most since the month `before` (in words)."""
    moved = [(figure.hours - figure.before, figure) for figure in totals if figure.before is not None]
    if not moved:
        return f"There are no figures of {before} to compare with."
    rose = max(moved, key=lambda one: one[0])
    fell = min(moved, key=lambda one: one[0])
    said = [_moved(change, figure, names, before) for change, figure in dict.fromkeys((rose, fell)) if abs(change) >= 1]
    if not said:
        return f"Use was much as in {before}: no category changed by more than an hour."
    return " ".join(said)


def shifted(first: date, months: int) -> date:
    """Return the first day of the month so many months after (or before) the one that begins on `first`."""
    years, rest = divmod(first.month - 1 + months, 12)
    return date(first.year + years, rest + 1, 1)


def _moved(change: float, figure: Figure, names: Mapping[str, str], before: str) -> str:
    name = names.get(figure.category, figure.category.replace("_", " "))
    way = "rose" if change > 0 else "fell"
    which = "most" if change > 0 else "furthest"
    then = figure.before or 0.0
    return (
        f"{name} ({_KINDS[figure.kind]}) {way} {which}, from {then:,.0f} hours in {before} to {figure.hours:,.0f}"
        + (f" ({change / then:+.0%})." if then >= 1 else ".")
    )


def _figure(block: Block, shares: Shares, then: Mapping[_Key, float], last_year: Mapping[_Key, float]) -> Figure:
    hours = _tenths(sum(shares.values()) / 3600)
    return Figure(_kind(block.kind), block.category, block.name, hours, then.get(block), last_year.get(block))


def _known(summary: Summary | None) -> dict[_Key, float]:
    if summary is None:
        return {}
    parts = [(group.group, group.figures) for group in summary.groups] + [(TOGETHER, summary.together)]
    return {(group, one.kind, one.category, one.name): one.hours for group, figures in parts for one in figures}


def _of(group: str, summary: Summary | None) -> tuple[Figure, ...]:
    return next((one.figures for one in summary.groups if one.group == group), ()) if summary is not None else ()


def _sums(figures: Iterable[Figure]) -> _Sums:
    """Hours by kind and category: sums of the figures as they are shown, never more."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for figure in figures:
        sums[figure.kind, figure.category] += figure.hours
    return {key: _tenths(hours) for key, hours in sums.items()}


def _summed(figures: Iterable[Figure], then: _Sums, last_year: _Sums) -> tuple[Figure, ...]:
    return _ranked(
        Figure(_kind(kind), category, UNNAMED, hours, then.get((kind, category)), last_year.get((kind, category)))
        for (kind, category), hours in _sums(figures).items()
    )


def _ranked(figures: Iterable[Figure]) -> tuple[Figure, ...]:
    return tuple(sorted(figures, key=lambda one: (-one.hours, one.kind, one.category, one.name)))


def _tenths(hours: float) -> float:
    return round(hours, 1)


def _kind(kind: str) -> Literal["host", "app"]:
    return cast("Literal['host', 'app']", kind)
