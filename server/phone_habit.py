"""Whether a phone is silent against its own habit: then its profile may have been removed, or it lies in a drawer.

A phone in use asks for names every few minutes by itself, so the days on which it asked tell when it is switched on:
every day, on working days, in term. A silence of more than twice its longest pause of late is none of its habits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from server.store.models import DeviceDay, Organisation, Phone

LOOKED_BACK: Final = timedelta(days=35)
"""Five weeks: a habit of working days shows in them, and one that has changed is forgotten."""

DAYS_LEAST: Final = 5
"""Days that a habit can be told from."""

NEW_DAYS: Final = 3
"""After so many silent days a phone without a habit is called silent."""

LEAST_DAYS: Final = 2
"""One that asks every day may be left at home for a day."""


def is_silent(since: datetime, last_asked: datetime | None, days: Sequence[date], now: datetime) -> bool:
    """Whether a phone's silence is longer than it should be; `days` are those on which it asked, in any order."""
    quiet = now - (last_asked or since)
    known = sorted(set(days))
    if last_asked is None or len(known) < DAYS_LEAST:
        return quiet >= timedelta(days=NEW_DAYS)
    pauses = (later - earlier for earlier, later in pairwise(known))
    return quiet > max(2 * max(pauses), timedelta(days=LEAST_DAYS))


def may_be_silent(phone: Phone, now: datetime) -> bool:
    """Whether it was quiet for long enough to look at its days at all."""
    return now - (phone.last_asked or phone.since) > timedelta(days=LEAST_DAYS)


def days_of(phones: Iterable[UUID], now: datetime) -> Mapping[UUID, Sequence[date]]:
    """Return the days of late on which each of these phones asked, in the organisation's time zone."""
    zone = Organisation.objects.values_list("timezone", flat=True).first() or "UTC"
    first = (now - LOOKED_BACK).astimezone(ZoneInfo(zone)).date()
    number = first.year * 10000 + first.month * 100 + first.day
    wanted = list(phones)
    found: dict[UUID, list[date]] = defaultdict(list)
    for start in range(0, len(wanted), 500):
        rows = DeviceDay.objects.filter(device_id__in=wanted[start : start + 500], day__gte=number)
        for device, day in rows.values_list("device_id", "day"):
            found[device].append(date(day // 10000, day // 100 % 100, day % 100))
    return found
