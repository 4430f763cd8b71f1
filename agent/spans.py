"""Arithmetic on spans of time: half-open, in whole milliseconds since 1970, so that sums are exact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Span = tuple[int, int]
"""From the first millisecond to the one after the last."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(at: datetime) -> int:
    """The instant as whole milliseconds since 1970, rounded down."""
    return (at - _EPOCH) // _MILLISECOND


def instant(at_ms: int) -> datetime:
    """The aware UTC datetime of a number of milliseconds since 1970."""
    return _EPOCH + at_ms * _MILLISECOND


def length(spans: Iterable[Span]) -> int:
    """The milliseconds in spans that don't overlap."""
    return sum(end - start for start, end in spans)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time as spans in order that neither overlap nor touch."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def without(span: Span, taken: Sequence[Span]) -> list[Span]:
    """What of `span` none of `taken` covers; `taken` is as `merged` gives it."""
    start, end = span
    left: list[Span] = []
    for taken_start, taken_end in taken:
        if taken_end <= start:
            continue
        if taken_start >= end:
            break
        if taken_start > start:
            left.append((start, taken_start))
        start = max(start, taken_end)
    if start < end:
        left.append((start, end))
    return left


def within(span: Span, allowed: Sequence[Span]) -> list[Span]:
    """What of `span` lies in `allowed`, which is as `merged` gives it."""
    start, end = span
    return [(max(start, a), min(end, b)) for a, b in allowed if max(start, a) < min(end, b)]


def by_day(span: Span, zone: ZoneInfo) -> Iterator[tuple[date, Span]]:
    """The span cut at each midnight of the zone, each part with its local day, on clock changes too."""
    start, end = span
    while start < end:
        day = instant(start).astimezone(zone).date()
        # A midnight that a clock change skips is taken at the old offset, which is the very instant of the change.
        midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=zone)
        cut = milliseconds(midnight.astimezone(UTC))
        part = (start, min(end, cut) if cut > start else end)
        yield day, part
        start = part[1]
