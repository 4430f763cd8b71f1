"""What is asked of macOS itself, through pyobjc: the app in front, the time without input, the session's state.

By NSWorkspace and two functions of CoreGraphics. None of them needs a permission of the person's (no accessibility, no
screen recording, no automation), and none gives a title. Apple's main thread has to hand on what NSWorkspace tells:
`run_beside` keeps it doing so while the session part works in another.

Not run on a Mac: tried with stand-ins for pyobjc that refuse whatever is not named here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import AppKit
import objc

from agent.session.errors import DisplayUnavailable

# How long the main thread may wait before it takes signals that came meanwhile.
TURN_SECONDS: Final = 1.0
# kCGEventSourceStateCombinedSessionState: input of this session, a remote one's too. kCGAnyInputEventType.
_THIS_SESSION: Final = 0
_ANY_INPUT: Final = 0xFFFFFFFF
_CORE_GRAPHICS: Final = "/System/Library/Frameworks/CoreGraphics.framework"
# As pyobjc's own Quartz describes them, which would load eight more frameworks.
_FUNCTIONS: Final = (
    ("CGEventSourceSecondsSinceLastEventType", b"diI"),
    ("CGSessionCopyCurrentDictionary", b"^{__CFDictionary=}", "", {"retval": {"already_cfretained": True}}),
)
_TOLD: Final = (
    "NSWorkspaceDidActivateApplicationNotification",
    "NSWorkspaceSessionDidBecomeActiveNotification",
    "NSWorkspaceSessionDidResignActiveNotification",
    "NSWorkspaceDidWakeNotification",
)


class Workspace:
    """NSWorkspace of the session that this process belongs to; may be asked from any thread."""

    def __init__(self) -> None:
        """Raises DisplayUnavailable where the window server can't be reached, as outside of a session."""
        found: dict[str, Any] = {}
        bundle = objc.loadBundle("CoreGraphics", {}, bundle_path=_CORE_GRAPHICS, scan_classes=False)
        objc.loadBundleFunctions(bundle, found, _FUNCTIONS)
        if len(found) < len(_FUNCTIONS):
            raise DisplayUnavailable("This macOS does not say whether anyone is there.")
        self._since_input = found["CGEventSourceSecondsSinceLastEventType"]
        self._session = found["CGSessionCopyCurrentDictionary"]
        self._workspace: Any = AppKit.NSWorkspace.sharedWorkspace()
        self._observers: list[Any] = []

    def front(self) -> str | None:
        """The bundle id of the app in front (NSRunningApplication): empty where it has none, None where no app is."""
        app = self._workspace.frontmostApplication()
        return None if app is None else str(app.bundleIdentifier() or "")

    def idle_seconds(self) -> float:
        """Seconds since the last input of any kind in this session (CGEventSourceSecondsSinceLastEventType)."""
        return float(self._since_input(_THIS_SESSION, _ANY_INPUT))

    def session(self) -> Mapping[str, object]:
        """What the window server says of this session (CGSessionCopyCurrentDictionary), empty where there is none."""
        said = self._session()
        return {} if said is None else said

    def watch(self, changed: Callable[[], None]) -> None:
        """Call back, in the main thread, when another app came to the front or the session changed."""
        centre = self._workspace.notificationCenter()
        for name in _TOLD:
            told = getattr(AppKit, name)
            self._observers.append(
                centre.addObserverForName_object_queue_usingBlock_(told, None, None, lambda _told: changed())
            )

    def unwatch(self) -> None:
        """Call back no more."""
        centre = self._workspace.notificationCenter()
        while self._observers:
            centre.removeObserver_(self._observers.pop())


def run_beside(work: Callable[[], None]) -> None:
    """Do the work in a thread while the main one hands on what the system tells; raises what the work raised."""
    faults: list[BaseException] = []

    def tried() -> None:
        try:
            work()
        except BaseException as fault:  # noqa: BLE001 - it is raised again, in the thread that waits
            faults.append(fault)

    thread = threading.Thread(target=tried, name="session")
    thread.start()
    loop, mode = AppKit.NSRunLoop.currentRunLoop(), AppKit.NSDefaultRunLoopMode
    while thread.is_alive():
        with objc.autorelease_pool():
            until = AppKit.NSDate.dateWithTimeIntervalSinceNow_(TURN_SECONDS)
            if not loop.runMode_beforeDate_(mode, until):
                # Nothing is told of in this session yet, so it gave up at once.
                thread.join(TURN_SECONDS)
    thread.join()
    if faults:
        raise faults[0]
