"""Each system's own way of seeing is chosen, and no session loads another system's library."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from agent.session import desktops
from agent.session.errors import DisplayUnavailable


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
