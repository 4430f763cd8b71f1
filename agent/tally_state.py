"""What the tally remembers, in memory and in the spool: one piece for what is under way, and one for each day."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import NamedTuple, TypeVar
from uuid import UUID

import msgspec

from agent.observation import Kind
from agent.spans import Span

log = logging.getLogger(__name__)

Load = Callable[[str], bytes | None]
Save = Callable[[str, bytes | None], None]

ROW_MAX_SECONDS = 90_000
"""A message's row takes a day of 25 hours; what is beyond it follows in the next."""

ROW_MAX_VISITS = 1_000_000
"""The same for visits."""

_LIVE_KEY = "tally"
_VERSION = 1


class Owner(NamedTuple):
    """Whose time it is: the time of one kind never adds up to more than passed."""

    device: UUID
    person: str


class RowKey(NamedTuple):
    """What a row adds up, within one day."""

    owner: Owner
    group: str
    kind: Kind
    category: str
    name: str | None


class Visit(msgspec.Struct, frozen=True, array_like=True):
    """A visit that waits to be counted, already without its host name; `remind` is its category, if that reminds.

    `continues`: only the time is counted, and all of it, since who told it saw when it ended.
    """

    at_ms: int
    limit_ms: int
    category: str
    name: str | None
    remind: str | None
    continues: bool = False


class Row(msgspec.Struct, array_like=True):
    """A day's sum, and how much of it was handed on."""

    ms: int = 0
    visits: int = 0
    sent_seconds: int = 0
    sent_visits: int = 0

    def unsent(self) -> tuple[int, int]:
        """The whole seconds and the visits that were not handed on yet, no more than one message's row takes."""
        seconds = min(self.ms // 1000 - self.sent_seconds, ROW_MAX_SECONDS)
        return seconds, min(self.visits - self.sent_visits, ROW_MAX_VISITS)


class Day:
    """One local day: its rows, what time is covered, and what was used of the categories with reminders."""

    def __init__(self) -> None:
        self.rows: dict[RowKey, Row] = {}
        self.covered: dict[tuple[Owner, Kind], list[Span]] = {}
        self.reminding: dict[tuple[Owner, str], int] = {}

    @property
    def is_sent(self) -> bool:
        """Whether nothing of it is left to hand on."""
        return not any(any(row.unsent()) for row in self.rows.values())


class Live:
    """What is not of one day: visits that wait, when a browser was in front, and which days there are."""

    def __init__(self) -> None:
        self.waiting: dict[Owner, list[Visit]] = {}
        self.browser_in_front: dict[Owner, list[Span]] = {}
        self.front_until_ms: dict[Owner, int] = {}
        self.days: set[date] = set()
        self.unsent: set[date] = set()
        self.flushed_ms = 0


# MessagePack's maps can't have such keys, so on disk they are lists of pairs.
class _StoredDay(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    rows: list[tuple[RowKey, Row]]
    covered: list[tuple[tuple[Owner, Kind], list[Span]]]
    reminding: list[tuple[tuple[Owner, str], int]]


class _StoredLive(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    waiting: list[tuple[Owner, list[Visit]]]
    browser_in_front: list[tuple[Owner, list[Span]]]
    front_until_ms: list[tuple[Owner, int]]
    days: list[date]
    unsent: list[date]
    flushed_ms: int


_encode = msgspec.msgpack.Encoder().encode
T = TypeVar("T", _StoredDay, _StoredLive)


class Memory:
    """The tally's state over a spool: changes count once `committed`, and `rolled_back` takes them back."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._on_disk: dict[str, bytes] = {}
        self._written: dict[str, bytes | None] = {}
        self._days: dict[date, Day] = {}
        self._changed: set[date] = set()
        self.live_changed = False
        self.live = self._read_live()

    def day(self, day: date, *, change: bool = False) -> Day:
        """That day, an empty one if there is none; `change` says that the caller changes it."""
        found = self._days.get(day)
        if found is None:
            found = self._days[day] = self._read_day(day)
        if change:
            self._changed.add(day)
            if day not in self.live.days or day not in self.live.unsent:
                self.live.days.add(day)
                self.live.unsent.add(day)
                self.live_changed = True
        return found

    def look_at(self, day: date) -> Day:
        """That day only to read, without keeping it in memory."""
        return self._days.get(day) or self._read_day(day)

    def forget(self, day: date) -> None:
        """Delete a day."""
        self._days[day] = Day()
        self._changed.add(day)
        self.live.days.discard(day)
        self.live.unsent.discard(day)
        self.live_changed = True

    def write(self, save: Save) -> None:
        """Save what has changed; to be called inside the spool's transaction."""
        for day in sorted(self._changed):
            self._put(save, _key_of(day), _stored_day(self._days[day]) if day in self.live.days else None)
        if self.live_changed:
            self._put(save, _LIVE_KEY, _stored_live(self.live))

    def committed(self) -> None:
        """What was written is on the disk: keep only what is likely to be needed again."""
        for key, value in self._written.items():
            if value is None:
                self._on_disk.pop(key, None)
            else:
                self._on_disk[key] = value
        self._written.clear()
        self._changed.clear()
        self.live_changed = False
        newest = max(self.live.days, default=None)
        for day in [day for day in self._days if day not in self.live.unsent and day != newest]:
            del self._days[day]
            self._on_disk.pop(_key_of(day), None)

    def rolled_back(self, *, disk_lost: bool = False) -> None:
        """Go back to what was last on the disk; were that lost too, all that is known is written again."""
        self._written.clear()
        self._days.clear()
        self._changed.clear()
        self.live = self._read_live()
        self.live_changed = disk_lost
        if disk_lost:
            for day in [day for day in self.live.days if _key_of(day) in self._on_disk]:
                self.day(day)
                self._changed.add(day)

    def _put(self, save: Save, key: str, value: bytes | None) -> None:
        save(key, value)
        self._written[key] = value

    def _read_live(self) -> Live:
        stored = self._read(_LIVE_KEY, _StoredLive)
        live = Live()
        if stored is not None:
            live.waiting = dict(stored.waiting)
            live.browser_in_front = dict(stored.browser_in_front)
            live.front_until_ms = dict(stored.front_until_ms)
            live.days, live.unsent = set(stored.days), set(stored.unsent)
            live.flushed_ms = stored.flushed_ms
        return live

    def _read_day(self, day: date) -> Day:
        stored = self._read(_key_of(day), _StoredDay)
        found = Day()
        if stored is not None:
            found.rows, found.covered, found.reminding = dict(stored.rows), dict(stored.covered), dict(stored.reminding)
        return found

    def _read(self, key: str, kind: type[T]) -> T | None:
        data = self._on_disk.get(key)
        if data is None:
            data = self._load(key)
        if data is None:
            return None
        try:
            stored = msgspec.msgpack.decode(data, type=kind)
        except msgspec.MsgspecError:
            log.error("tally.state_not_understood")  # noqa: TRY400 - a trace could hold what was being decoded
            return None
        self._on_disk[key] = data
        return stored


def _stored_day(day: Day) -> bytes:
    return _encode(_StoredDay(_VERSION, list(day.rows.items()), list(day.covered.items()), list(day.reminding.items())))


def _stored_live(live: Live) -> bytes:
    return _encode(
        _StoredLive(
            _VERSION,
            list(live.waiting.items()),
            list(live.browser_in_front.items()),
            list(live.front_until_ms.items()),
            sorted(live.days),
            sorted(live.unsent),
            live.flushed_ms,
        )
    )


def _key_of(day: date) -> str:
    return f"tally {day.isoformat()}"
