"""Makes, starts, asks and stops a service as an installer and an administrator do; for programs run under wine."""

from __future__ import annotations

import ctypes
import time
from typing import Any

ALL_OF_MANAGER, ALL_OF_SERVICE, OWN_PROCESS, BY_HAND = 0xF003F, 0xF01FF, 0x10, 3
STOPPED, RUNNING, STOP = 1, 4, 1
LONGEST_SECONDS = 40.0
DATABASE_LOCKED = 1055


class Control:
    """One service, from its making to its end."""

    def __init__(self, name: str, command: str) -> None:
        library: Any = ctypes.WinDLL("advapi32", use_last_error=True)
        for function in ("OpenSCManagerW", "CreateServiceW"):
            getattr(library, function).restype = ctypes.c_void_p
        self._library = library
        self._manager = ctypes.c_void_p(library.OpenSCManagerW(None, None, ALL_OF_MANAGER))
        self._service = ctypes.c_void_p(
            library.CreateServiceW(
                self._manager, name, name, ALL_OF_SERVICE, OWN_PROCESS, BY_HAND, 1, command, *(None,) * 5
            )
        )
        assert self._service, ctypes.get_last_error()

    def start(self) -> None:
        """Start it, once the machine has started its own."""
        until = time.monotonic() + LONGEST_SECONDS
        while not self._library.StartServiceW(self._service, 0, None):
            error = ctypes.get_last_error()
            assert (error, time.monotonic() < until) == (DATABASE_LOCKED, True), error
            time.sleep(0.2)

    def stop(self) -> None:
        """Ask it to stop."""
        assert self._library.ControlService(self._service, STOP, (ctypes.c_uint32 * 7)()), ctypes.get_last_error()

    def wait(self, state: int) -> tuple[int, int]:
        """Wait until it is so; gives the error with which it ended, and its own."""
        until = time.monotonic() + LONGEST_SECONDS
        told = (ctypes.c_uint32 * 7)()
        while True:
            assert self._library.QueryServiceStatus(self._service, told)
            if told[1] == state:
                return told[3], told[4]
            assert time.monotonic() < until, list(told)
            time.sleep(0.1)

    def delete(self) -> None:
        """Remove it."""
        self._library.DeleteService(self._service)
        self._library.CloseServiceHandle(self._service)
        self._library.CloseServiceHandle(self._manager)
