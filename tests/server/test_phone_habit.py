"""A phone is silent against its own habit: one of working days is not on Monday, one of every day is on the third."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from server import phone_habit, phones
from server.phones import NewPhone
from server.store.models import DeviceDay, Phone

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
DAY = timedelta(days=1)
GIVEN = NewPhone("one", "staff", "ios", noticed=True)


def days(*before):
    return [(NOW - n * DAY).date() for n in before]


EVERY_DAY = range(35)
WORKING_DAYS = [n for n in range(35) if (NOW - n * DAY).weekday() < 5]
ONCE_A_WEEK = range(0, 35, 7)


@pytest.mark.parametrize(
    ("habit", "quiet_days", "silent"),
    [
        (EVERY_DAY, 2, False),
        (EVERY_DAY, 2.1, True),
        (WORKING_DAYS, 3, False),
        (WORKING_DAYS, 6, False),
        (WORKING_DAYS, 6.1, True),
        (ONCE_A_WEEK, 14, False),
        (ONCE_A_WEEK, 14.1, True),
        ((0, 1), 2.9, False),  # no habit is known yet
        ((0, 1), 3, True),
    ],
)
def test_a_silence_counts_against_the_phones_own_pauses(habit, quiet_days, silent):
    last = NOW
    found = phone_habit.is_silent(NOW - 60 * DAY, last, days(*habit), last + quiet_days * DAY)
    assert found is silent


def test_a_new_phone_that_never_asked_is_silent_after_three_days():
    assert not phone_habit.is_silent(NOW - 2 * DAY, None, [], NOW)
    assert phone_habit.is_silent(NOW - 3 * DAY, None, [], NOW)


@pytest.mark.django_db
def test_the_list_says_so_from_the_days_that_are_kept_and_not_of_phones_withdrawn(device, people):
    made = [phones.add(None, GIVEN, NOW - 60 * DAY)[0] for _ in range(3)]
    for one, habit in zip(made, (WORKING_DAYS, EVERY_DAY, EVERY_DAY), strict=True):
        DeviceDay.objects.bulk_create(
            DeviceDay(device=one, day=int(f"{day:%Y%m%d}")) for day in days(*(n + 4 for n in habit))
        )
        Phone.objects.filter(device=one).update(last_asked=NOW - 4 * DAY)
    phones.withdraw(None, made[2].pk, NOW)
    told = {one.id: one.silent for one in phones.listing(people.it, NOW)}
    assert told == {made[0].pk: False, made[1].pk: True, made[2].pk: False}
    assert phones.one(people.it, made[1].pk, NOW).silent


@pytest.mark.django_db
def test_days_are_of_the_organisations_zone_and_of_five_weeks(device):
    one = phones.add(None, GIVEN, NOW)[0]
    for day in (20260101, 20261016, 20261120):
        DeviceDay.objects.create(device=one, day=day)
    assert phone_habit.days_of([one.pk], NOW)[one.pk] == [date(2026, 10, 16), date(2026, 11, 20)]
