"""A laptop is silent beyond its own habit, weekends and holidays aside."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from server import device_habit
from server.device_habit import days_at_work, is_silent
from server.store.models import Device, DeviceDay

DAY = timedelta(days=1)
FIRST = date(2026, 10, 19)
"""A Monday; five weeks from it end on Sunday, 22 November."""

SPAN = [FIRST + DAY * place for place in range(35)]
WORKED = [day for day in SPAN if day.weekday() < 5]
TWICE = [day for day in WORKED if day.weekday() in (0, 3)]
TODAY = FIRST + DAY * 35


def fleet(days, laptops=20):
    return days_at_work([days] * laptops, FIRST, TODAY)


def test_days_on_which_hardly_any_laptop_reported_are_no_days_at_work():
    holiday = [day for day in WORKED if not date(2026, 10, 26) <= day <= date(2026, 10, 30)]
    some = [*[WORKED] * 3, *[holiday] * 27]
    assert days_at_work(some, FIRST, TODAY) == holiday
    assert days_at_work([WORKED] * 9, FIRST, TODAY) == SPAN  # too few to tell


@pytest.mark.parametrize(
    ("days", "silent"),
    [
        (WORKED, False),  # Monday, after a weekend
        (WORKED[:-1], False),  # and one missed Friday
        (WORKED[:-2], True),  # two days missed by one that is there every day
        (WORKED[::5], False),  # once a week, on Mondays
        (TWICE, False),
        (TWICE[:-1], False),
        (TWICE[:-2], True),  # twice a week, and a week and more missed
        (WORKED[:3], True),  # no habit, and none since
        (WORKED[-3:], False),
        ([], True),
    ],
)
def test_silence_is_held_against_the_longest_pause_of_late(days, silent):
    assert is_silent(FIRST, days, fleet(WORKED), TODAY) is silent


def test_nobody_is_silent_for_a_holiday_of_all_and_whoever_is_for_four_weeks():
    here = WORKED[:-10]
    assert not is_silent(FIRST, here, fleet(here), TODAY)
    assert is_silent(FIRST, here, fleet(here), here[-1] + device_habit.LONGEST)


def test_the_laptops_that_are_silent_are_found_and_lost_or_held_ones_are_not(database, device, other_device):
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    begun = now - 40 * DAY
    for one, last in ((device, now), (other_device, now - 9 * DAY)):
        Device.objects.filter(pk=one.id).update(enrolled_at=begun, last_seen=last)
        days = [last.date() - DAY * place for place in range(10)]
        DeviceDay.objects.bulk_create(DeviceDay(device_id=one.id, day=int(f"{day:%Y%m%d}")) for day in days)
    assert [one.pk for one in device_habit.silent(now)] == [other_device.id]
    for change in ({"lost_since": now}, {"lost_since": None, "status": "quarantined"}):
        Device.objects.filter(pk=other_device.id).update(**change)
        assert device_habit.silent(now) == []
