"""Has a new version of the agent show that it is well, and leaves it where it does not; begins the next one.

A version is well that ran ten minutes, has its rules, and reached the collector: without that it could never be told of
a better one. One that can't reach it for hours of running is left. What ends badly before, the starting program counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from agent.health import SourceHealth
from agent.release import state as states
from agent.release.remembered import remembered
from protocol.version_order import order

log = logging.getLogger(__name__)

NAME: Final = "update"
WELL_AFTER_SECONDS: Final = 600.0
"""A fault that ends the service shows in its first rounds: the slowest of them comes every five minutes."""
ALONE_MAX_SECONDS: Final = 4 * 3600.0
"""Of running, not of sleep: a day in a train is less, and a version that can't reach its collector is lost for good."""


class Probation:
    """`look` about once a minute, `ended` at an end in order, `health` for the report."""

    def __init__(
        self,
        data_dir: Path,
        running: str,
        *,
        reached: Callable[[], datetime | None],
        ruled: Callable[[], bool],
        up_seconds: Callable[[], float],
        begin_anew: Callable[[], None],
    ) -> None:
        """`reached()` is when the collector last answered since the start, `ruled()` whether rules are in force.

        `up_seconds()` rises while the device is awake.
        """
        self._data_dir, self._running = data_dir, running
        self._reached, self._ruled, self._begin_anew = reached, ruled, begin_anew
        self._up_seconds, self._since = up_seconds, up_seconds()
        # What was chosen before this start and does not run now won't run by another start either.
        self._known = states.read(data_dir).version

    def look(self) -> None:
        """Say that this version is well, leave it, or begin a later one that was chosen meanwhile."""
        state = states.read(self._data_dir)
        if state.version != self._running:
            if state.version != self._known and order(state.version) > order(self._running):
                self._known = state.version
                log.info("release.begins version=%s", state.version)
                self._begin_anew()
            return
        if state.well:
            return
        up = self._up_seconds() - self._since
        if self._reached() is not None and self._ruled():
            if up >= WELL_AFTER_SECONDS:
                self._write(msgspec.structs.replace(state, well=True, starts=0))
                log.info("release.well version=%s", state.version)
        elif up >= ALONE_MAX_SECONDS:
            why = "it did not reach the collector for hours" if self._ruled() else "it had no rules in force for hours"
            self._write(states.fallen(state, why))
            log.warning("release.left version=%s", state.version)
            self._begin_anew()

    def ended(self) -> None:
        """Take back this start's count: an end in order is none that speaks against the version."""
        state = states.read(self._data_dir)
        if state.version == self._running and not state.well and state.starts:
            self._write(msgspec.structs.replace(state, starts=0))

    def health(self) -> SourceHealth:
        """Say which later version was left and why, or why one can't be taken in."""
        state, memory = states.read(self._data_dir), remembered(self._data_dir)
        left = [version for version in state.bad if order(version) > order(self._running)]
        if left:
            newest = max(left, key=order)
            reason = f"Version {newest} was left: {state.bad[newest]}. Version {self._running} runs on."
            return SourceHealth(name=NAME, state="failing", reason=reason)
        if memory.problem and order(memory.version) > order(self._running):
            reason = f"Version {memory.version} can't be taken in yet: {memory.problem}."
            return SourceHealth(name=NAME, state="unknown", reason=reason)
        return SourceHealth(name=NAME, state="working")

    def _write(self, state: states.State) -> None:
        try:
            states.write(self._data_dir, state)
        except OSError as fault:
            log.warning("release.not_written kind=%s", type(fault).__name__)
