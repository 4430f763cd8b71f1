"""What is asked of macOS, by stand-ins for pyobjc that refuse every name but those documented and meant.

No Mac was there: this holds the calls to their documented names and forms, and to asking for nothing more.
"""

# ruff: noqa: N802 - Apple's names, as pyobjc has them

from __future__ import annotations

import sys
import threading
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from agent.session import desktops
from agent.session.errors import DisplayUnavailable
from agent.session.intervals import Moment

TOLD = (
    "NSWorkspaceDidActivateApplicationNotification", "NSWorkspaceSessionDidBecomeActiveNotification",
    "NSWorkspaceSessionDidResignActiveNotification", "NSWorkspaceDidWakeNotification",
)  # fmt: skip


class App:
    """An NSRunningApplication: anything but its bundle id, such as its name, is an AttributeError."""

    def __init__(self, bundle_id: str | None) -> None:
        self._bundle_id = bundle_id

    def bundleIdentifier(self) -> str | None:
        return self._bundle_id


class Mac:
    """One Mac's shared workspace, its notification centre, and CoreGraphics' functions."""

    def __init__(self) -> None:
        self.app: App | None = App("com.apple.Safari")
        self.observers: dict[object, tuple[str, Any]] = {}
        self.asked: list[tuple[object, ...]] = []
        self.session: dict[str, object] | None = {"kCGSSessionOnConsoleKey": 1}
        self.has_functions = True
        self.turns = 0

    # NSWorkspace
    def sharedWorkspace(self) -> Mac:
        return self

    def frontmostApplication(self) -> App | None:
        return self.app

    def notificationCenter(self) -> Mac:
        return self

    # NSNotificationCenter
    def addObserverForName_object_queue_usingBlock_(self, name: str, of: object, queue: object, block: Any) -> object:
        assert of is None
        assert queue is None
        token = object()
        self.observers[token] = (name, block)
        return token

    def removeObserver_(self, token: object) -> None:
        del self.observers[token]

    # objc
    def load(self, name: str, into: dict[str, Any], *, bundle_path: str, scan_classes: bool) -> str:
        assert bundle_path == "/System/Library/Frameworks/CoreGraphics.framework"
        assert into == {}
        assert not scan_classes
        return name

    def load_functions(self, bundle: str, into: dict[str, Any], functions: tuple[tuple[Any, ...], ...]) -> None:
        assert bundle == "CoreGraphics"
        if self.has_functions:
            known = {"CGEventSourceSecondsSinceLastEventType": self.since, "CGSessionCopyCurrentDictionary": self.copy}
            into |= {name: known[name] for name, *_ in functions}

    def since(self, state: int, kind: int) -> float:
        self.asked.append((state, kind))
        return 12.5

    def copy(self) -> dict[str, object] | None:
        return self.session

    # NSRunLoop
    def currentRunLoop(self) -> Mac:
        return self

    def runMode_beforeDate_(self, mode: str, until: float) -> bool:
        assert threading.current_thread() is threading.main_thread()
        assert mode == "kCFRunLoopDefaultMode"
        self.turns += 1
        return False

    def dateWithTimeIntervalSinceNow_(self, seconds: float) -> float:
        return time.monotonic() + seconds


@pytest.fixture
def mac() -> Mac:
    return Mac()


@pytest.fixture
def workspace(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    appkit, objc = ModuleType("AppKit"), ModuleType("objc")
    appkit.__dict__.update({name: name for name in TOLD})
    appkit.__dict__.update(NSWorkspace=mac, NSRunLoop=mac, NSDate=mac, NSDefaultRunLoopMode="kCFRunLoopDefaultMode")
    objc.__dict__.update(loadBundle=mac.load, loadBundleFunctions=mac.load_functions, autorelease_pool=nullcontext)
    for module in (appkit, objc):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "agent.macos.workspace", raising=False)
    found = import_module("agent.macos.workspace")
    # Gone again after the test: other systems have no such module.
    monkeypatch.setitem(sys.modules, "agent.macos.workspace", found)
    return found


def test_the_app_in_front_is_its_bundle_id_and_nothing_else(mac: Mac, workspace: ModuleType) -> None:
    asked = workspace.Workspace()
    assert asked.front() == "com.apple.Safari"
    mac.app = App(None)
    assert asked.front() == ""
    mac.app = None
    assert asked.front() is None


def test_idle_is_of_any_input_in_this_session(mac: Mac, workspace: ModuleType) -> None:
    assert workspace.Workspace().idle_seconds() == 12.5
    # kCGEventSourceStateCombinedSessionState, kCGAnyInputEventType (CGEventSource.h, CGEventTypes.h)
    assert mac.asked == [(0, 0xFFFFFFFF)]


def test_a_session_is_told_as_it_is_and_none_is_empty(mac: Mac, workspace: ModuleType) -> None:
    asked = workspace.Workspace()
    assert asked.session() == {"kCGSSessionOnConsoleKey": 1}
    mac.session = None
    assert asked.session() == {}


def test_every_change_is_told_until_nobody_watches(mac: Mac, workspace: ModuleType) -> None:
    asked, told = workspace.Workspace(), []
    asked.watch(lambda: told.append(1))
    assert sorted(name for name, _ in mac.observers.values()) == sorted(TOLD)
    for name, block in mac.observers.values():
        block(f"an NSNotification of {name}")
    assert len(told) == len(TOLD)
    asked.unwatch()
    assert mac.observers == {}


def test_a_system_without_those_functions_is_said_to_be_one(mac: Mac, workspace: ModuleType) -> None:
    mac.has_functions = False
    with pytest.raises(DisplayUnavailable):
        workspace.Workspace()


def test_work_is_done_beside_the_main_thread_which_turns(
    mac: Mac, workspace: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "TURN_SECONDS", 0.01)
    worked = []

    def work() -> None:
        time.sleep(0.05)
        worked.append(threading.current_thread().name)

    workspace.run_beside(work)
    assert worked == ["session"]
    # It did not spin where the run loop has nothing to wait for.
    assert 1 <= mac.turns < 20


def test_what_the_work_raises_is_raised(workspace: ModuleType) -> None:
    def work() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        workspace.run_beside(work)


def test_a_session_on_macos_watches_its_workspace_beside_the_main_thread(
    mac: Mac, workspace: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "TURN_SECONDS", 0.01)
    monkeypatch.setattr("agent.macos.foreground.now", lambda: Moment(1.0, 1.0, datetime(2026, 3, 2, tzinfo=UTC)))
    foreground = desktops.watched({}, desktops.why_not({}, "darwin"), 180.0, "darwin")
    worked = []
    desktops.go_round(lambda: worked.extend([foreground.look(), threading.current_thread().name]), "darwin")
    assert worked == [[], "session"]
    assert foreground.wait_seconds() == 10
    foreground.close()
    assert mac.observers == {}
