"""A service of Windows says how it is, ends when it is told to, and says why it ended."""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.windows import scm
from agent.windows.libraries import DWORD, callback
from agent.windows.scm import (
    AGAIN_MILLISECONDS,
    INTERROGATE,
    PRESHUTDOWN,
    RUNNING,
    SHUTDOWN,
    SPECIFIC_ERROR,
    START_PENDING,
    STOP,
    STOP_PENDING,
    STOPPED,
    FailureAction,
    FailureActions,
    ServiceStatus,
    WindowsService,
)
from tests.agent.windows.answers import Library
from tests.agent.windows.wine_python import as_windows

PARAMETERS_CHANGE = 6


class Manager:
    """A service control manager that starts the service in a thread, as Windows does."""

    def __init__(self, *, may_set_up: bool = True, is_service: bool = True) -> None:
        self.said: list[ServiceStatus] = []
        self.control: Callable[..., int] = lambda *_: -1
        self.actions: list[tuple[int, int]] = []
        self.flagged = False
        self.library = Library(
            StartServiceCtrlDispatcherW=self._dispatch if is_service else lambda entries: 0,
            RegisterServiceCtrlHandlerExW=self._register,
            SetServiceStatus=self._set,
            OpenSCManagerW=lambda machine, database, rights: 5 if may_set_up else 0,
            OpenServiceW=lambda manager, name, rights: 6,
            ChangeServiceConfig2W=self._change,
            CloseServiceHandle=lambda handle: 1,
        )

    @property
    def states(self) -> list[int]:
        return [one.state for one in self.said]

    def _dispatch(self, entries: Any) -> int:
        assert (entries[0].name, entries[1].name) == ("Fairwatch", None)
        main = callback(None, DWORD, ctypes.c_void_p)(entries[0].main)
        thread = threading.Thread(target=main, args=(0, None))
        thread.start()
        thread.join(timeout=20)
        return int(not thread.is_alive())

    def _register(self, name: str, control: Any, context: None) -> int:
        self.control = lambda number: control(number, 0, None, None)
        return 7

    def _set(self, handle: int, status: Any) -> int:
        assert handle == 7
        self.said.append(ServiceStatus.from_buffer_copy(status._obj))
        return 1

    def _change(self, service: int, kind: int, into: Any) -> int:
        if kind == 2:
            asked = FailureActions.from_buffer_copy(into._obj)
            found = ctypes.cast(asked.actions, ctypes.POINTER(FailureAction * asked.count)).contents
            self.actions = [(one.kind, one.milliseconds) for one in found]
        else:
            self.flagged = bool(into._obj.value)
        return 1


@pytest.mark.parametrize("control", [STOP, SHUTDOWN, PRESHUTDOWN])
def test_it_runs_until_windows_says_stop_or_shuts_down(control: int) -> None:
    manager = Manager()

    def body(ended: threading.Event, begun: Callable[[], None]) -> int:
        begun()
        assert manager.control(INTERROGATE) == 0
        assert manager.control(PARAMETERS_CHANGE) == 120
        assert not ended.is_set()
        assert manager.control(control) == 0
        assert ended.wait(20)
        return 0

    assert WindowsService(body, manager.library).run() == 0
    assert manager.states == [START_PENDING, RUNNING, STOP_PENDING, STOPPED]
    assert [bool(one.accepts) for one in manager.said] == [False, True, False, False]
    assert manager.said[-1].exit == 0


def test_a_status_of_its_own_is_told_and_windows_was_asked_to_start_it_again() -> None:
    manager = Manager()
    assert WindowsService(lambda ended, begun: 75, manager.library).run() == 75
    assert (manager.said[-1].exit, manager.said[-1].specific) == (SPECIFIC_ERROR, 75)
    assert manager.actions == [(1, milliseconds) for milliseconds in AGAIN_MILLISECONDS]
    assert manager.flagged, "or Windows would only do so after a crash"


def test_a_fault_is_told_by_its_kind_alone(caplog: pytest.LogCaptureFixture) -> None:
    manager = Manager()

    def body(ended: threading.Event, begun: Callable[[], None]) -> int:
        raise ValueError("anna looked at example.test")

    assert WindowsService(body, manager.library).run() == 1
    assert (manager.said[-1].state, manager.said[-1].specific) == (STOPPED, 1)
    assert "service.failed kind=ValueError" in caplog.text
    assert "anna" not in caplog.text


def test_a_stop_that_comes_as_it_ended_says_nothing_more() -> None:
    manager = Manager()
    WindowsService(lambda ended, begun: 0, manager.library).run()
    assert manager.control(STOP) == 0
    assert manager.states[-1] == STOPPED


def test_where_it_may_not_be_set_up_it_says_so_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    manager = Manager(may_set_up=False)
    with caplog.at_level(logging.WARNING):
        assert WindowsService(lambda ended, begun: 0, manager.library).run() == 0
    assert "service.not_started_again_by_itself" in caplog.text


def test_started_by_hand_it_is_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scm, "last_error", lambda: scm.NO_SERVICE)
    assert WindowsService(lambda ended, begun: 0, Manager(is_service=False).library).run() is None


def test_a_manager_that_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scm, "last_error", lambda: 1056)
    with pytest.raises(OSError, match="does not take"):
        WindowsService(lambda ended, begun: 0, Manager(is_service=False).library).run()


STAND_IN = """
import sys
from agent.windows.scm import WindowsService
def body(ended, begun):
    begun()
    ended.wait(60)
    return 75
WindowsService(body).run()
"""
CONTROL = """
import sys
from tests.agent.windows.service_control import RUNNING, STOPPED, Control
control = Control("Fairwatch", f'"{sys.executable}" "{sys.argv[1]}"')
try:
    control.start(); control.wait(RUNNING); control.stop(); print(control.wait(STOPPED))
finally:
    control.delete()
"""


@pytest.mark.more
def test_on_windows_the_manager_starts_it_stops_it_and_hears_its_status(wine, nobody_else, tmp_path: Path) -> None:
    (tmp_path / "stand_in.py").write_text(STAND_IN, "utf-8")
    assert wine.run(CONTROL, as_windows(tmp_path / "stand_in.py")) == "(1066, 75)\n"
