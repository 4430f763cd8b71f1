"""Runs something as a service of Windows: begins when the service control manager says so, and ends when it does.

Source: Microsoft Learn, StartServiceCtrlDispatcherW, RegisterServiceCtrlHandlerExW, SetServiceStatus, SERVICE_STATUS,
ChangeServiceConfig2W, SERVICE_FAILURE_ACTIONSW.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from agent.windows.libraries import BOOL, DWORD, HANDLE, LONG, callback, declare, last_error, library

NAME: Final = "Fairwatch"
"""The service's name, by which the installer made it."""
# ERROR_FAILED_SERVICE_CONTROLLER_CONNECT: nobody started this as a service.
NO_SERVICE: Final = 1063
STOPPED, START_PENDING, STOP_PENDING, RUNNING = 1, 2, 3, 4
STOP, INTERROGATE, SHUTDOWN, PRESHUTDOWN = 1, 4, 5, 15
SPECIFIC_ERROR: Final = 1066
_OWN_PROCESS: Final = 0x10
_ACCEPTS: Final = 0x1 | 0x4 | 0x100
_NO_ERROR: Final = 0
_NOT_IMPLEMENTED: Final = 120
# The spool is written and sessions are let go within a few seconds; a slow disk may take longer.
STOP_MILLISECONDS: Final = 30_000
# All packages are read before it can begin; on a machine that has just started, that takes its time.
START_MILLISECONDS: Final = 120_000
AGAIN_MILLISECONDS: Final = (15_000, 60_000, 900_000)
"""How soon Windows starts it again after it failed once, twice, and each time from then on, within a day."""
_FORGET_SECONDS: Final = 86_400
_FAILED: Final = 1
_CONNECT: Final = 0x1
# To change how it is set up, and to have it started, which setting that up asks for.
_CHANGE_AND_START: Final = 0x2 | 0x10
_FAILURE_ACTIONS: Final = 2
_FAILURE_ACTIONS_FLAG: Final = 4
_RESTART: Final = 1

log = logging.getLogger(__name__)

Body = Callable[[threading.Event, Callable[[], None]], int]
"""What runs until the event is set: it calls the function once it has begun, and gives the exit status."""


class ServiceStatus(ctypes.Structure):
    """SERVICE_STATUS."""

    _fields_ = tuple(
        (name, DWORD) for name in ("kind", "state", "accepts", "exit", "specific", "check_point", "wait_milliseconds")
    )


class _Entry(ctypes.Structure):
    """SERVICE_TABLE_ENTRYW."""

    _fields_ = (("name", ctypes.c_wchar_p), ("main", ctypes.c_void_p))


class FailureAction(ctypes.Structure):
    """SC_ACTION."""

    _fields_ = (("kind", LONG), ("milliseconds", DWORD))


class FailureActions(ctypes.Structure):
    """SERVICE_FAILURE_ACTIONSW."""

    _fields_ = (
        ("forget_seconds", DWORD), ("message", ctypes.c_wchar_p), ("command", ctypes.c_wchar_p), ("count", DWORD),
        ("actions", ctypes.c_void_p),
    )  # fmt: skip


class WindowsService:
    """One run under the service control manager."""

    def __init__(self, body: Body, advapi32: Any = None) -> None:
        """Raises OSError where there is no Windows."""
        self._body = body
        self._ended = threading.Event()
        self._service: int | None = None
        self._status = 0
        self._has_stopped = False
        self._saying = threading.Lock()
        advapi = library("advapi32") if advapi32 is None else advapi32
        main = callback(None, DWORD, ctypes.c_void_p)
        control = callback(DWORD, DWORD, DWORD, ctypes.c_void_p, ctypes.c_void_p)
        self._dispatch = declare(advapi, "StartServiceCtrlDispatcherW", BOOL, ctypes.c_void_p)
        self._register = declare(
            advapi, "RegisterServiceCtrlHandlerExW", HANDLE, ctypes.c_wchar_p, control, ctypes.c_void_p
        )
        self._set_status = declare(advapi, "SetServiceStatus", BOOL, HANDLE, ctypes.c_void_p)
        self._open_manager = declare(advapi, "OpenSCManagerW", HANDLE, ctypes.c_wchar_p, ctypes.c_wchar_p, DWORD)
        self._open = declare(advapi, "OpenServiceW", HANDLE, HANDLE, ctypes.c_wchar_p, DWORD)
        self._change = declare(advapi, "ChangeServiceConfig2W", BOOL, HANDLE, DWORD, ctypes.c_void_p)
        self._close = declare(advapi, "CloseServiceHandle", BOOL, HANDLE)
        # Held for as long as Windows may call them.
        self._main, self._control = main(self._run), control(self._told)

    def run(self) -> int | None:
        """Run until Windows says stop, and give the exit status; None at once where this was not started as a service.

        Raises OSError where Windows takes no service.
        """
        entries = (_Entry * 2)(_Entry(NAME, ctypes.cast(self._main, ctypes.c_void_p)), _Entry(None, None))
        if not self._dispatch(entries):
            error = last_error()
            if error == NO_SERVICE:
                return None
            raise OSError(error, "Windows does not take this as a service")
        return self._status

    def _run(self, _count: int, _words: object) -> None:
        """In a thread of Windows': what is raised here must not get back to it."""
        self._service = self._register(NAME, self._control, None)
        self._say(START_PENDING)
        try:
            self._ask_to_be_started_again()
            self._status = self._body(self._ended, lambda: self._say(RUNNING))
        except BaseException as fault:  # noqa: BLE001 - Windows can't take it, and it has to hear that this ended
            self._status = _FAILED
            log.error("service.failed kind=%s", type(fault).__name__)  # noqa: TRY400 - no traceback: it could hold data
        self._say(STOPPED, status=self._status)

    def _told(self, control: int, _kind: int, _data: object, _context: object) -> int:
        """In a thread of Windows', which waits for the answer."""
        if control in (STOP, SHUTDOWN, PRESHUTDOWN):
            self._say(STOP_PENDING)
            self._ended.set()
        elif control != INTERROGATE:
            return _NOT_IMPLEMENTED
        return _NO_ERROR

    def _say(self, state: int, *, status: int = 0) -> None:
        """Tell Windows how it is. A status that is not 0 has Windows start the service again, as it was set up."""
        with self._saying:
            # A control that came as it ended must not say that it still ends: nothing would ever say more.
            if not self._has_stopped:
                self._has_stopped = state == STOPPED
                self._say_now(state, status)

    def _say_now(self, state: int, status: int) -> None:
        waits = {START_PENDING: START_MILLISECONDS, STOP_PENDING: STOP_MILLISECONDS}
        told = ServiceStatus(
            kind=_OWN_PROCESS,
            state=state,
            accepts=_ACCEPTS if state == RUNNING else 0,
            exit=SPECIFIC_ERROR if status else _NO_ERROR,
            specific=status,
            wait_milliseconds=waits.get(state, 0),
        )
        self._set_status(self._service, ctypes.byref(told))

    def _ask_to_be_started_again(self) -> None:
        """Have Windows start it again after a failure, an end with a status that says so among them.

        The service sets this up by itself, since what installs it can't everywhere; where it can't either, it goes on.
        """
        actions = (FailureAction * len(AGAIN_MILLISECONDS))(
            *(FailureAction(_RESTART, milliseconds) for milliseconds in AGAIN_MILLISECONDS)
        )
        asked = FailureActions(
            forget_seconds=_FORGET_SECONDS, count=len(actions), actions=ctypes.cast(actions, ctypes.c_void_p)
        )
        even_if_it_said_so = BOOL(1)
        with contextlib.ExitStack() as closing:
            service: int | None = None
            manager = self._open_manager(None, None, _CONNECT)
            if manager:
                closing.callback(self._close, manager)
                service = self._open(manager, NAME, _CHANGE_AND_START)
            if service:
                closing.callback(self._close, service)
            if (
                not service
                or not self._change(service, _FAILURE_ACTIONS, ctypes.byref(asked))
                or not self._change(service, _FAILURE_ACTIONS_FLAG, ctypes.byref(even_if_it_said_so))
            ):
                log.warning("service.not_started_again_by_itself error=%d", last_error())
