"""Holds names that programs looked up until it is known what browsers told, and tells the rest where it can say whose.

Whoever hears a resolver knows neither the program nor the person. So:
- A name is somebody's only while nobody else has a program running; that another was in front would be a guess.
- Lookups come in bursts (`bursts.py`). One in which a browser told the person's visit of any of its names is that
  page's, and is dropped whole: the visit counts already, and the rest was nobody's choice.
- What no list has, and background traffic, goes no further. What is left is likely a visit, or unclear, never a visit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from agent.bursts import QUIET_SECONDS, Bursts, Sighting, is_of_a_person, same_site
from agent.observation import Batch, Observation
from rules.errors import HostRefused
from rules.hosts import normalise_host

HOLD_SECONDS: Final = 30.0
"""A browser's history tells a visit eight to ten seconds after it (Chromium's), its extension within one."""

SAME: Final = timedelta(seconds=30)
"""A visit so long before or after a lookup of its host is why it was looked up: pages ask again while they are open."""

TRY_AGAIN_SECONDS: Final = 10.0
HELD_MAX: Final = 4096
"""Names that are held at once: half a minute of a very busy device. More are dropped, which health says."""

TOLD_MAX: Final = 1024
"""Visits that are remembered; of more the oldest are forgotten, and at worst a lookup of theirs counts by itself."""

_SEVERAL: Final = "Several people’s programs run here, so nobody can say for whom a name was looked up."
_TOO_MANY: Final = "More names were looked up than can be held, so some were not looked at."
_RESTS: Final = "The service uses more than it may, so names that programs look up are not looked at now."

log = logging.getLogger(__name__)


class _Told(NamedTuple):
    """A visit that a browser told, from when to when, and when that was heard (monotonic seconds)."""

    person: str
    name: str
    started: datetime
    ended: datetime
    heard: float


class _Held(NamedTuple):
    """A burst that has ended: whose it is, its names with their times, and until when it is held."""

    person: str
    names: tuple[tuple[Sighting[None], datetime], ...]
    until: float


class Lookups:
    """Between whoever hears names and the pipeline. `told` may be called from any thread, all else from one."""

    def __init__(
        self,
        device: UUID,
        emit: Callable[[Batch], None],
        *,
        source: str,
        lists: Callable[[str], bool],
        is_background: Callable[[str], bool],
        people: Callable[[], Collection[str]],
        collect_from: Callable[[str], datetime | None],
        clock: Callable[[], datetime],
        rests: Callable[[], bool] = lambda: False,
        in_order: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lists(name)` and `is_background(name)` are what the signed rules say of a host name.

        `people()` are those who have programs running. `collect_from(person)` is None for whom nothing is collected of.
        While `rests()`, no name is looked at. Where names do not come `in_order`, none is likely a visit. Clock and
        `monotonic` seconds are asked in the thread that calls.
        """
        self._device = device
        self._emit = emit
        self._source = source
        self._lists = lists
        self._is_background = is_background
        self._people = people
        self._collect_from = collect_from
        self._clock = clock
        self._rests = rests
        self._in_order = in_order
        self._monotonic = monotonic
        self._bursts: Bursts[None] = Bursts(is_background)
        self._open = False
        self._held: deque[_Held] = deque()
        self._held_names = 0
        self._told: deque[_Told] = deque(maxlen=TOLD_MAX)
        self._lock = threading.Lock()
        self.trouble = ""

    def note(self, name: str, qtype: int) -> None:
        """Take a name that was looked up and exists."""
        if self._rests():
            self.trouble = _RESTS
        elif is_of_a_person(name, qtype):
            self._hold(self._bursts.add(None, name, self._monotonic()))
            self._open = True

    def told(self, visit: Observation) -> None:
        """Hear of a visit that a browser told."""
        if visit.kind == "host":
            ended = visit.started + timedelta(seconds=visit.seconds or 0.0)
            with self._lock:
                self._told.append(_Told(visit.person, visit.name, visit.started, ended, self._monotonic()))

    def turn(self) -> float | None:
        """End bursts and tell what was held long enough; returns in how many seconds to turn again, None for never."""
        now = self._monotonic()
        ended = self._bursts.end_quiet(now)
        self._open &= not ended
        self._hold(ended)
        while self._held and self._held[0].until <= now:
            try:
                self._tell(self._held[0])
            except Exception as fault:  # noqa: BLE001 - the spool is full or gone: what is held is told later
                log.warning("lookups.not_kept kind=%s", type(fault).__name__)
                return TRY_AGAIN_SECONDS
            self._held_names -= len(self._held.popleft().names)
        waits = [self._held[0].until - now] if self._held else []
        return min([*waits, QUIET_SECONDS / 2]) if self._open else min(waits, default=None)

    def forget(self) -> None:
        """Drop all that is held, as it is not wanted any more; at the service's end too, lest a visit count twice."""
        self._bursts.end_all()
        self._held.clear()
        self._held_names, self._open, self.trouble = 0, False, ""

    def _hold(self, ended: list[Sighting[None]]) -> None:
        """Hold a burst that ended, where it is known whose it is."""
        if not ended:
            return
        person = self._only_person()
        if person is None:
            self.trouble = _SEVERAL if self._people() else ""
        elif self._held_names + len(ended) > HELD_MAX:
            self.trouble = _TOO_MANY
        else:
            self.trouble = ""
            now, at = self._clock(), self._monotonic()
            names = tuple((one, now - timedelta(seconds=at - one.at)) for one in ended)
            self._held.append(_Held(person, names, at + HOLD_SECONDS))
            self._held_names += len(names)

    def _only_person(self) -> str | None:
        people = self._people()
        return next(iter(people)) if len(people) == 1 else None

    def _tell(self, burst: _Held) -> None:
        since = self._collect_from(burst.person)
        # Asked again: who signed in just before the burst may have been seen only after it.
        if since is None or self._is_of_a_visit(burst) or self._only_person() != burst.person:
            return
        observations = tuple(
            seen
            for one, at in burst.names
            if at >= since and (seen := self._observation(burst.person, one, at)) is not None
        )
        if observations:
            self._emit(Batch(observations=observations, bookmark=None))

    def _is_of_a_visit(self, burst: _Held) -> bool:
        oldest = self._monotonic() - 2 * (HOLD_SECONDS + SAME.total_seconds())
        with self._lock:
            while self._told and self._told[0].heard < oldest:
                self._told.popleft()
            told = [one for one in self._told if one.person == burst.person]
        return any(
            visit.started - SAME <= at <= visit.ended + SAME and same_site(one.name.lower(), visit.name)
            for visit in told
            for one, at in burst.names
        )

    def _observation(self, person: str, one: Sighting[None], at: datetime) -> Observation | None:
        try:
            name = normalise_host(one.name)
        except HostRefused:
            return None  # a name that no rule can know
        if self._is_background(name) or not self._lists(name):
            return None
        return Observation(
            device=self._device,
            kind="host",
            name=name,
            started=at,
            seconds=None,
            person=person,
            source=self._source,
            said="likely" if one.likely and self._in_order else "unclear",
        )
