"""What every way of seeing the app in front is to the session part, whatever the desktop; and the clocks they use."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Final, Protocol

from agent.session.intervals import Moment
from agent.session.messages import Front, Idle

# How often to look while nothing changes: often enough to notice a suspend, rarely enough to cost nothing.
LOOK_SECONDS: Final = 10.0
# While the person is away, how often to look whether they are back; the exact moment is known from the idle time, or
# where another person's session is in front, it is told by nothing.
LOOK_WHILE_IDLE_SECONDS: Final = 1.0


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
