"""Which program each process is, and whose: Windows' word, and nothing of its arguments, windows or files."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Final

from agent.windows.accounts import Accounts
from agent.windows.libraries import BOOL, DWORD, HANDLE, declare, last_error, library

# PROCESS_QUERY_LIMITED_INFORMATION: all that the two answers take.
_RIGHTS: Final = 0x1000
_LONGEST_PATH: Final = 32768
_ACCESS_DENIED: Final = 5


class ProcessTable:
    """Asks Windows about processes by their numbers."""

    def __init__(self, kernel32: Any = None, accounts: Accounts | None = None) -> None:
        """Raises OSError where there is no Windows."""
        kernel = library("kernel32") if kernel32 is None else kernel32
        self._accounts = accounts or Accounts()
        self._open = declare(kernel, "OpenProcess", HANDLE, DWORD, BOOL, DWORD)
        self._close = declare(kernel, "CloseHandle", BOOL, HANDLE)
        self._image = declare(
            kernel, "QueryFullProcessImageNameW", BOOL, HANDLE, DWORD, ctypes.c_wchar_p, ctypes.c_void_p
        )

    def owner(self, pid: int) -> str:
        """The SID with whose rights a process runs; raises OSError where it has ended or may not be asked."""
        process = self._opened(pid)
        try:
            sid = self._accounts.of_process(process)
        finally:
            self._close(process)
        if sid is None:
            raise PermissionError(last_error(), "Windows does not tell whose a process is")
        return sid

    def executable(self, pid: int) -> str:
        """The path of a process's program; raises OSError where there is none or it may not be seen."""
        process = self._opened(pid)
        try:
            path, size = ctypes.create_unicode_buffer(_LONGEST_PATH), DWORD(_LONGEST_PATH)
            if not self._image(process, 0, path, ctypes.byref(size)):
                raise OSError(last_error(), "Windows names no program")
            return path.value
        finally:
            self._close(process)

    def _opened(self, pid: int) -> int:
        process = self._open(_RIGHTS, 0, pid)
        if process:
            return int(process)
        error = last_error()
        kind = PermissionError if error == _ACCESS_DENIED else ProcessLookupError
        raise kind(error, "a process can't be asked")


@cache
def table() -> ProcessTable:
    """The one of this system; raises OSError where there is no Windows."""
    return ProcessTable()
