"""Reads what the service uses once a minute, slows its sources down before they break anything, and says so.

Alerts, the notice and heartbeats are never slowed. Where slowing down does not help, the service ends in order, with
all its state on disk, and the system starts it again: so seldom that it never becomes a loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, get_args

import msgspec
import psutil

from agent import uptime
from agent.errors import SpoolError
from agent.health import Health
from agent.limits import Decision, Limits, Reading, Word

log = logging.getLogger(__name__)

BEGIN_ANEW_STATUS: Final = 75
"""The exit status of a service that wants to be started again (`EX_TEMPFAIL` of sysexits.h)."""

ANEW_MOST_A_DAY: Final = 3
"""Beyond it the service goes on, slowed: to begin anew has not helped, and each time costs some seconds unwatched."""

_KEY: Final = "service begun anew"


def reading(process: psutil.Process, network_bytes: int) -> Reading:
    """Read what a process uses; its memory without what it shares with files, such as the mapped lists.

    Where the system does not count what a process writes (macOS), that stays 0.
    """
    with process.oneshot():
        memory, times = process.memory_info(), process.cpu_times()
        counters = process.io_counters() if hasattr(process, "io_counters") else None
    private = getattr(memory, "private", None)  # what Windows counts as its own
    return Reading(
        at_seconds=uptime.seconds(),
        memory_bytes=int(private if private is not None else memory.rss - getattr(memory, "shared", 0)),
        cpu_seconds=float(times.user + times.system),
        disk_bytes=int(counters.write_bytes) if counters is not None else 0,
        network_bytes=network_bytes,
    )


class Watchdog:
    """`look` once a minute; `pace` is by how much the sources are to rest longer."""

    def __init__(
        self,
        read: Callable[[], Reading],
        health: Health,
        *,
        load: Callable[[str], bytes | None],
        save: Callable[[str, bytes], None],
        clock: Callable[[], datetime],
        begin_anew: Callable[[], None],
    ) -> None:
        self._read, self._health = read, health
        self._load, self._save, self._clock = load, save, clock
        self._begin_anew = begin_anew
        self._limits = Limits()
        self._decision = Decision()

    @property
    def pace(self) -> int:
        """By which factor sources rest longer: 1 while all is well, 8 at most."""
        return self._decision.pace

    def look(self) -> None:
        """Read and act. Raises psutil.Error where the system does not tell."""
        before, now = self._decision, self._limits.decide(self._read())
        self._decision = now
        for word in get_args(Word):
            self._health.notice(word, stands=word in now.slowed)
        if (before.pace, before.slowed) != (now.pace, now.slowed):
            log.warning("watchdog.pace factor=%d why=%s", now.pace, ",".join(sorted(now.slowed)) or "none")
        if now.begin_anew and self._may_begin_anew():
            log.warning("watchdog.begins_anew")
            self._begin_anew()

    def _may_begin_anew(self) -> bool:
        """Whether it was seldom enough of late, and that it is now can be kept: what can't be counted is not done."""
        now = self._clock()
        try:
            times = msgspec.json.decode(self._load(_KEY) or b"[]", type=list[datetime])
        except msgspec.MsgspecError:
            times = []
        recent = [at for at in times if abs(now - at) < timedelta(days=1)]
        if len(recent) >= ANEW_MOST_A_DAY:
            return False
        try:
            self._save(_KEY, msgspec.json.encode([*recent, now]))
        except SpoolError as fault:
            log.warning("watchdog.not_counted kind=%s", type(fault).__name__)
            return False
        return True
