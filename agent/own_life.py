"""Notices what is done to the service itself: stopped badly, kept from running, or its clock moved.

It hides nothing and hinders nobody: whoever may stop the service can, and IT is told that it was stopped. A device
whose power went away looks like one that was killed and switched off, and is not told as stopped badly.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from agent import uptime
from agent.errors import SpoolError

log = logging.getLogger(__name__)

GAP_SECONDS: Final = 600.0
"""A device that runs so long without the service was kept without it: an update or a slow start takes a minute."""

CLOCK_MOVED: Final = timedelta(minutes=2)
"""No clock that is only kept right is moved by so much at once."""

TOLD_FOR: Final = timedelta(days=1)
"""So that the heartbeat of a device that was offline for a night still says it."""

_KEY: Final = "service own life"

Word = Literal["stopped_badly", "clock_moved"]


class Life(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered of the service from one start to the next: how it last was, and what was noticed when.

    `run` is the run of the device in which that was, `up_seconds` how long the device had run, `at` the time.
    """

    run: str
    up_seconds: float
    at: datetime
    ended: bool
    noticed: dict[Word, datetime]


@dataclass(frozen=True)
class Moment:
    """A reading of all clocks at once: the wall's, the time since the device began to run, and in which run of it."""

    at: datetime
    up_seconds: float
    run: str


def found_at_start(before: Life | None, now: Moment) -> frozenset[Word]:
    """Return what the state of the last life says about the time in between. Pure."""
    if before is None:
        return frozenset()
    found: set[Word] = set()
    same_run = before.run == now.run
    without_seconds = now.up_seconds - (before.up_seconds if same_run else 0.0)
    if (same_run and not before.ended) or without_seconds > GAP_SECONDS:
        found.add("stopped_badly")
    if same_run and was_moved(Moment(before.at, before.up_seconds, before.run), now):
        found.add("clock_moved")
    return frozenset(found)


def was_moved(before: Moment, now: Moment) -> bool:
    """Whether the wall's clock went another way than the time in between, by more than `CLOCK_MOVED`. Pure."""
    between = timedelta(seconds=now.up_seconds - before.up_seconds)
    return abs(now.at - before.at - between) > CLOCK_MOVED


class OwnLife:
    """Keeps the marks. `began` at the start, `look` now and then, `ended` last; none of them raises."""

    def __init__(
        self,
        load: Callable[[str], bytes | None],
        save: Callable[[str, bytes], None],
        clock: Callable[[], datetime],
        *,
        up_seconds: Callable[[], float] = uptime.seconds,
        run: Callable[[], str] = uptime.run_id,
    ) -> None:
        self._load, self._save = load, save
        self._clock, self._up_seconds, self._run_id = clock, up_seconds, run
        self._run = ""
        self._last: Moment | None = None
        self._noticed: dict[Word, datetime] = {}

    def began(self) -> None:
        """Note the start, and what the last life left behind."""
        self._run = self._run_id()
        now = self._now()
        before = self._loaded()
        self._noticed = dict(before.noticed) if before is not None else {}
        for word in sorted(found_at_start(before, now)):
            self._notice(word, now)
        self._last = now
        self._keep(now, ended=False)

    def look(self) -> None:
        """Note whether the clock was moved since the last look."""
        if self._last is None:
            return
        now, before = self._now(), self._last
        self._last = now
        if was_moved(before, now):
            self._notice("clock_moved", now)
            self._keep(now, ended=False)

    def ended(self) -> None:
        """Leave the mark of a proper end."""
        if self._last is not None:
            self._keep(self._now(), ended=True)

    def notices(self) -> frozenset[Word]:
        """Return what was noticed within a day. A clock that was set back must not make it stand for longer."""
        now = self._clock()
        for word, at in list(self._noticed.items()):
            if at > now:
                self._noticed[word] = now
            elif now - at > TOLD_FOR:
                del self._noticed[word]
        return frozenset(self._noticed)

    def _now(self) -> Moment:
        return Moment(self._clock(), self._up_seconds(), self._run)

    def _notice(self, word: Word, now: Moment) -> None:
        log.warning("service.noticed what=%s", word)
        self._noticed[word] = now.at

    def _loaded(self) -> Life | None:
        try:
            kept = self._load(_KEY)
            return msgspec.json.decode(kept, type=Life) if kept is not None else None
        except (SpoolError, msgspec.MsgspecError) as fault:
            log.warning("service.last_life_not_read kind=%s", type(fault).__name__)
            return None

    def _keep(self, now: Moment, *, ended: bool) -> None:
        life = Life(now.run, now.up_seconds, now.at, ended, self._noticed)
        try:
            self._save(_KEY, msgspec.json.encode(life))
        except SpoolError as fault:
            log.warning("service.own_life_not_kept kind=%s", type(fault).__name__)
