"""Keeps which devices reported on which days and what each could not see, and says it beside a month's figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q

from protocol.messages import Heartbeat
from server.store.models import Device, DeviceDay, Organisation, SourceGap

GAPS_A_DAY_MOST: Final = 1000
"""Of one device: ten sources that come and go with each heartbeat make as many, and the database stays small."""


@dataclass(frozen=True)
class Gap:
    """What some devices of a group could not see: how many, why, and since when the first of them."""

    group: str
    source: str
    reason: str
    devices: int
    since: datetime
    lasting: bool


@dataclass(frozen=True)
class Coverage:
    """How much of a month the figures can speak for. Devices by group; `gaps` with most devices first.

    `phones` are those of the enrolled that ask a gateway for names.
    """

    enrolled: dict[str, int]
    reported: dict[str, int]
    gaps: tuple[Gap, ...]
    phones: dict[str, int]

    @property
    def silent(self) -> dict[str, int]:
        """Devices by group of which nothing was heard."""
        return {group: number - self.reported.get(group, 0) for group, number in self.enrolled.items()}


def reported_at(devices: Iterable[UUID], at: datetime) -> None:
    """Note that these devices reported on the organisation's day of that time; of a phone, that it asked for a name."""
    zone = Organisation.objects.values_list("timezone", flat=True).first() or "UTC"
    day = number_of(at.astimezone(ZoneInfo(zone)).date())
    DeviceDay.objects.bulk_create([DeviceDay(device_id=pk, day=day) for pk in devices], ignore_conflicts=True)


def heard(device: Device, heartbeat: Heartbeat, now: datetime) -> None:
    """Note that a device reported, and open and close the gaps of its sources; call inside ingest's transaction."""
    reported_at([device.pk], now)
    open_gaps = {gap.source: gap for gap in SourceGap.objects.filter(device=device, until__isnull=True)}
    states = {source.name: source for source in heartbeat.sources}
    blind = {name for name, state in states.items() if state.state != "working"}
    if blind != open_gaps.keys() and _comes_and_goes(device, now):
        return
    for name, gap in open_gaps.items():
        state = states.get(name)
        if state is None or state.state == "working":
            gap.until = now
            gap.save(update_fields=["until"])
        elif (state.state, state.reason) != (gap.state, gap.reason):
            gap.state, gap.reason = state.state, state.reason
            gap.save(update_fields=["state", "reason"])
    for name in blind - open_gaps.keys():
        state = states[name]
        SourceGap.objects.create(device=device, source=name, state=state.state, reason=state.reason, since=now)


def _comes_and_goes(device: Device, now: datetime) -> bool:
    """Whether a device had so many gaps within a day that nothing is closed or opened: what is open stays so."""
    return SourceGap.objects.filter(device=device, since__gt=now - timedelta(days=1)).count() >= GAPS_A_DAY_MOST


def of(first: date, after: date, zone: str) -> Coverage:
    """Return what may be said of the days from `first` to before `after` (local days of that time zone).

    A device counts as enrolled from the day it was enrolled. One that IT has withdrawn since counts if it reported. A
    laptop that was set up anew is one.
    """
    here = ZoneInfo(zone)
    begin, end = (datetime(day.year, day.month, day.day, tzinfo=here) for day in (first, after))
    days = DeviceDay.objects.filter(day__gte=number_of(first), day__lt=number_of(after))
    reporting = set(days.values_list("device_id", flat=True))
    enrolled: dict[str, int] = defaultdict(int)
    reported: dict[str, int] = defaultdict(int)
    phones: dict[str, int] = defaultdict(int)
    asking = set(Device.objects.filter(public_key__isnull=True).values_list("pk", flat=True))
    known = list(Device.objects.filter(enrolled_at__lt=end).values_list("pk", "group", "status", "successor"))
    goes_on = _goes_on({pk: successor for pk, _, _, successor in known})
    reporting = {goes_on.get(pk, pk) for pk in reporting}
    for pk, group, status, _ in known:
        if pk in goes_on or (status == Device.Status.REVOKED and pk not in reporting):
            continue
        enrolled[group] += 1
        reported[group] += pk in reporting
        if pk in asking:
            phones[group] += 1
    return Coverage(_sorted(enrolled), _sorted(reported), _gaps(begin, end), _sorted(phones))


def _goes_on(successors: dict[UUID, UUID | None]) -> dict[UUID, UUID]:
    """Return under which of these identities a laptop went on that was set up anew: it is one device of the figures."""
    found = {}
    for first in successors:
        last = first
        while (after := successors.get(last)) in successors and after is not None:
            last = after
        if last != first:
            found[first] = last
    return found


def _sorted(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def number_of(day: date) -> int:
    """A day as the store keeps it: 20261122."""
    return day.year * 10000 + day.month * 100 + day.day


def _gaps(begin: datetime, end: datetime) -> tuple[Gap, ...]:
    within = SourceGap.objects.filter(Q(until__isnull=True) | Q(until__gt=begin), since__lt=end)
    found: dict[tuple[str, str, str], list[SourceGap]] = defaultdict(list)
    for gap in within.select_related("device").defer("device__health"):
        found[gap.device.group, gap.source, gap.reason].append(gap)
    gaps = (
        Gap(
            group,
            source,
            reason,
            devices=len({one.device_id for one in some}),
            since=min(one.since for one in some),
            lasting=any(one.until is None or one.until >= end for one in some),
        )
        for (group, source, reason), some in found.items()
    )
    return tuple(sorted(gaps, key=lambda gap: (-gap.devices, gap.group, gap.source, gap.reason)))
