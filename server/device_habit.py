"""Whether a laptop is silent beyond its own habit, weekends and holidays aside.

A laptop in use reports every few minutes, so the days on which it reported tell when it is switched on. Its pauses are
counted in days on which the fleet was at work: a day on which hardly any laptop reported is a weekend, a holiday or a
fault of the collector's, and none of this laptop's. A fleet that is small has no such days, and every day counts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Q

from server.phone_habit import DAYS_LEAST, LOOKED_BACK, NEW_DAYS, days_of
from server.store.models import Device
from server.working_hours import organisation_zone

LEAST_DAYS: Final = 2
"""A laptop that reports every day may be left in a bag for a day."""

LONGEST: Final = timedelta(days=28)
"""Longer than any holiday: whoever is silent for so long is, whatever the others do."""

FLEET_LEAST: Final = 10
"""Of fewer laptops nobody can tell a holiday from somebody's leave."""

SAMPLED: Final = 200
"""So many laptops tell well enough on which days the fleet was at work."""


def is_silent(begun: date, days: Sequence[date], at_work: Sequence[date], today: date) -> bool:
    """Whether a laptop's silence is longer than it should be.

    `begun` is when it was enrolled, `days` are those on which it reported, `at_work` those of the fleet, in order and
    up to yesterday: a day that is not over may still bring it.
    """
    known = sorted(set(days))
    last = known[-1] if known else begun
    if today - last >= LONGEST:
        return True
    missed = len(at_work) - bisect_left(at_work, last + timedelta(days=1))
    if len(known) < DAYS_LEAST:
        return missed >= NEW_DAYS
    places = sorted({bisect_left(at_work, day) for day in known})
    longest = max((later - earlier for earlier, later in pairwise(places)), default=1)
    return missed >= max(2 * longest, LEAST_DAYS)


def days_at_work(reported: Iterable[Iterable[date]], first: date, today: date) -> list[date]:
    """Return the days from `first` to yesterday on which the fleet was at work, by when each laptop reported."""
    counts: Counter[date] = Counter()
    laptops = 0
    for days in reported:
        counts.update(set(days))
        laptops += 1
    span = [first + timedelta(days=place) for place in range((today - first).days)]
    usual = sorted(counts.get(day, 0) for day in span)
    # Even with two weeks of holidays more than a third of five weeks is worked, so this is a usual working day.
    least = usual[len(usual) * 2 // 3] / 3 if usual else 0
    return span if laptops < FLEET_LEAST else [day for day in span if counts.get(day, 0) > least]


def silent(now: datetime) -> list[Device]:
    """Return the laptops in use that are silent beyond their habit, without their health; lost ones are left out."""
    zone = organisation_zone()
    today, first = now.astimezone(zone).date(), (now - LOOKED_BACK).astimezone(zone).date()
    fleet = Device.objects.filter(
        public_key__isnull=False, status=Device.Status.ACTIVE, lost_since=None, successor=None
    ).defer("health", "public_key")
    # Ids are drawn, so the first of them are no choice.
    sampled = list(fleet.order_by("pk").values_list("pk", flat=True)[:SAMPLED])
    reported = days_of(sampled, now)
    at_work = days_at_work((reported.get(pk, ()) for pk in sampled), first, today)
    cut = now - timedelta(days=LEAST_DAYS)
    quiet = list(fleet.filter(Q(last_seen__lt=cut) | Q(last_seen=None, enrolled_at__lt=cut)))
    days = days_of([one.pk for one in quiet], now)
    return [
        one
        for one in quiet
        if is_silent(
            one.enrolled_at.astimezone(zone).date(), [*days.get(one.pk, ()), *_last(one, zone)], at_work, today
        )
    ]


def _last(device: Device, zone: ZoneInfo) -> list[date]:
    return [device.last_seen.astimezone(zone).date()] if device.last_seen is not None else []
