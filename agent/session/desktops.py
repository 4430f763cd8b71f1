"""Which way of seeing the app in front a session has: the one place that asks which system this is.

A desktop's own module is loaded only where it is the one, so that no session part carries another system's library.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from agent.session.foreground import Foreground
from agent.session.messages import Reason

if TYPE_CHECKING:
    from agent.session.lock_hint import LockHint

# Systems whose sessions always have a screen, or none that this program could be started in.
_ALWAYS_WITH_SCREEN: Final = ("win32", "darwin")


def has_screen(environment: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether windows can be opened in this session."""
    return platform in _ALWAYS_WITH_SCREEN or bool(environment.get("DISPLAY"))


def why_not(environment: Mapping[str, str], platform: str = sys.platform) -> Reason | None:
    """Why the app in front may not be seen in this session, or None where nothing speaks against it.

    With "wayland" it is worth a try all the same: some compositors say it.
    """
    if platform in _ALWAYS_WITH_SCREEN:
        return None
    if environment.get("XDG_SESSION_TYPE") == "wayland" or environment.get("WAYLAND_DISPLAY"):
        # On Wayland an X11 display may exist for older apps; what it says of the others would be a guess.
        return "wayland"
    return None if environment.get("DISPLAY") else "no_display"


def lock_of(environment: Mapping[str, str], platform: str = sys.platform) -> LockHint | None:
    """What says that this session is locked, where the desktop's own way does not; to be given to `watched`."""
    if platform in _ALWAYS_WITH_SCREEN:
        return None
    from agent.session.lock_hint import LockHint

    return LockHint(environment)


def watched(
    environment: Mapping[str, str],
    reason: Reason | None,
    idle_after_seconds: float,
    platform: str = sys.platform,
    *,
    lock: LockHint | None = None,
) -> Foreground:
    """Begin to watch this session's desktop; `reason` is what `why_not` gave, `lock` what `lock_of` did.

    Nothing counts while the session is not in front of its seat, or says that it is locked. Raises
    `DisplayUnavailable` where the desktop can't be watched.
    """
    if platform == "win32":
        from agent.windows.foreground import ForegroundWindows

        return ForegroundWindows(idle_after_seconds=idle_after_seconds)
    if platform == "darwin":
        from agent.macos.foreground import ForegroundMacos
        from agent.macos.workspace import Workspace

        return ForegroundMacos(Workspace(), idle_after_seconds=idle_after_seconds)
    from agent.session.identity import DesktopIndex, application_folders
    from agent.session.presence import is_active_session

    index = DesktopIndex(application_folders(environment), environment.get("PATH", "/usr/bin:/bin"))
    is_active = is_active_session(environment)

    def is_there() -> bool:
        # The lock first: it takes what came for it, so it must be asked each time.
        return not (lock is not None and lock.is_locked()) and is_active()

    if reason == "wayland":
        from agent.session.foreground_wayland import ForegroundWayland

        return ForegroundWayland(environment, index, idle_after_seconds=idle_after_seconds, is_active=is_there)
    from agent.session.foreground_x11 import ForegroundX11

    display = environment.get("DISPLAY")
    return ForegroundX11(display, index, idle_after_seconds=idle_after_seconds, is_active=is_there)


def go_round(loop: Callable[[], None], platform: str = sys.platform) -> None:
    """Go round a session's loop to its end; on macOS beside the main thread, which hands on what the system tells."""
    if platform == "darwin":
        from agent.macos.workspace import run_beside

        run_beside(loop)
    else:
        loop()
