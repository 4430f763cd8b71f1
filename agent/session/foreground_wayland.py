"""Sees which app is in front where a Wayland compositor says so (sway and others on wlroots); reads no title.

By `zwlr_foreign_toplevel_manager_v1`, which tells each window's title unasked: that event is dropped as it came, not
decoded. Idle by `ext_idle_notifier_v1`, or `org_kde_kwin_idle` where the compositor is older. GNOME and KDE offer no
such list of windows: there it stays unknown.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping
from typing import Final

from agent.session.errors import DisplayUnavailable
from agent.session.foreground import Watch, now
from agent.session.identity import DesktopIndex
from agent.session.intervals import IDLE_AFTER_SECONDS, InFront, Moment
from agent.session.messages import Front, Idle
from agent.session.wayland_wire import Wire, socket_of, string_in

WINDOWS: Final = "zwlr_foreign_toplevel_manager_v1"
IDLE: Final = "ext_idle_notifier_v1"
OLDER_IDLE: Final = "org_kde_kwin_idle"
# The compositor tells of each pause from here on; what is shorter counts as none.
PAUSE_TOLD_SECONDS: Final = 1.0

# The events and requests that are used, by their place in the protocols' files.
_TOPLEVEL = 0
_APP_ID, _STATE, _DONE, _CLOSED = 1, 4, 5, 6
_DESTROY_WINDOW = 7
_ACTIVATED = 2


class _Window:
    """One window: what it says of itself takes effect at once with the event "done"."""

    def __init__(self) -> None:
        self.app_id = ""
        self.active = False
        self.said_app_id = ""
        self.said_active = False


class ForegroundWayland(Watch):
    """One connection to a compositor. Wait for `fileno` or `wait_seconds`, then call `look`."""

    def __init__(
        self,
        environment: Mapping[str, str],
        index: DesktopIndex,
        *,
        idle_after_seconds: float = IDLE_AFTER_SECONDS,
        clock: Callable[[], Moment] = now,
        is_active: Callable[[], bool] = lambda: True,
    ) -> None:
        """Connect; raises `DisplayUnavailable` where the compositor does not say what is in front and who is there."""
        super().__init__(idle_after_seconds, clock)
        self._index = index
        self._is_active = is_active
        self._pause_told = min(PAUSE_TOLD_SECONDS, idle_after_seconds / 2)
        self._windows: dict[int, _Window] = {}
        self._paused_since: float | None = None
        path = socket_of(environment)
        if path is None:
            raise DisplayUnavailable("The session does not say where its compositor listens.")
        self._wire = Wire(path)
        try:
            self._watch()
        except DisplayUnavailable:
            self._wire.close()
            raise

    def _watch(self) -> None:
        idle = IDLE if IDLE in self._wire.offered else OLDER_IDLE
        if not {WINDOWS, idle, "wl_seat"} <= self._wire.offered.keys():
            raise DisplayUnavailable("The compositor does not say which app is in front.")
        seat = self._wire.bind("wl_seat", 1, _ignore)
        milliseconds = int(1000 * self._pause_told)
        if idle == IDLE:
            # From version 2 the input alone can be asked for, whatever keeps the screen on (a film, a call).
            version = min(2, self._wire.offered[IDLE][1])
            notifier = self._wire.bind(IDLE, version, _ignore)
            told = self._wire.new(self._on_pause)
            self._wire.request(notifier, version, struct.pack("=III", told, milliseconds, seat))
        else:
            notifier = self._wire.bind(OLDER_IDLE, 1, _ignore)
            told = self._wire.new(self._on_pause)
            self._wire.request(notifier, 0, struct.pack("=III", told, seat, milliseconds))
        self._wire.bind(WINDOWS, 1, self._on_windows)
        self._wire.wait_for_answers()

    def fileno(self) -> int:
        """The connection, to wait for."""
        return self._wire.fileno()

    def wait_seconds(self) -> float:
        """The longest to wait before the next `look`."""
        return self._seconds_to_look()

    @property
    def idle_seconds(self) -> float:
        """For how long nothing was typed or moved; a pause that the compositor does not tell of yet is none."""
        return 0.0 if self._paused_since is None else time.monotonic() - self._paused_since

    def look(self) -> list[Front | Idle]:
        """Take what the compositor says; gives the intervals that ended. Raises `DisplayUnavailable` if it has gone."""
        self._wire.take()
        active = next((window for window in self._windows.values() if window.active), None)
        self._index.refresh()
        self._front = None if active is None else InFront(self._index.identity(None, (active.app_id,)))
        self._is_shown = self._is_active()
        return self._observe()

    def close(self) -> list[Front | Idle]:
        """Leave the compositor; gives the interval that was open."""
        ended = self._end()
        self._wire.close()
        return ended

    def _on_pause(self, event: int, _body: bytes) -> None:
        """In both protocols: 0, nothing was typed for so long; 1, something is again."""
        self._paused_since = time.monotonic() - self._pause_told if event == 0 else None

    def _on_windows(self, event: int, body: bytes) -> None:
        if event != _TOPLEVEL:
            raise DisplayUnavailable("The compositor tells of windows no more.")
        (number,) = struct.unpack_from("=I", body)
        self._windows[number] = _Window()
        self._wire.listen(number, lambda event, body: self._on_window(number, event, body))

    def _on_window(self, number: int, event: int, body: bytes) -> None:
        window = self._windows.get(number)
        if window is None:
            return
        if event == _APP_ID:
            window.said_app_id = string_in(body)
        elif event == _STATE:
            (size,) = struct.unpack_from("=I", body)
            window.said_active = _ACTIVATED in struct.unpack_from(f"={size // 4}I", body, 4)
        elif event == _DONE:
            window.app_id, window.active = window.said_app_id, window.said_active
        elif event == _CLOSED:
            del self._windows[number]
            self._wire.forget(number)
            self._wire.request(number, _DESTROY_WINDOW)


def _ignore(_event: int, _body: bytes) -> None:
    """What a seat says of its devices is not needed."""
