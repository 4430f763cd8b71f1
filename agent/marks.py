"""Since when something counts, by a clock that may have been ahead when that was noted.

Enrolment, the first signed rules and each person's first notice are marks: nothing from before them may be collected.
They are taken by the device's clock, as the times of visits are. A mark in a time that has not come yet was taken while
that clock was ahead; to wait for it would be to watch nothing until then, maybe for a year, and to say that all is
well. That it is there still proves that the enrolment or the notice was before now. So the moment at which this is
first seen stands in the mark's place, and nothing from before that moment is collected.

The mark stays beside it and counts again once its time has come. So where the clock was right at first, is set back for
a while and is then right again, nothing becomes collectable that was not: meanwhile what is seen at that moment counts,
for that is after the notice whatever the clock says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from agent.errors import SpoolError

log = logging.getLogger(__name__)

CLOCK_STEP: Final = timedelta(minutes=5)
"""A mark that is ahead by less is waited for: by so little clocks are put right every day."""

MOMENTS_MAX: Final = 32
"""So many times is a clock that goes further back each time followed; after that the last moment moves with it."""


class _Moments(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """At which moments a mark was seen to lie ahead, each by a clock that was set further back than at the last."""

    mark: datetime
    seen: tuple[datetime, ...]


class Marks:
    """Says from when on a mark counts; what it notes is kept by two callables. May be asked from several threads."""

    def __init__(
        self,
        load: Callable[[str], bytes | None],
        save: Callable[[str, bytes], None],
        clock: Callable[[], datetime],
    ) -> None:
        """`load(key)` gives what `save(key, value)` last kept, or None."""
        self._load, self._save, self._clock = load, save, clock

    def counts_from(self, name: str, mark: datetime) -> datetime:
        """Return from when on the mark of this name counts, by the clock as it is now (aware UTC).

        Where that can't be kept the mark itself counts, so that nothing is collected. Raises SpoolError.
        """
        now = self._clock()
        if mark <= now + CLOCK_STEP:
            return mark
        seen = self._seen(name, mark)
        come = [one for one in seen if one <= now + CLOCK_STEP]
        if come:
            return max(come)
        log.warning("service.mark_ahead name=%s", name.partition("/")[0])
        try:
            self._save(_key(name), msgspec.json.encode(_Moments(mark, (*seen[: MOMENTS_MAX - 1], now))))
        except SpoolError as fault:
            log.warning("service.mark_not_kept kind=%s", type(fault).__name__)
            return mark
        return now

    def _seen(self, name: str, mark: datetime) -> tuple[datetime, ...]:
        kept = self._load(_key(name))
        if kept is None:
            return ()
        try:
            known = msgspec.json.decode(kept, type=_Moments)
        except msgspec.MsgspecError:
            return ()
        return known.seen if known.mark == mark else ()


def _key(name: str) -> str:
    return f"marks/{name}"
