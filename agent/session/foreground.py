"""What every way of seeing the app in front is to the session part, whatever the desktop; and the clocks they use."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from agent.session.intervals import InFront, Intervals, Moment
from agent.session.messages import Front, Idle

# How often to look while nothing changes: often enough to notice a suspend, rarely enough to cost nothing.
LOOK_SECONDS: Final = 10.0
# While the person is away, how often to look whether they are back; the exact moment is known from the idle time, or
# where another person's session is in front, it is told by nothing.
LOOK_WHILE_IDLE_SECONDS: Final = 1.0


# Between two windows none is in front for some milliseconds; for longer it means that no app is in use.
NO_WINDOW_SECONDS: Final = 0.2


class Foreground(Protocol):
    """One desktop that is watched. Wait for `fileno` or `wait_seconds`, then call `look`."""

    def fileno(self) -> int | None:
        """What becomes readable when something changes, or None where the time to wait is all there is."""

    def wait_seconds(self) -> float:
        """The longest to wait before the next `look`."""

    @property
    def idle_seconds(self) -> float:
        """For how long nothing was typed or moved, as it was at the last look."""

    def look(self) -> list[Front | Idle]:
        """Take what the desktop says; gives the intervals that ended. Raises `DisplayUnavailable` if it has gone."""

    def manager_may_have_changed(self) -> bool:
        """Whether what tells of windows may have come or gone since this was last asked."""

    def has_window_manager(self) -> bool:
        """Whether something says which app is in front; else it is unknown."""

    def close(self) -> list[Front | Idle]:
        """Leave the desktop; gives the interval that was open."""


def now() -> Moment:
    """This moment on the machine's clocks.

    Only Linux has both clocks in the standard library; elsewhere a suspend shows as a gap between two looks.
    """
    boottime = time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()
    return Moment(time.monotonic(), boottime, datetime.now(UTC))


class Watch(ABC):
    """What every desktop's way has in common: each says what is in front, who is there, and how to hear of a change."""

    def __init__(self, idle_after_seconds: float, clock: Callable[[], Moment]) -> None:
        """Nothing is in front until something was seen."""
        self._idle_after = idle_after_seconds
        self._clock = clock
        self._intervals = Intervals(idle_after_seconds)
        self._front: InFront | None = None
        self._is_shown = True
        self._no_window_since: float | None = None

    @property
    @abstractmethod
    def idle_seconds(self) -> float:
        """For how long nothing was typed or moved."""

    def manager_may_have_changed(self) -> bool:
        """Whether what tells of windows came or went: where that is the system itself, never."""
        return False

    def has_window_manager(self) -> bool:
        """Whether something says which app is in front: where that is the system itself, always."""
        return True

    def _seconds_to_look(self, longest: float = LOOK_SECONDS) -> float:
        if self._no_window_since is not None:
            return max(0.0, self._no_window_since + NO_WINDOW_SECONDS - self._clock().monotonic)
        if self._intervals.idle or not self._is_shown:
            return LOOK_WHILE_IDLE_SECONDS
        return max(0.02, min(longest, self._idle_after - self.idle_seconds))

    def _is_still_in_front(self) -> bool:
        """Whether an app counts on though no window is in front: for a moment, it does."""
        moment = self._clock().monotonic
        if self._no_window_since is None:
            self._no_window_since = moment
        if moment - self._no_window_since < NO_WINDOW_SECONDS:
            return True
        self._no_window_since = None
        return False

    def _observe(self) -> list[Front | Idle]:
        """The intervals that ended, by what was seen last."""
        return self._intervals.observe(self._front if self._is_shown else None, self._clock(), self.idle_seconds)

    def _end(self) -> list[Front | Idle]:
        """The intervals that end as nobody looks any more."""
        return self._observe() + self._intervals.stop()
