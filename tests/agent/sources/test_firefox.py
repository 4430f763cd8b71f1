"""Which rows of a Firefox history are a visit made here by the person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.sources.firefox import FIREFOX, foreign
from agent.sources.history_file import open_history

MOMENT = datetime(2026, 3, 2, 9, 15, 0, 250001, tzinfo=UTC)
SECOND = 1_000_000
NOW = 1_772_442_900 * SECOND + 1


def marks(history):
    with open_history(history.file) as opened:
        return [(visit.host, visit.own) for visit in opened.visits()]


@pytest.mark.parametrize(
    ("visit_type", "own"),
    [(1, True), (2, True), (3, True), (4, False), (5, True), (6, True), (7, False), (8, False), (9, True), (77, False)],
)
def test_pages_count_and_embeds_downloads_and_frames_do_not(made, visit_type, own):
    history = made.firefox()
    history.add("https://one.test/path", MOMENT, visit_type)
    assert marks(history) == [("one.test", own)]


def test_what_only_redirected_is_no_visit_and_where_it_ended_is(made):
    history = made.firefox()
    source = history.add("https://known.test/", MOMENT)
    history.add("https://ended.test/", MOMENT, visit_type=6, from_visit=source)
    history.add("https://hidden.test/", MOMENT, hidden=1)
    linked = history.add("https://linking.test/", MOMENT)
    history.add("https://linked.test/", MOMENT, visit_type=1, from_visit=linked)
    assert marks(history) == [
        ("known.test", False),
        ("ended.test", True),
        ("hidden.test", False),
        ("linking.test", True),
        ("linked.test", True),
    ]


def test_the_time_counts_microseconds_from_1970(made):
    history = made.firefox()
    history.add("https://one.test/", MOMENT)
    with open_history(history.file) as opened:
        (visit,) = list(opened.visits())
    assert visit.at == 1772442900250001
    assert FIREFOX.moment(visit.at) == MOMENT
    assert FIREFOX.moment(1 << 62) is None


@pytest.mark.parametrize(
    ("at", "last_read", "expected"),
    [
        (NOW - SECOND // 10, NOW - 60 * SECOND, False),  # just made
        (NOW - 50 * SECOND, NOW - 60 * SECOND, False),  # made since the last read
        (NOW - 65 * SECOND, NOW - 60 * SECOND, False),  # written a moment later
        (NOW - 90 * SECOND, NOW - 60 * SECOND, True),  # would have been there at the last read
        (NOW - 90 * SECOND, None, False),
        (NOW - 1 - SECOND, NOW - 60 * SECOND, False),  # whole milliseconds, but seen at once
        (NOW - 1 - 30 * SECOND, NOW - 60 * SECOND, True),  # whole milliseconds, and not fresh
        (NOW - 1 + 30 * SECOND, None, True),  # and one from the future
        (NOW - 90 * SECOND, NOW + 60 * SECOND, False),  # the clock went back: lateness says nothing
    ],
)
def test_what_was_brought_in_is_told_from_what_was_made_here(at, last_read, expected):
    assert foreign(at, last_read, NOW) is expected


def test_a_synced_or_imported_visit_is_never_collected(made, kept):
    from uuid import UUID

    from agent.sources.browsers import Profile
    from agent.sources.profile_reader import ProfileReader

    now = [MOMENT]
    history = made.firefox()
    reader = ProfileReader(
        UUID(int=1), Profile("Firefox", "a", history.file.parent), kept.load, kept.emit, lambda: now[0]
    )
    reader.read(MOMENT - timedelta(hours=9))
    now[0] += timedelta(minutes=5)
    history.add("https://synced.test/", MOMENT + timedelta(microseconds=-1, seconds=200))
    history.add("https://imported.test/", MOMENT - timedelta(hours=2))
    history.add("https://here.test/", MOMENT + timedelta(seconds=299))
    reader.read(MOMENT - timedelta(hours=9))
    assert kept.names == ["here.test"]
