"""Spans of time: exact sums, nothing counted twice, and days cut where the people's own midnight is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.spans import by_day, instant, length, merged, milliseconds, within, without

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)
ZONES = ["Europe/London", "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]


def points(some: list[tuple[int, int]]) -> set[int]:
    return {at for start, end in some for at in range(start, end)}


@given(spans)
def test_merged_spans_cover_the_same_time_in_order_and_apart(some):
    found = merged(some)
    assert points(found) == points(some)
    assert all(one[1] < other[0] for one, other in pairwise(found))
    assert length(found) == len(points(some))


@given(st.tuples(st.integers(0, 60), st.integers(0, 60)), spans)
def test_a_span_is_what_is_taken_of_it_and_what_is_not(span, some):
    taken = merged(some)
    assert points(without(span, taken)) == points([span]) - points(taken)
    assert points(within(span, taken)) == points([span]) & points(taken)


@given(
    st.sampled_from(ZONES),
    st.integers(0, 40_000 * 24).map(lambda hours: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(hours=hours)),
    st.integers(1, 200 * 3_600_000),
)
def test_every_part_of_a_span_lies_in_its_own_local_day(zone, start, duration_ms):
    span = (milliseconds(start), milliseconds(start) + duration_ms)
    parts = list(by_day(span, ZoneInfo(zone)))
    assert parts[0][1][0] == span[0]
    assert parts[-1][1][1] == span[1]
    assert all(one[1][1] == other[1][0] for one, other in pairwise(parts))
    for day, (first, after) in parts:
        for at in (first, after - 1):
            assert instant(at).astimezone(ZoneInfo(zone)).date() == day


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_of_a_clock_change_is_as_long_as_it_was(day, hours):
    zone = ZoneInfo("Europe/London")
    start = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=zone)
    span = (milliseconds(start), milliseconds(start + timedelta(days=1, hours=2)))
    first, (begins, ends) = next(iter(by_day(span, zone)))
    assert (first.isoformat(), (ends - begins) / 3_600_000) == (day, hours)


def test_milliseconds_are_rounded_down():
    assert milliseconds(datetime(1970, 1, 1, 0, 0, 1, 1999, tzinfo=UTC)) == 1001
    assert instant(1001) == datetime(1970, 1, 1, 0, 0, 1, 1000, tzinfo=UTC)
