"""What can wait is told within a person's working hours, by the clock on their wall."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from server.working_hours import WorkingHours, organisation_zone

LONDON = ZoneInfo("Europe/London")
USUAL = WorkingHours("12345", time(8, 30), time(17))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-11-20 10:00", "2026-11-20 10:00"),  # a Friday, within
        ("2026-11-20 05:00", "2026-11-20 08:30"),  # early
        ("2026-11-20 17:00", "2026-11-23 08:30"),  # the end itself is after work: Monday
        ("2026-11-21 12:00", "2026-11-23 08:30"),  # a Saturday
        ("2026-03-28 12:00", "2026-03-30 07:30"),  # over the night in which summer time begins
        ("2026-10-24 12:00", "2026-10-26 08:30"),  # and the one in which it ends
    ],
)
def test_the_next_moment_lies_within_hours_on_the_wall(at, told):
    assert USUAL.next_within(utc(at), LONDON) == utc(told)


def test_somebody_who_works_one_day_is_told_on_that_day_and_somebody_who_works_none_at_once():
    wednesdays = WorkingHours("3", time(9), time(12))
    assert wednesdays.next_within(utc("2026-11-25 13:00"), LONDON) == utc("2026-12-02 09:00")
    assert WorkingHours("", time(9), time(12)).next_within(utc("2026-11-25 13:00"), LONDON) == utc("2026-11-25 13:00")


def test_the_week_begins_on_the_first_day_that_is_worked():
    assert WorkingHours("245", time(9), time(12)).first_day_of_week(date(2026, 11, 24))
    assert not WorkingHours("245", time(9), time(12)).first_day_of_week(date(2026, 11, 26))
    assert not WorkingHours("", time(9), time(12)).first_day_of_week(date(2026, 11, 24))


def test_the_zone_is_the_organisations(organisation):
    assert organisation_zone() == LONDON
