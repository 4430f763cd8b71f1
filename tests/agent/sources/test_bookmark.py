"""How reading goes on, as pure decisions."""

from __future__ import annotations

from agent.sources.bookmark import DISORDER_MICROSECONDS, Bookmark, Plan, beginning, decode, plan

ROWS = ((9, 900), (8, 800))
MINE = Bookmark(1, ROWS, ((40, 700),), 900, 3, 50, 950)


def test_a_bookmark_survives_being_kept_and_is_small():
    assert decode(MINE.encode()) == MINE
    full = Bookmark(
        1, tuple((1 << 40, 1 << 54) for _ in range(48)), tuple((1 << 40, 1 << 54) for _ in range(48)), 1, 1, 1, 1
    )
    assert len(full.encode()) < 2048


def test_damaged_bytes_and_other_versions_are_not_understood():
    other = Bookmark(2, (), (), 0, 0, 0, 0)
    assert [decode(kept) for kept in (b"", b"\x00", b"\xc1" * 9, other.encode(), MINE.encode()[:-1])] == [None] * 5


def test_where_the_last_row_is_still_there_reading_goes_on_behind_it():
    assert plan(MINE, frozenset(ROWS), 12, 1000) == Plan(9, 3, 50, 900 - DISORDER_MICROSECONDS)


def test_rows_known_from_a_newer_copy_are_not_new_again():
    assert plan(MINE, frozenset({*ROWS, (40, 700)}), 45, 1000).after == 40


def test_a_clock_that_went_back_makes_no_visit_old():
    assert plan(MINE, frozenset(ROWS), 12, 899).since < -(10**18)


def test_where_the_last_row_is_gone_only_later_visits_are_new():
    assert plan(MINE, frozenset({(8, 800)}), 12, 1000) == Plan(None, 12, 900, 900)


def test_a_history_never_read_begins_at_the_given_time():
    assert plan(beginning(500), frozenset(), 12, 1000) == Plan(None, 12, 500, 500)
