"""Sees which app is in front on Windows, and for how long nothing is typed, in the session that it runs in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agent.session.errors import DisplayUnavailable
from agent.session.foreground import LOOK_SECONDS, Watch
from agent.session.intervals import IDLE_AFTER_SECONDS, InFront, Moment
from agent.session.messages import Front, Idle
from agent.windows.app_identity import AppNames
from agent.windows.clock import Clock
from agent.windows.desktop import Desktop
from agent.windows.presence import is_active_session
from agent.windows.signatures import Signatures

# Where Windows tells of no change (remote apps and some accessibility tools end hooks), how often to look.
LOOK_UNTOLD_SECONDS: Final = 1.0


class ForegroundWindows(Watch):
    """This session's desktop. Wait for `wait_seconds`, or until the thread has a message, then call `look`."""

    def __init__(
        self,
        *,
        idle_after_seconds: float = IDLE_AFTER_SECONDS,
        desktop: Desktop | None = None,
        names: AppNames | None = None,
        clock: Callable[[], Moment] | None = None,
        is_active: Callable[[], bool] | None = None,
    ) -> None:
        """Begin to watch; raises `DisplayUnavailable` where this is not Windows.

        While `is_active()` is false (locked, switched away, a closed remote session) nothing counts.
        """
        try:
            self._desktop = desktop or Desktop()
            self._names = names or AppNames(Signatures().publisher_of)
            clock = clock or Clock().now
            self._is_active = is_active or is_active_session()
        except (OSError, AttributeError) as error:
            raise DisplayUnavailable(f"The desktop can't be watched ({type(error).__name__}).") from error
        super().__init__(idle_after_seconds, clock)
        self._executable: str | None = None
        self._idle_seconds = 0.0

    def fileno(self) -> None:
        """Nothing to wait for but the thread's messages."""
        return

    def wait_seconds(self) -> float:
        """The longest to wait before the next `look`."""
        return self._seconds_to_look(LOOK_SECONDS if self._desktop.is_told else LOOK_UNTOLD_SECONDS)

    @property
    def idle_seconds(self) -> float:
        """For how long nothing was typed or moved, as it was at the last look."""
        return self._idle_seconds

    def look(self) -> list[Front | Idle]:
        """Ask what is in front and whether anybody is there; gives the intervals that ended."""
        self._desktop.take_changes()
        self._read_front()
        self._idle_seconds = self._desktop.idle_seconds()
        self._is_shown = self._is_active()
        return self._observe()

    def close(self) -> list[Front | Idle]:
        """Leave the desktop; gives the interval that was open."""
        ended = self._end()
        self._desktop.close()
        return ended

    def _read_front(self) -> None:
        executable = self._desktop.executable_in_front()
        if executable is not None:
            self._no_window_since = None
            if self._front is None or executable != self._executable:
                self._executable = executable
                self._front = InFront(self._names.identity(executable) if executable else None)
        elif not self._is_still_in_front():
            self._front = self._executable = None
