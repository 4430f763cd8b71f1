"""Sees which app is in front on macOS, and for how long nothing is typed; asks for no title, which needs no permission.

What the system says comes through `workspace.py`. Nothing counts in a session that somebody switched away from, while
the screen is locked, and while the sign-in window or the screen saver is in front.

Not run on a Mac: tried on answers made after Apple's documentation.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

from agent.macos.bundles import bundle_identity
from agent.session.foreground import Watch
from agent.session.intervals import IDLE_AFTER_SECONDS, InFront, Moment
from agent.session.messages import Front, Idle

# The keys of CGSessionCopyCurrentDictionary that are asked for; the second is there only while the screen is locked,
# and Apple describes it nowhere: without it, the sign-in window in front says the same.
ON_CONSOLE: Final = "kCGSSessionOnConsoleKey"
LOCKED: Final = "CGSSessionScreenIsLocked"
NO_APPS: Final = frozenset({"macos:com.apple.loginwindow", "macos:com.apple.screensaver.engine"})


class System(Protocol):
    """What is asked of macOS."""

    def front(self) -> str | None:
        """The bundle id of the app in front: empty where it has none, None where no app is."""

    def idle_seconds(self) -> float:
        """For how long nothing was typed or moved in this session."""

    def session(self) -> Mapping[str, object]:
        """What the window server says of this session; empty where there is none."""

    def watch(self, changed: Callable[[], None]) -> None:
        """Call back, from another thread, when another app came to the front or the session changed."""

    def unwatch(self) -> None:
        """Call back no more."""


def now() -> Moment:
    """This moment on the machine's clocks.

    On macOS Python's monotonic clock stands while the machine sleeps, and CLOCK_MONOTONIC goes on (clock_gettime(3)).
    """
    return Moment(time.monotonic(), time.clock_gettime(time.CLOCK_MONOTONIC), datetime.now(UTC))


class ForegroundMacos(Watch):
    """One session of one person. Wait for `fileno` or `wait_seconds`, then call `look`."""

    def __init__(
        self,
        system: System,
        *,
        idle_after_seconds: float = IDLE_AFTER_SECONDS,
        clock: Callable[[], Moment] = now,
    ) -> None:
        """Begin to watch."""
        super().__init__(idle_after_seconds, clock)
        self._system = system
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        system.watch(self._wake)

    def fileno(self) -> int:
        """What to wait for: readable when another app came to the front."""
        return self._reading.fileno()

    def wait_seconds(self) -> float:
        """The longest to wait before the next `look`."""
        return self._seconds_to_look()

    @property
    def idle_seconds(self) -> float:
        """For how long nothing was typed or moved."""
        return max(0.0, self._system.idle_seconds())

    def look(self) -> list[Front | Idle]:
        """See what is in front now; gives the intervals that ended."""
        with contextlib.suppress(BlockingIOError):
            self._reading.recv(4096)
        self._read()
        return self._observe()

    def close(self) -> list[Front | Idle]:
        """Look no more; gives the interval that was open."""
        self._system.unwatch()
        self._read()
        ended = self._end()
        self._reading.close()
        self._writing.close()
        return ended

    def _read(self) -> None:
        bundle_id, said = self._system.front(), self._system.session()
        identity = bundle_identity(bundle_id)
        self._front = None if bundle_id is None or identity in NO_APPS else InFront(identity)
        self._is_shown = bool(said.get(ON_CONSOLE)) and not said.get(LOCKED)

    def _wake(self) -> None:
        # Closed, or as full as it gets: whoever waits is woken already.
        with contextlib.suppress(OSError):
            self._writing.send(b".")
