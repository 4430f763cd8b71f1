"""When a person works, in the organisation's time zone: the next moment to tell something that can wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from server.store.models import NotifySettings, Organisation

_WEEK = 8  # today again in a week: somebody who works one day a week is told on that day at the latest


@dataclass(frozen=True)
class WorkingHours:
    """Days of the week ("1" is Monday) and from when to when, as a clock on the wall shows it."""

    days: str
    start: time
    end: time

    @classmethod
    def of(cls, settings: NotifySettings) -> WorkingHours:
        """Return somebody's hours."""
        return cls(settings.days, settings.hours_from, settings.hours_to)

    def next_within(self, at: datetime, zone: ZoneInfo) -> datetime:
        """Return the first moment from `at` on (aware UTC) that lies within; `at` itself when no day is worked."""
        here = at.astimezone(zone)
        for later in range(_WEEK):
            day = here.date() + timedelta(days=later)
            begins = datetime.combine(day, self.start, zone)
            if str(day.isoweekday()) not in self.days or (later == 0 and here.time() >= self.end):
                continue
            return max(begins.astimezone(UTC), at)
        return at

    def first_day_of_week(self, day: date) -> bool:
        """Whether a day is the first of its week that is worked."""
        return bool(self.days) and str(day.isoweekday()) == min(self.days)


def organisation_zone() -> ZoneInfo:
    """Return the time zone in which people are told times."""
    organisation = Organisation.objects.first()
    return ZoneInfo(organisation.timezone if organisation is not None else "UTC")
