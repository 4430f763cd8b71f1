"""Which months there are to tell of, when each is over, and the first working day after it, on which it is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from server import policy_in_force
from server.errors import SetUpError
from server.figures import shifted
from server.store.models import Device, MonthlySummary

MADE_AT = time(6)
"""Before people begin to work on the first working day, so that it is there when they do."""

_LONGEST_WAIT_DAYS = 31
"""However many days are closed, a month is told within the next."""


def bounds(month: str) -> tuple[date, date]:
    """Return a month's first day and the first day after it; raises SetUpError for a text that is no month."""
    try:
        if len(month) != 7:
            raise ValueError  # a longer year than Python's calendars know, or another way of writing dates
        first = date.fromisoformat(f"{month}-01")
        shifted(first, -12)  # whoever tells of a month looks a year back
        return first, shifted(first, 1)
    except ValueError:
        raise SetUpError(f"{month!r} is not a month; write it like 2026-10") from None


def name_of(first: date) -> str:
    """A month as it is written in files and addresses: 2026-10."""
    return f"{first:%Y-%m}"


def is_over(month: str, now: datetime, zone: str) -> bool:
    """Whether a month is over where the organisation is; raises SetUpError for a text that is no month."""
    after = bounds(month)[1]
    return now >= datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(zone))


def told_at(month: str, zone: str) -> datetime:
    """Return when a month's summary is made: on the first working day after it (aware UTC).

    Monday to Friday, but for the closed days of the signed policy.
    """
    after = bounds(month)[1]
    policy = policy_in_force.in_force()
    closed = policy.closed_days if policy is not None else frozenset[date]()
    days = [after + timedelta(days=wait) for wait in range(_LONGEST_WAIT_DAYS)]
    day = next((one for one in days if one.isoweekday() <= 5 and one not in closed), after)
    return datetime.combine(day, MADE_AT, ZoneInfo(zone)).astimezone(UTC)


def last_over(now: datetime, zone: str) -> str:
    """Return the newest month that is over."""
    return name_of(shifted(now.astimezone(ZoneInfo(zone)).date().replace(day=1), -1))


def months(now: datetime, zone: str) -> list[str]:
    """Return the months that are over, newest first: from that of the first device on, and those that are kept."""
    kept = set(MonthlySummary.objects.values_list("month", flat=True).distinct())
    enrolled = Device.objects.order_by("enrolled_at").values_list("enrolled_at", flat=True).first()
    if enrolled is not None:
        month = bounds(last_over(now, zone))[0]
        begin = enrolled.astimezone(ZoneInfo(zone)).date().replace(day=1)
        while month >= begin:
            kept.add(name_of(month))
            month = shifted(month, -1)
    return sorted(kept, reverse=True)
