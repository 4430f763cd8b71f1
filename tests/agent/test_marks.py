"""A time that was noted while the clock was ahead holds nothing up, and lets nothing from before it in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.errors import SpoolUnavailableError
from agent.marks import CLOCK_STEP, MOMENTS_MAX, Marks

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), timedelta(days=365)


class Device:
    """Marks over a store of two callables, and a clock that is moved."""

    def __init__(self):
        self.kept, self.now, self.up_seconds = {}, NOW, 600.0
        self.start()

    def start(self):
        self.marks = Marks(self.kept.get, self.kept.__setitem__, lambda: self.now, up_seconds=lambda: self.up_seconds)

    def from_when(self, mark, now, name="enrolment"):
        self.now = now
        return self.marks.counts_from(name, mark)


@pytest.fixture
def device():
    return Device()


def test_a_mark_that_has_come_counts_as_it_is_and_nothing_is_kept_of_it(device):
    for mark in (NOW - YEAR, NOW, NOW + CLOCK_STEP):
        assert device.from_when(mark, NOW) == mark
    assert device.kept == {}


def test_a_mark_from_a_clock_that_was_ahead_counts_from_when_that_was_seen_also_after_a_restart(device):
    mark = NOW + YEAR
    assert device.from_when(mark, NOW) == NOW
    assert device.from_when(mark, NOW + DAY) == NOW
    device.start()
    assert device.from_when(mark, NOW + 2 * DAY) == NOW


def test_each_mark_is_seen_by_itself(device):
    assert device.from_when(NOW + YEAR, NOW, "notice/anna") == NOW
    assert device.from_when(NOW + YEAR, NOW + DAY, "notice/sam") == NOW + DAY
    assert device.from_when(NOW - DAY, NOW + DAY, "notice/kim") == NOW - DAY


def test_the_mark_counts_again_once_its_time_has_come(device):
    assert device.from_when(NOW + YEAR, NOW) == NOW
    assert device.from_when(NOW + YEAR, NOW + YEAR + DAY) == NOW + YEAR


def test_a_clock_that_is_set_back_wrongly_and_is_then_right_again_lets_nothing_in_from_before_the_mark(device):
    long_ago = NOW - 10 * YEAR
    assert device.from_when(NOW, long_ago) == long_ago
    assert device.from_when(NOW, long_ago + DAY) == long_ago
    assert device.from_when(NOW, NOW + DAY) == NOW


def test_a_clock_that_goes_wrong_again_after_it_was_put_right_lets_nothing_in_from_before_that(device):
    mark, long_ago = NOW + YEAR, NOW - 10 * YEAR
    assert device.from_when(mark, NOW) == NOW
    assert device.from_when(mark, long_ago) == long_ago
    assert device.from_when(mark, NOW + DAY) == NOW
    assert device.from_when(mark, long_ago + DAY) == long_ago


def test_what_was_seen_of_another_mark_of_the_name_does_not_count(device):
    assert device.from_when(NOW + YEAR, NOW) == NOW
    assert device.from_when(NOW + 2 * YEAR, NOW + DAY) == NOW + DAY


def test_where_the_moment_cannot_be_kept_nothing_is_collected_until_it_can(device):
    def refuse(_key, _value):
        raise SpoolUnavailableError("no room")

    full = Marks(device.kept.get, refuse, lambda: NOW)
    assert full.counts_from("enrolment", NOW + YEAR) == NOW + YEAR
    assert device.from_when(NOW + YEAR, NOW + DAY) == NOW + DAY


@pytest.mark.parametrize("spoilt", [b"", b"{}", b'["2027-01-01T00:00:00Z"]', b"\xff"])
def test_what_cannot_be_read_any_more_is_seen_anew(device, spoilt):
    assert device.from_when(NOW + YEAR, NOW) == NOW
    device.kept = dict.fromkeys(device.kept, spoilt)
    device.start()
    assert device.from_when(NOW + YEAR, NOW + DAY) == NOW + DAY


def test_a_clock_that_goes_further_back_each_time_is_followed_in_bounded_room(device):
    for day in range(3 * MOMENTS_MAX):
        assert device.from_when(NOW + YEAR, NOW - day * DAY) == NOW - day * DAY
    (kept,) = device.kept.values()
    assert len(kept) < 40 * MOMENTS_MAX
    assert device.from_when(NOW + YEAR, NOW) == NOW


def test_a_notice_that_was_shown_while_the_clock_was_behind_counts_from_when_it_was_shown(device):
    """Else what a browser had noted before it would look as if after it, once the clock is put right."""
    mark = NOW - 3 * YEAR
    device.marks.taken("notice/anna", mark)
    device.up_seconds += 60
    assert device.from_when(mark, mark + timedelta(minutes=1), "notice/anna") == mark
    device.up_seconds += 60
    shown = NOW - timedelta(minutes=2)
    assert device.from_when(mark, NOW, "notice/anna") == shown
    device.up_seconds += DAY.total_seconds()
    assert device.from_when(mark, NOW + DAY, "notice/anna") == shown
    device.start()
    assert device.from_when(mark, NOW + DAY, "notice/anna") == shown


def test_a_clock_that_is_wrongly_put_forward_for_a_while_changes_nothing_once_it_is_right_again(device):
    device.marks.taken("notice/anna", NOW)
    device.up_seconds += 60
    assert device.from_when(NOW, NOW + YEAR, "notice/anna") == NOW + YEAR - timedelta(minutes=1)
    assert device.from_when(NOW, NOW + timedelta(minutes=1), "notice/anna") == NOW


def test_a_notice_that_was_shown_while_the_clock_was_ahead_counts_from_when_it_was_shown(device):
    mark = NOW + YEAR
    device.marks.taken("notice/anna", mark)
    device.up_seconds += 90
    assert device.from_when(mark, NOW, "notice/anna") == NOW - timedelta(seconds=90)
    device.up_seconds += 60
    assert device.from_when(mark, NOW + timedelta(seconds=60), "notice/anna") == NOW - timedelta(seconds=90)


def test_time_that_the_device_ran_and_slept_moves_no_mark(device):
    device.marks.taken("notice/anna", NOW)
    for days in range(1, 100):
        device.up_seconds = 600 + days * DAY.total_seconds() + (days % 3) * 60
        assert device.from_when(NOW, NOW + days * DAY, "notice/anna") == NOW
    assert device.kept == {}


def test_a_mark_is_read_from_the_disk_once(device):
    asked = []
    marks = Marks(lambda key: asked.append(key), device.kept.__setitem__, lambda: NOW)
    for _ in range(3):
        assert marks.counts_from("enrolment", NOW - DAY) == NOW - DAY
    assert len(asked) == 1
