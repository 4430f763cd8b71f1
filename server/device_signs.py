"""Notices, heartbeat by heartbeat, what IT should look at on a laptop: its own word, and what changed since the last.

Only heartbeats come in here, so nothing that is kept can tell of any alert or of what anybody did.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from protocol.messages import Heartbeat
from server.store.models import Device, DeviceSign

COUNTER: Final = "counter"
"""By this key a device's health has the heartbeat's counter: an older one that comes late changes nothing."""

CLOCK_STEP: Final = timedelta(minutes=5)
"""How far a clock may be off before signed requests need the collector's time: less does no harm."""

KEPT_FOR: Final = timedelta(days=7)
"""How long something stays to be looked at that happened in a moment and is over: until somebody is back at work."""

NEW_A_DAY_MOST: Final = 200
"""Of one device: far more than a bad day brings, and too few to fill the database with."""

_MOMENTS: Final = frozenset({"clock_jumped"})

Signs = Mapping[tuple[str, str], DeviceSign]


def is_newest(device: Device, counter: int) -> bool:
    """Whether a heartbeat with that counter is the newest of a device; an older one tells of what is over."""
    before: int = (device.health or {}).get(COUNTER, 0)
    return counter >= before


def heard(device: Device, heartbeat: Heartbeat, now: datetime) -> None:
    """Open and close a device's signs by its newest heartbeat; call inside ingest's transaction, before it is kept."""
    before = device.health or {}
    there = {(one.kind, one.about): one for one in DeviceSign.objects.filter(device=device, until__isnull=True)}
    seen = set(_seen(there, before, heartbeat))
    _open(device, sorted(seen - there.keys()), now)
    again = [sign.pk for key, sign in there.items() if key in seen and sign.kind in _MOMENTS]
    if again:
        DeviceSign.objects.filter(pk__in=again).update(last=now)
    over = [sign.pk for key, sign in there.items() if key not in seen and not _stays(sign, now)]
    if over:
        DeviceSign.objects.filter(pk__in=over).update(until=now)


def _open(device: Device, signs: list[tuple[str, str]], now: datetime) -> None:
    if not signs:
        return
    left = NEW_A_DAY_MOST - DeviceSign.objects.filter(device=device, since__gt=now - timedelta(days=1)).count()
    DeviceSign.objects.bulk_create(
        [
            DeviceSign(device=device, kind=kind, about=about, since=now, last=now)
            for kind, about in signs[: max(0, left)]
        ]
    )


def end(device: Device, at: datetime) -> None:
    """Close whatever is open of a device that is over."""
    DeviceSign.objects.filter(device=device, until__isnull=True).update(until=at)


def _stays(sign: DeviceSign, now: datetime) -> bool:
    return sign.kind in _MOMENTS and now - sign.last < KEPT_FOR


def _seen(there: Signs, before: Mapping[str, Any], now: Heartbeat) -> Iterator[tuple[str, str]]:
    for word in now.notices:
        yield word, ""
    if not now.notice_shown:
        yield "notice_missing", ""
    if before:
        if _clock_jumped(before, now):
            yield "clock_jumped", ""
        yield from _stopped(there, before, now)
    yield from _gone_back(there, before, now)


def _clock_jumped(before: Mapping[str, Any], now: Heartbeat) -> bool:
    """Whether a clock went back between two heartbeats, or its distance from the collector's changed."""
    went_back = datetime.fromisoformat(before["at"]) - now.at.astimezone(UTC) > CLOCK_STEP
    moved = timedelta(seconds=abs(now.clock_offset_seconds - before["clock_offset_seconds"]))
    return went_back or moved > CLOCK_STEP


def _stopped(there: Signs, before: Mapping[str, Any], now: Heartbeat) -> Iterator[tuple[str, str]]:
    """Yield the sources that worked and do not any more; one that is not spoken of, as nobody is signed in, is not."""
    worked = {one["name"] for one in before["sources"] if one["state"] == "working"}
    for source in now.sources:
        if source.state != "working" and (source.name in worked or ("source_stopped", source.name[:64]) in there):
            yield "source_stopped", source.name[:64]


def _gone_back(there: Signs, before: Mapping[str, Any], now: Heartbeat) -> Iterator[tuple[str, str]]:
    """Yield the version that a device once ran where it runs an older one now."""
    known = [about for kind, about in there if kind == "version_back"]
    highest = max([*known, str(before.get("agent_version", ""))[:64]], key=_parts)
    if highest and _parts(now.agent_version) < _parts(highest):
        yield "version_back", highest


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version))
