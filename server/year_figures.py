"""Puts twelve kept summaries side by side and adds up what they tell: the only maker of a year's figures.

It is given the published documents and nothing else. So whatever is in a year's figures, anybody who has the months'
summaries could have worked out, and no difference between a year and its months, or between two years, tells more than
those do. A count that a month withholds stays withheld: no year says how many cases "fewer than five" were.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, cast

from server.figures import TOP
from server.summary_document import Figure, Named, Summary
from server.year_document import Told, YearBlind, YearCases, YearCounts, YearFigures, YearGroup, YearMonth, YearUse


def of(summaries: Iterable[Summary], months: Sequence[str]) -> YearFigures:
    """Return the figures of these months, oldest first, from the newest kept summary of each."""
    kept = sorted(summaries, key=lambda one: one.month)
    there = {one.month for one in kept}
    return YearFigures(
        months=tuple(_month(one) for one in kept),
        missing=tuple(month for month in months if month not in there),
        use=_use({one.month: one.totals for one in kept}),
        groups=_groups(kept),
        sites=_sites(kept),
        blind=_blind(kept),
        cases=_cases(kept),
    )


def _month(summary: Summary) -> YearMonth:
    seen = summary.coverage
    return YearMonth(
        month=summary.month,
        version=summary.revision,
        made_at=summary.made_at,
        enrolled=sum(seen.enrolled.values()),
        reported=sum(seen.reported.values()),
        hours=_tenths(sum(one.hours for one in summary.totals)) if summary.totals else None,
        incidents=summary.incidents,
        sealed=summary.sealed,
        tests=summary.tests,
    )


def _use(figures: Mapping[str, Iterable[Figure]]) -> tuple[YearUse, ...]:
    """Add figures up by kind, category and name; `months` are those in which one was told."""
    hours: dict[tuple[str, str, str], float] = defaultdict(float)
    told: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for month, some in figures.items():
        for one in some:
            key = one.kind, one.category, one.name
            hours[key] += one.hours
            told[key].add(month)
    found = [YearUse(_kind(key[0]), key[1], key[2], _tenths(total), len(told[key])) for key, total in hours.items()]
    return tuple(sorted(found, key=lambda one: (-one.hours, one.kind, one.category, one.name)))


def _groups(kept: Iterable[Summary]) -> tuple[YearGroup, ...]:
    names: dict[str, str] = {}
    hours: dict[str, float] = defaultdict(float)
    told: Counter[str] = Counter()
    for summary in kept:
        for group in summary.groups:
            names[group.group] = group.name  # the newest name counts
            hours[group.group] += sum(one.hours for one in group.figures)
            told[group.group] += not group.suppressed
    return tuple(YearGroup(group, name, _tenths(hours[group]), told[group]) for group, name in sorted(names.items()))


def _sites(kept: Iterable[Summary]) -> tuple[YearUse, ...]:
    """Return the nameable sites and apps with most hours, of the groups in which they stand apart."""
    found = _use({one.month: [each for group in one.groups for each in group.figures if each.name] for one in kept})
    return tuple(one for kind in ("host", "app") for one in [each for each in found if each.kind == kind][:TOP])


def _blind(kept: Iterable[Summary]) -> tuple[YearBlind, ...]:
    months: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    devices: dict[tuple[str, str, str], int] = defaultdict(int)
    for summary in kept:
        for gap in summary.coverage.gaps:
            key = gap.group, gap.source, gap.reason
            months[key].add(summary.month)
            devices[key] = max(devices[key], gap.devices)
    found = [YearBlind(*key, months=len(some), devices=devices[key]) for key, some in months.items()]
    return tuple(sorted(found, key=lambda one: (-one.months, -one.devices, one.group, one.source, one.reason)))


def _cases(kept: Sequence[Summary]) -> YearCases:
    counted = [one.incidents.urgency.total for one in kept if one.incidents is not None]
    told = [one for one in counted if one is not None]
    sealed = [one.sealed for one in kept if one.sealed is not None]
    outcomes = [one.outcomes for one in sealed if one.outcomes.total is not None]
    return YearCases(
        received=Told(sum(told), len(told)),
        few=len(counted) - len(told),
        counted=len(outcomes),
        awaiting=len(kept) - len(sealed),
        categories=_counts(one.categories.values() for one in sealed),
        outcomes=_counts([one] for one in outcomes),
    )


def _counts(months: Iterable[Iterable[Named]]) -> YearCounts:
    """Add up what is named, month by month; a month has one table, or one for urgent and one for routine cases."""
    cases: Counter[str] = Counter()
    told: Counter[str] = Counter()
    others, of_months = 0, 0
    for tables in months:
        some = list(tables)
        for one in some:
            cases.update(one.parts)
        told.update({part for one in some for part in one.parts})
        others += sum(one.rest for one in some)
        of_months += any(one.rest for one in some)
    return YearCounts({part: Told(count, told[part]) for part, count in cases.most_common()}, Told(others, of_months))


def _tenths(hours: float) -> float:
    return round(hours, 1)


def _kind(kind: str) -> Literal["host", "app"]:
    return cast("Literal['host', 'app']", kind)
