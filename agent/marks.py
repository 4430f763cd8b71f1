"""Since when something counts, by a clock that may have been ahead when that was noted.

Enrolment, the first signed rules and each person's first notice are marks: nothing from before them may be collected.
They are taken by the device's clock, as the times of visits are. A mark in a time that has not come yet was taken while
that clock was ahead; to wait for it would be to watch nothing until then, maybe for a year, and to say that all is
well. That it is there still proves that the enrolment or the notice was before now. So the moment at which this is
first seen stands in the mark's place, and nothing from before that moment is collected.

The mark stays beside it and counts again once its time has come, and for five minutes before that nothing is collected:
a clock that is a little behind looks the same. So where the clock was right at first, is set back for
a while and is then right again, nothing becomes collectable that was not: meanwhile what is seen at that moment counts,
for that is after the notice whatever the clock says.

A clock that was behind when a notice was shown, and is put right while the service runs, would make the notice look
older than it is, and let in what a browser had noted before. How long ago it was is known by the time that the device
ran meanwhile: the moment that this gives counts then. After a restart nobody knows it of a mark that was taken before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from agent import uptime
from agent.errors import SpoolError

log = logging.getLogger(__name__)

CLOCK_STEP: Final = timedelta(minutes=5)
"""A mark that is ahead by less is waited for: by so little clocks are put right every day."""

MOMENTS_MAX: Final = 32
"""So many times is a clock that goes ever further back followed; after that the last moment moves with it."""


class _Moments(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A mark, and the moments that count in its place for a clock that is not the one by which it was taken."""

    mark: datetime
    seen: tuple[datetime, ...]


class Marks:
    """Says from when on a mark counts; what it notes is kept by two callables. May be asked from several threads."""

    def __init__(
        self,
        load: Callable[[str], bytes | None],
        save: Callable[[str, bytes], None],
        clock: Callable[[], datetime],
        *,
        up_seconds: Callable[[], float] = uptime.seconds,
    ) -> None:
        """`load(key)` gives what `save(key, value)` last kept, or None."""
        self._load, self._save, self._clock, self._up_seconds = load, save, clock, up_seconds
        self._taken: dict[str, tuple[datetime, float]] = {}
        self._known: dict[str, _Moments] = {}

    def taken(self, name: str, mark: datetime) -> None:
        """Remember that this mark is taken now, so that it is known how long ago that was whatever the clock does."""
        self._taken[name] = (mark, self._up_seconds())

    def counts_from(self, name: str, mark: datetime) -> datetime:
        """Return from when on the mark of this name counts, by the clock as it is now (aware UTC).

        Where that can't be kept the mark itself counts, and it is tried again at the next time. Raises SpoolError.
        """
        now = self._clock()
        moments = self._moments(name, mark)
        come = [one for one in (mark, *moments.seen) if one <= now + CLOCK_STEP]
        really = self._really(name, mark, now)
        if come and (really is None or really <= max(come) + CLOCK_STEP):
            return max(come)
        # It lies ahead, or the clock was put forward since: from when it was taken where that is known, or from now on.
        moment = now if really is None else really
        log.warning("service.mark_of_another_clock name=%s", name.partition("/")[0])
        fresh = _Moments(mark, (*moments.seen[: MOMENTS_MAX - 1], moment))
        try:
            self._save(_key(name), msgspec.json.encode(fresh))
        except SpoolError as fault:
            log.warning("service.mark_not_kept kind=%s", type(fault).__name__)
            return max(mark, moment)
        self._known[name] = fresh
        return moment

    def _really(self, name: str, mark: datetime, now: datetime) -> datetime | None:
        """When a mark that was taken since the start was, by the clock as it is now."""
        taken = self._taken.get(name)
        if taken is None or taken[0] != mark:
            return None
        return now - timedelta(seconds=self._up_seconds() - taken[1])

    def _moments(self, name: str, mark: datetime) -> _Moments:
        known = self._known.get(name)
        if known is None or known.mark != mark:
            known = self._known[name] = self._kept(name, mark)
        return known

    def _kept(self, name: str, mark: datetime) -> _Moments:
        kept = self._load(_key(name))
        try:
            known = msgspec.json.decode(kept, type=_Moments) if kept is not None else None
        except msgspec.MsgspecError:
            known = None
        return known if known is not None and known.mark == mark else _Moments(mark, ())


def _key(name: str) -> str:
    return f"marks/{name}"
