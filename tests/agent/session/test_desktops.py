"""Each system's own way of seeing is chosen, and no session loads another system's library."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from agent.session import desktops
from agent.session.errors import DisplayUnavailable
from agent.session.messages import Front
from tests.agent.session.login_bus import DAEMON, SESSION, LoginBus

if TYPE_CHECKING:
    from conftest import Screen


def test_a_session_says_which_display_it_has() -> None:
    assert desktops.why_not({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "linux") == "wayland"
    assert desktops.why_not({"XDG_SESSION_TYPE": "wayland", "DISPLAY": ":0"}, "linux") == "wayland"
    assert desktops.why_not({}, "linux") == "no_display"
    assert desktops.why_not({"DISPLAY": ":0", "XDG_SESSION_TYPE": "x11"}, "linux") is None
    assert desktops.why_not({}, "win32") is None


def test_windows_can_be_opened_where_there_is_a_screen() -> None:
    assert desktops.has_screen({"DISPLAY": ":0"}, "linux")
    assert not desktops.has_screen({}, "linux")
    assert desktops.has_screen({}, "win32")
    assert desktops.has_screen({}, "darwin")


@pytest.mark.parametrize(("environment", "reason"), [({}, None), ({"WAYLAND_DISPLAY": "none"}, "wayland")])
def test_a_desktop_that_is_not_there_is_said_to_be_unavailable(environment: dict[str, str], reason: None) -> None:
    with pytest.raises(DisplayUnavailable):
        desktops.watched(environment, reason, 180.0)


@pytest.mark.skipif(sys.platform == "win32", reason="there it can be watched")
def test_the_windows_desktop_is_unavailable_elsewhere() -> None:
    with pytest.raises(DisplayUnavailable):
        desktops.watched({}, None, 180.0, "win32")


def test_a_loop_goes_round_in_the_thread_that_asks_for_it() -> None:
    threads: list[threading.Thread] = []
    desktops.go_round(lambda: threads.append(threading.current_thread()), "linux")
    assert threads == [threading.current_thread()]


def test_asking_which_desktop_it_is_loads_none() -> None:
    names = ("Xlib", "AppKit", "agent.macos.foreground", "agent.windows.foreground", "agent.session.foreground_wayland")
    code = f"import sys; from agent.session import run; print([name for name in {names} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert found.stdout.strip() == "[]"


def test_only_linux_desktops_need_to_be_asked_for_a_lock_beside() -> None:
    assert desktops.lock_of({}, "linux") is not None
    assert desktops.lock_of({}, "win32") is None
    assert desktops.lock_of({}, "darwin") is None


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginBus]:
    with LoginBus() as made:
        # libsystemd asks the process's own environment for the bus.
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.environment["DBUS_SYSTEM_BUS_ADDRESS"])
        yield made


@pytest.mark.more
@pytest.mark.skipif(DAEMON is None, reason="there is no D-Bus daemon (apt install dbus-daemon)")
def test_a_locker_that_draws_over_the_session_ends_use_at_once(
    screen: Screen, bus: LoginBus, until: Callable[..., Any]
) -> None:
    lock = desktops.lock_of(bus.environment)
    assert lock is not None
    foreground = desktops.watched({**screen.environment, "XDG_SESSION_ID": SESSION}, None, 60.0, lock=lock)
    screen.xterm()
    given: list[Any] = []

    def look() -> list[Any]:
        given.extend(one for one in foreground.look() if isinstance(one, Front))
        return given

    look()
    time.sleep(0.5)
    bus.say("1")
    locked = time.monotonic()
    until(look, 2)
    assert time.monotonic() - locked < 1
    (used,) = given
    assert 0.4 < used.seconds < 5
    time.sleep(0.5)
    screen.xterm("-class", "UXTerm")
    look()
    assert len(given) == 1
    unlocked = time.monotonic()
    bus.say("0")
    until(lambda: not lock.is_locked(), 2)
    look()
    time.sleep(0.3)
    (again,) = foreground.close()
    assert isinstance(again, Front)
    assert again.seconds < time.monotonic() - unlocked
    lock.close()
