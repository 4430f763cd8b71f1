"""Sees which app is in front on an X11 display, and for how long nothing is typed; asks for no title, ever.

The only properties that are asked for are named in `PROPERTIES_READ`. What an app writes about itself is used only to
choose among installed desktop files (see `identity.py`).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import ConnectionClosedError, DisplayError, XError
from Xlib.ext import screensaver
from Xlib.ext.res import LocalClientPIDMask

from agent.session.errors import DisplayUnavailable
from agent.session.foreground import Watch, now
from agent.session.identity import DesktopIndex, executable_of, flatpak_id_of
from agent.session.intervals import IDLE_AFTER_SECONDS, InFront, Moment
from agent.session.messages import Front, Idle

# None of these holds a title, and no other property is ever asked for: a test records all that is said to the X server.
PROPERTIES_READ: Final = ("_NET_ACTIVE_WINDOW", "_NET_SUPPORTING_WM_CHECK", "_NET_WM_PID", "WM_CLASS")


def local_display(name: str | None) -> str:
    """The display's name, if it is one of this machine and answers; raises `DisplayUnavailable` otherwise.

    Another machine's display would show what is in front there, and the library would reach over the network for it.
    """
    number = (name or "").removeprefix("unix").removeprefix(":").partition(".")[0]
    if not number.isdecimal():
        raise DisplayUnavailable("The display is not one of this machine.")
    # Where every X server listens; the folder belongs to root and is sticky.
    path = f"/tmp/.X11-unix/X{number}"  # noqa: S108
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path if Path(path).exists() else f"\0{path}")
        except OSError as error:
            raise DisplayUnavailable("The display does not answer.") from error
    # Without the protocol's name the library would try the network where the socket fails.
    return f"unix/:{number}"


class ForegroundX11(Watch):
    """One connection to an X11 display. Wait for `fileno` or `wait_seconds`, then call `look`."""

    def __init__(
        self,
        display_name: str | None,
        index: DesktopIndex,
        *,
        idle_after_seconds: float = IDLE_AFTER_SECONDS,
        clock: Callable[[], Moment] = now,
        is_active: Callable[[], bool] = lambda: True,
    ) -> None:
        """Connect; raises `DisplayUnavailable` with the reason where the display can't be watched.

        While `is_active()` is false (another person's session is in front), and while the screen is locked or blank,
        nothing counts.
        """
        super().__init__(idle_after_seconds, clock)
        self._index = index
        self._is_active = is_active
        self._window_id = 0
        self._changed = True
        self._manager_changed = True
        self._idle_seconds = 0.0
        try:
            # The stubs do not know the extensions' methods, which the library adds while it runs.
            self._display: Any = Display(local_display(display_name))
            self._display.set_error_handler(lambda *_: None)
            self._watch()
        except (DisplayError, ConnectionClosedError, XError, OSError) as error:
            raise DisplayUnavailable(f"The display can't be opened ({type(error).__name__}).") from error

    def _watch(self) -> None:
        if not self._display.has_extension("MIT-SCREEN-SAVER"):
            raise DisplayUnavailable("The display does not say whether anyone is at the keyboard.")
        self._has_xres = self._display.has_extension("X-Resource")
        if self._has_xres:
            self._display.res_query_version()
        self._atoms = {name: self._display.intern_atom(name) for name in PROPERTIES_READ}
        self._root = self._display.screen().root
        self._root.change_attributes(event_mask=X.PropertyChangeMask)
        # Only so that a lock or its end wakes a wait: what counts is the state that is asked for.
        self._root.screensaver_select_input(screensaver.NotifyMask)
        self._display.flush()

    def fileno(self) -> int:
        """The connection, to wait for."""
        return int(self._display.fileno())

    def wait_seconds(self) -> float:
        """The longest to wait before the next `look`."""
        return 0.0 if self._changed else self._seconds_to_look()

    @property
    def idle_seconds(self) -> float:
        """For how long nothing was typed or moved, as it was at the last look."""
        return self._idle_seconds

    def look(self) -> list[Front | Idle]:
        """Take what the display says; gives the intervals that ended. Raises `DisplayUnavailable` if it has gone."""
        try:
            self._changed |= self._drain()
            if self._changed or self._no_window_since is not None:
                self._changed = False
                self._read_front()
            saver = self._root.screensaver_query_info()
            self._idle_seconds = saver.idle / 1000
            # Asked at every turn, since it takes what came for it.
            self._is_shown = self._is_active() and saver.state != screensaver.StateOn
            # Answers and events share the connection: an event that came with an answer would wait unseen.
            self._changed |= self._drain()
        except (ConnectionClosedError, XError, OSError) as error:
            raise DisplayUnavailable(f"The display has gone ({type(error).__name__}).") from error
        return self._observe()

    def manager_may_have_changed(self) -> bool:
        """Whether a window manager came or went since this was last asked."""
        changed, self._manager_changed = self._manager_changed, False
        return changed

    def has_window_manager(self) -> bool:
        """Whether a window manager says which app is in front (Extended Window Manager Hints); else it is unknown."""
        try:
            manager = self._window_in(self._root, "_NET_SUPPORTING_WM_CHECK")
            # The property outlives a manager that died; its window does not.
            return manager is not None and self._window_in(manager, "_NET_SUPPORTING_WM_CHECK") is not None
        except (ConnectionClosedError, XError, OSError):
            return False

    def close(self) -> list[Front | Idle]:
        """Leave the display; gives the interval that was open."""
        ended = self._end()
        with contextlib.suppress(ConnectionClosedError, XError, OSError):
            self._display.close()
        return ended

    def _drain(self) -> bool:
        """Take the events that have come; True if the window in front may have changed or has gone."""
        changed = False
        while self._display.pending_events():
            event = self._display.next_event()
            if event.type == X.DestroyNotify and event.window.id == self._window_id:
                changed = True
                self._window_id = 0  # The next window may well be given the same number.
            elif event.type == X.PropertyNotify:
                changed |= event.atom == self._atoms["_NET_ACTIVE_WINDOW"]
                self._manager_changed |= event.atom == self._atoms["_NET_SUPPORTING_WM_CHECK"]
        return changed

    def _read_front(self) -> None:
        window = self._window_in(self._root, "_NET_ACTIVE_WINDOW")
        front = None if window is None else self._app_of(window)
        if front is not None:
            self._no_window_since = None
            self._front = front
        elif not self._is_still_in_front():
            self._front = None

    def _window_in(self, window: Any, name: str) -> Any | None:
        found = window.get_property(self._atoms[name], Xatom.WINDOW, 0, 1)
        if found is None or not len(found.value) or not found.value[0]:
            return None
        return self._display.create_resource_object("window", int(found.value[0]))

    def _app_of(self, window: Any) -> InFront | None:
        """The app that a window belongs to, or None for a window that has gone while it was named as in front."""
        try:
            if window.id != self._window_id:
                # Only of its end: some window managers go on naming a window that is no more.
                window.change_attributes(event_mask=X.StructureNotifyMask)
                self._window_id = window.id
            pid = self._pid(window)
            classes = self._classes(window)
        except XError:
            return None
        self._index.refresh()
        if pid is None:
            return InFront(self._index.identity(None, classes))
        flatpak = flatpak_id_of(pid)
        return InFront(self._index.identity(executable_of(pid), classes if flatpak is None else (flatpak, *classes)))

    def _pid(self, window: Any) -> int | None:
        """The process behind a window: the X server's own knowledge first, what the app claims only without it."""
        if self._has_xres:
            answer = self._display.res_query_client_ids([{"client": window.id, "mask": LocalClientPIDMask}])
            for found in answer.ids:
                if found.spec.mask == LocalClientPIDMask and len(found.value):
                    return int(found.value[0])
        claimed = window.get_property(self._atoms["_NET_WM_PID"], Xatom.CARDINAL, 0, 1)
        return int(claimed.value[0]) if claimed is not None and len(claimed.value) else None

    def _classes(self, window: Any) -> tuple[str, ...]:
        """The window's class, then its instance name (ICCCM 4.1.2.5)."""
        found = window.get_property(self._atoms["WM_CLASS"], Xatom.STRING, 0, 64)
        if found is None:
            return ()
        raw = found.value if isinstance(found.value, bytes) else str(found.value).encode("latin-1", "replace")
        words = raw.decode("latin-1").split("\0")
        return tuple(reversed(words[:2]))
