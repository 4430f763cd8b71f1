"""Working hours as people write them ("Mon-Fri 08:00-18:00"), in the organisation's own time zone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import msgspec

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60

_period = re.compile(r"\s*([A-Za-z,\s-]+?)\s+(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*")


class Period(msgspec.Struct, frozen=True):
    """Some days of the week (0 is Monday) and minutes of the day; an end at or before the start is the next day's."""

    days: tuple[int, ...]
    start_minute: int
    end_minute: int

    def holds(self, local: datetime) -> bool:
        """Whether the period holds this instant, given in local time."""
        return self.began(local) is not None

    def began(self, local: datetime) -> date | None:
        """The day on which the working time that holds this instant began: maybe the day before; None outside."""
        minute, today = local.hour * 60 + local.minute, local.date()
        over_midnight = self.end_minute <= self.start_minute
        if local.weekday() in self.days and self.start_minute <= minute and (over_midnight or minute < self.end_minute):
            return today
        yesterday = today - timedelta(days=1)
        return yesterday if over_midnight and yesterday.weekday() in self.days and minute < self.end_minute else None


def parse_period(text: str) -> Period:
    """The period that a text such as "Mon-Fri 08:00-18:00" or "Sat,Sun 09:30-12:00" means; raises ValueError."""
    found = _period.fullmatch(text)
    if found is None:
        raise ValueError('expected days and hours, as in "Mon-Fri 08:00-18:00"')
    start, end = _minute(found[2], found[3]), _minute(found[4], found[5])
    if start == MINUTES_A_DAY:
        raise ValueError("a period can't start at 24:00")
    return Period(days=tuple(sorted(set(_days(found[1])))), start_minute=start, end_minute=end)


def _minute(hour: str, minute: str) -> int:
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > MINUTES_A_DAY:
        raise ValueError(f"{hour}:{minute} is not a time of day")
    return total


def _days(text: str) -> Iterable[int]:
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        start = _day(first)
        end = _day(last) if dash else start
        yield from ((start + step) % 7 for step in range((end - start) % 7 + 1))


def _day(text: str) -> int:
    short = text.lower()[:3]
    if len(text) < 3 or short not in DAYS:
        raise ValueError(f"{text!r} is not a day of the week (Mon, Tue, Wed, Thu, Fri, Sat, Sun)")
    return DAYS.index(short)


def describe(periods: Iterable[Period]) -> str:
    """The periods in words, such as "Monday to Friday, 08:00 to 18:00"; empty for none."""
    return "; ".join(
        f"{_days_in_words(period.days)}, {_clock(period.start_minute)} to {_clock(period.end_minute)}"
        f"{' the next day' if period.end_minute <= period.start_minute else ''}"
        for period in periods
    )


def _days_in_words(days: tuple[int, ...]) -> str:
    if len(days) > 2 and days == tuple(range(days[0], days[-1] + 1)):
        return f"{_DAY_NAMES[days[0]]} to {_DAY_NAMES[days[-1]]}"
    return " and ".join(", ".join(_DAY_NAMES[day] for day in days).rsplit(", ", 1))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
