"""IT's page: the devices and what each can see. Nothing here comes from, or counts, any incident."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from protocol import version_order
from server import device_life, device_mutes, device_notices, devices
from server.devices import DeviceRow
from server.store.models import Device, Role
from server.web.access import page, person
from server.web.words import ago, span

SILENT_AFTER = timedelta(days=1)
"""A laptop in use reports within minutes; a day of silence is a device in a drawer or a fault."""

CLOCK_OFF = timedelta(minutes=5)
"""Beyond this a device's own times can't be believed, and it signs with the collector's."""

_LOOKS = {"working": "good", "unknown": "warn", "failing": "urgent"}
_SOURCES = {
    "foreground": "app in front",
    "processes": "running apps",
    "resolved": "names looked up",
    "session": "app in front",
}
_SPOOL_LOOKS = {"normal": "good", "filling": "warn", "full": "urgent"}


@dataclass(frozen=True)
class Source:
    """One source as the page says it."""

    name: str
    state: str
    look: str
    reason: str


@dataclass(frozen=True)
class Row:
    """One device as the page says it."""

    id: UUID
    name: str
    group: str
    platform: str
    status: str
    status_words: str
    heard: str
    silent: bool
    sources: tuple[Source, ...]
    notice_missing: bool
    spool: str
    spool_look: str
    lost: str
    agent: str
    rules: str
    clock: str
    sample: bool
    lost_since: datetime | None
    noticed: list[tuple[str, str]]
    handed_on_at: datetime | None
    late_until: datetime | None
    successor: UUID | None
    muted_until: date | None

    @property
    def working(self) -> str:
        """The sources that work, on one line."""
        return ", ".join(source.name for source in self.sources if source.state == "working")

    @property
    def troubled(self) -> list[Source]:
        """The sources that do not see what they should, worst first."""
        return sorted((source for source in self.sources if source.state != "working"), key=lambda one: one.state)

    @property
    def rank(self) -> int:
        """How much it needs a look: 0 most."""
        if self.status == Device.Status.REVOKED:
            return 2
        failing = self.spool == "full" or any(source.state == "failing" for source in self.sources)
        if self.status != Device.Status.ACTIVE or failing or self.lost or self.noticed:
            return 0
        unclear = self.silent or self.notice_missing or self.clock or self.spool == "filling"
        return 1 if unclear else 2


@page(Role.IT)
def device_list(request: HttpRequest) -> HttpResponse:
    """Show the devices, those that need a look first."""
    now = datetime.now(UTC)
    rows = sorted((_row(device, now) for device in devices.listing(person(request))), key=lambda row: row.rank)
    counts = {
        "all": len(rows),
        "recent": sum(not row.silent for row in rows),
        "silent": sum(row.silent for row in rows),
        "attention": sum(row.rank < 2 for row in rows),
    }
    return render(request, "web/devices.html", {"rows": rows, "counts": counts, "agents": _agents(rows)})


@page(Role.IT)
def device(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Show one device: what it can see, what it noticed about itself, and what can be done."""
    return one_device(request, device_id)


def one_device(request: HttpRequest, device_id: UUID, problem: str = "") -> HttpResponse:
    """Show one device, with what could not be done and why."""
    user, now = person(request), datetime.now(UTC)
    row = _row(devices.one(user, device_id), now)
    context = {
        "row": row,
        "problem": problem,
        "formers": device_life.formers(user, device_id),
        "candidates": device_life.candidates(user, device_id) if row.successor is None else [],
        "mute_first": device_mutes.first_day(now),
        "mute_last": device_mutes.last_day(now),
        "reason_max": device_life.REASON_MAX_CHARS,
    }
    return render(request, "web/device.html", context, status=409 if problem else 200)


def _agents(rows: Iterable[Row]) -> list[tuple[str, int]]:
    """Return the agent's versions in use and on how many devices each is, the latest first."""
    counts = Counter(row.agent for row in rows if row.agent and row.status == Device.Status.ACTIVE)
    return sorted(counts.items(), key=lambda one: version_order.order(one[0]), reverse=True)


def _row(device: DeviceRow, now: datetime) -> Row:
    offset = timedelta(seconds=device.clock_offset_seconds or 0)
    rules = [
        f"{what} {version}"
        for what, version in (("policy", device.policy_version), ("recipients", device.recipients_version))
        if version
    ]
    return Row(
        id=device.id,
        name=device.name,
        group=device.group,
        platform=device.platform,
        status=device.status,
        status_words=device.status_text,
        heard=ago(device.last_seen, now),
        silent=device.status != Device.Status.REVOKED
        and (device.last_seen is None or now - device.last_seen > SILENT_AFTER),
        sources=tuple(
            Source(
                _SOURCES.get(one.name, one.name.replace("_", " ")),
                one.state,
                _LOOKS.get(one.state, "plain"),
                one.reason,
            )
            for one in device.sources
        ),
        notice_missing=device.notice_shown is False,
        spool=device.spool or "not told yet",
        spool_look=_SPOOL_LOOKS.get(device.spool, "plain"),
        lost="Had to drop or put aside records" if device.reported_losses else "",
        agent=device.agent_version,
        rules=", ".join(rules),
        clock=f"Its clock is off by {span(abs(offset))}" if abs(offset) > CLOCK_OFF else "",
        sample=device.sample,
        lost_since=device.lost_since,
        noticed=device_notices.told(device.notices),
        handed_on_at=device.handed_on_at,
        late_until=device.late_until if device.late_until is not None and device.late_until > now else None,
        successor=device.successor,
        muted_until=device.muted_until
        if device.muted_until and device.muted_until >= device_mutes.first_day(now)
        else None,
    )
