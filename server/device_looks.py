"""Which laptops need a look, by kind, with what to do: what IT is told of tampering and of faults.

Everything here comes from heartbeats, from silence and from identities that were used twice. Nothing of any case or
total does, so nothing of those can be read from it. The person at the device sees the same notices, by
`fairwatch-agent status`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_noop

from protocol.messages import HealthNotice
from server import device_habit
from server.device_notices import WORDS as NOTICES
from server.devices import may_manage
from server.store.models import Device, DeviceSign, LossReport, Quarantined, User
from server.working_hours import organisation_zone

ROWS_MAX: Final = 50
"""So many of a kind are shown beside the other kinds; its own page has more."""

ROWS_MAX_ALONE: Final = 1000

ABOUTS_MAX: Final = 5
"""So many of the things that one laptop stopped seeing are named: its own page has all."""

SETTLED: Final = {"notice_missing": timedelta(days=1), "source_stopped": timedelta(hours=1)}
"""What may well be over by itself is shown once it has stood for so long: until somebody signs in, or after a start."""

LOSSES_FOR: Final = timedelta(days=30)

OWN_WORDS: Final[dict[str, tuple[str, str]]] = {
    "identity_held": (
        gettext_noop("two devices use one identity"),
        gettext_noop("A disk was copied, or a backup put on a second device. Retire it, and enrol both anew."),
    ),
    "version_back": (
        gettext_noop("it runs an older version than before"),
        gettext_noop("Update it. If nobody put the older one there, ask who may install on that device."),
    ),
    "source_stopped": (
        gettext_noop("something that it saw is not seen any more"),
        gettext_noop("Its own page says why. Look whether a program or a setting was changed."),
    ),
    "clock_jumped": (
        gettext_noop("its clock jumped between two reports"),
        gettext_noop("See that it takes its time from the network, and that nobody else may set it."),
    ),
    "silent": (
        gettext_noop("silent beyond its own habit, weekends and holidays aside"),
        gettext_noop(
            "Ask whoever has it. If it lies in a cupboard, mute it until a day; if it is gone, say that it is lost."
        ),
    ),
    "notice_missing": (
        gettext_noop("the notice was never shown, so nothing is collected"),
        gettext_noop("Sign in there once. Where no window can be shown, nothing is watched."),
    ),
    "records_dropped": (
        gettext_noop("it had to drop or put aside records"),
        gettext_noop("See that its disk has room and that it reaches the collector."),
    ),
}
"""What the collector sees by itself: what it is, and what to do. What devices say has its words already."""

KINDS: Final = (
    "identity_held", "identity_in_use", "stopped_badly", "files_changed", "version_back", "extension_removed",
    "source_stopped", "clock_jumped", "clock_moved", "silent", "notice_missing", "records_dropped", "slowed_memory",
    "slowed_cpu", "slowed_disk", "slowed_network",
)  # fmt: skip
"""In the order of the page: what looks most like somebody's hand comes first."""


_SEEN_HERE: Final = frozenset({"identity_held", "silent", "records_dropped"})
_COLUMNS: Final = ("device_id", "device__name", "device__group", "last", "about", "device__lost_since")


@dataclass(frozen=True)
class Look:
    """One laptop that needs a look, since when, and about what of it."""

    device: UUID
    name: str
    group: str
    since: datetime
    about: str
    lost: bool


@dataclass(frozen=True)
class Section:
    """One kind: what it is, what to do, how many laptops, and the newest of them."""

    kind: str
    what: str
    todo: str
    count: int
    rows: tuple[Look, ...]

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.rows)


def sections(user: User | None, now: datetime, only: str = "", most: int | None = ROWS_MAX) -> list[Section]:
    """Return each kind that some laptop needs a look for, or one alone, with so many of its laptops, newest first.

    What IT muted is left out. For IT; raises NotAllowed.
    """
    may_manage(user)
    found = []
    for kind in KINDS:
        if only in ("", kind):
            count, rows = _newest(kind, now, most)
            if rows:
                found.append(Section(kind, *words(kind), count, rows))
    return found


def words(kind: str) -> tuple[str, str]:
    """Return what a kind is, and what to do about it."""
    what, todo = OWN_WORDS[kind] if kind in OWN_WORDS else NOTICES[cast("HealthNotice", kind)]
    return capfirst(gettext(what)), gettext(todo)


def muted(user: User | None, now: datetime) -> list[Device]:
    """Return the laptops that need no look for a while, by when that ends. For IT; raises NotAllowed."""
    may_manage(user)
    today = now.astimezone(organisation_zone()).date()
    rows = Device.objects.filter(muted_until__gt=today, successor=None).exclude(status=Device.Status.REVOKED)
    return list(rows.defer("health").order_by("muted_until", "name"))


def _newest(kind: str, now: datetime, most: int | None) -> tuple[int, tuple[Look, ...]]:
    if kind in _SEEN_HERE:
        rows = sorted(_rows(kind, now), key=lambda row: row.since, reverse=True)
        return len(rows), tuple(rows[:most])
    signs = _signs(kind, now)
    if kind == "source_stopped":
        return _by_laptop(signs, most)
    found = tuple(
        Look(pk, name, group, last, about.replace("_", " "), lost_since is not None)
        for pk, name, group, last, about, lost_since in signs.values_list(*_COLUMNS)[:most]
    )
    return len(found) if most is None or len(found) < most else signs.count(), found


def _by_laptop(signs: QuerySet[DeviceSign], most: int | None) -> tuple[int, tuple[Look, ...]]:
    """Return how many laptops there are and the newest, of a kind that one may have several of: each stands once."""
    laptops = signs.order_by().values_list("device_id").annotate(at=Max("last")).order_by("-at", "device__name")
    newest = dict(laptops[:most])
    rows = signs if most is None else signs.filter(device_id__in=newest)
    found: dict[UUID, tuple[str, str, datetime | None]] = {}
    abouts: dict[UUID, list[str]] = defaultdict(list)
    for pk, name, group, _, about, lost_since in rows.values_list(*_COLUMNS):
        found[pk] = (name, group, lost_since)
        abouts[pk].append(about.replace("_", " "))
    looks = tuple(
        Look(pk, found[pk][0], found[pk][1], at, _together(abouts[pk]), found[pk][2] is not None)
        for pk, at in newest.items()
    )
    return len(newest) if most is None or len(newest) < most else laptops.count(), looks


def _together(abouts: list[str]) -> str:
    shown = ", ".join(sorted(abouts)[:ABOUTS_MAX])
    return shown if len(abouts) <= ABOUTS_MAX else f"{shown}, …"


def _rows(kind: str, now: datetime) -> Iterator[Look]:
    if kind == "silent":
        rows = ((one, one.last_seen or one.enrolled_at) for one in device_habit.silent(now))
        return (_look(one, since) for one, since in rows if not _is_muted(one, now))
    if kind == "identity_held":
        return _held()
    return _dropped(now)


def _held() -> Iterator[Look]:
    aside = dict(Quarantined.objects.values_list("device").annotate(at=Max("received_at")))
    for one in Device.objects.filter(status=Device.Status.QUARANTINED, successor=None).defer("health"):
        yield _look(one, aside.get(one.pk, one.last_seen or one.enrolled_at))


def _dropped(now: datetime) -> Iterator[Look]:
    recent = LossReport.objects.filter(received_at__gt=now - LOSSES_FOR)
    latest = dict(recent.values_list("device").annotate(at=Max("received_at")))
    rows = Device.objects.filter(status=Device.Status.ACTIVE, successor=None, pk__in=recent.values("device"))
    for one in rows.defer("health"):
        if not _is_muted(one, now, since=latest[one.pk]):
            yield _look(one, latest[one.pk])


def _signs(kind: str, now: datetime) -> QuerySet[DeviceSign]:
    today = now.astimezone(organisation_zone()).date()
    rows = DeviceSign.objects.filter(
        kind=kind,
        until__isnull=True,
        since__lte=now - SETTLED.get(kind, timedelta()),
        device__status=Device.Status.ACTIVE,
        device__successor=None,
    )
    known = Q(device__muted_until__gt=today) & Q(last__lte=F("device__muted_at"))
    return rows.exclude(known).order_by("-last", "device__name")


def _look(device: Device, since: datetime) -> Look:
    return Look(device.pk, device.name, device.group, since, "", device.lost_since is not None)


def _is_muted(device: Device, now: datetime, since: datetime | None = None) -> bool:
    """Whether IT said that a device needs no look, of what it knew then where `since` says when it was noticed."""
    until, at = device.muted_until, device.muted_at
    if until is None or at is None or until <= now.astimezone(organisation_zone()).date():
        return False
    return since is None or since <= at
