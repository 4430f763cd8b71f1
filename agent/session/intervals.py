"""Turns what was seen at single moments (an app in front, seconds without input) into intervals that really passed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from agent.session.messages import Front, Idle

# How long nothing may be typed or moved before a person is taken to be away; the time away is cut back to the last
# input. Three minutes is what time trackers commonly use.
IDLE_AFTER_SECONDS: Final = 180.0
# Long use is handed over each minute, so that a crash loses no more and reminders come in time.
LONGEST_INTERVAL_SECONDS: Final = 60.0
# Nobody looked for this long: the process was stopped or the display hung, so what happened is not known.
LONGEST_GAP_SECONDS: Final = 30.0
# The monotonic clock stops in suspend and the boot clock goes on: this much between them is a suspend, not a rounding.
SUSPEND_SECONDS: Final = 0.5
# Shorter than a person can use anything: a flicker between two windows.
SHORTEST_INTERVAL_SECONDS: Final = 0.01


class Moment(msgspec.Struct, frozen=True):
    """One instant on three clocks: seconds since boot without and with suspend, and aware UTC."""

    monotonic: float
    boottime: float
    wall: datetime


class InFront(msgspec.Struct, frozen=True):
    """An app is in front; its identity is None where it can't be told."""

    identity: str | None


class Intervals:
    """The state of one display's foreground; `observe` is called at each change and every few seconds between."""

    def __init__(self, idle_after_seconds: float = IDLE_AFTER_SECONDS) -> None:
        self._idle_after = idle_after_seconds
        self._front: InFront | None = None
        self._since: float | None = None
        self._idle_since: float | None = None
        self._last: Moment | None = None

    @property
    def idle(self) -> bool:
        """Whether the person is away."""
        return self._idle_since is not None

    def observe(self, front: InFront | None, at: Moment, idle_seconds: float) -> list[Front | Idle]:
        """Say what is in front (None: no app) and how long nothing was typed; get the intervals that ended."""
        ended = self._cut_at_gap(at)
        self._last = at
        last_input = at.monotonic - idle_seconds
        if idle_seconds >= self._idle_after:
            return ended + self._away(front, at, last_input)
        if self._idle_since is not None:
            back = min(max(last_input, self._idle_since), at.monotonic)
            ended += self._end_idle(back, at)
            self._begin(front, back)
        elif front != self._front:
            ended += self._end_front(at.monotonic, at, idle=False)
            self._begin(front, at.monotonic)
        elif self._since is None:
            self._begin(front, at.monotonic)
        elif at.monotonic - self._since >= LONGEST_INTERVAL_SECONDS and last_input > self._since:
            # Only up to the last input: what follows it may yet turn out to be time away.
            ended += self._end_front(last_input, at, idle=False)
            self._begin(front, last_input)
        return ended

    def close(self, at: Moment, idle_seconds: float = 0.0) -> list[Front | Idle]:
        """End everything, as at signing out."""
        ended = self._cut_at_gap(at)
        if self._idle_since is not None:
            return ended + self._end_idle(at.monotonic, at)
        return ended + self._end_front(at.monotonic - idle_seconds, at, idle=idle_seconds >= self._idle_after)

    def stop(self) -> list[Front | Idle]:
        """End everything at the last moment that was seen, as when the display has gone."""
        last, self._last = self._last, None
        return [] if last is None else self._end_all(last)

    def _away(self, front: InFront | None, at: Moment, last_input: float) -> list[Front | Idle]:
        ended: list[Front | Idle] = []
        if self._idle_since is None:
            left = at.monotonic if self._since is None else max(last_input, self._since)
            ended += self._end_front(left, at, idle=True)
            self._idle_since = left
        elif at.monotonic - self._idle_since >= LONGEST_INTERVAL_SECONDS:
            ended += self._end_idle(at.monotonic, at)
            self._idle_since = at.monotonic
        self._front = front
        return ended

    def _cut_at_gap(self, at: Moment) -> list[Front | Idle]:
        last = self._last
        if last is None:
            return []
        asleep = (at.boottime - last.boottime) - (at.monotonic - last.monotonic)
        if asleep < SUSPEND_SECONDS and at.boottime - last.boottime <= LONGEST_GAP_SECONDS:
            return []
        return self._end_all(last)

    def _end_all(self, at: Moment) -> list[Front | Idle]:
        if self._idle_since is not None:
            return self._end_idle(at.monotonic, at)
        return self._end_front(at.monotonic, at, idle=False)

    def _begin(self, front: InFront | None, monotonic: float) -> None:
        self._front = front
        self._since = None if front is None else monotonic

    def _end_front(self, end: float, at: Moment, *, idle: bool) -> list[Front | Idle]:
        front, since = self._front, self._since
        self._front, self._since = None, None
        if front is None or since is None or end - since < SHORTEST_INTERVAL_SECONDS:
            return []
        return [Front(identity=front.identity, started=_wall(since, at), seconds=end - since, idle=idle)]

    def _end_idle(self, end: float, at: Moment) -> list[Front | Idle]:
        since, self._idle_since = self._idle_since, None
        if since is None or end - since < SHORTEST_INTERVAL_SECONDS:
            return []
        return [Idle(started=_wall(since, at), seconds=end - since)]


def _wall(monotonic: float, at: Moment) -> datetime:
    """When that was by the wall clock as it stands now, which is right more often than as it stood then."""
    return at.wall - timedelta(seconds=at.monotonic - monotonic)
