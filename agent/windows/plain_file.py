"""Opens a file to read as a guest: no link is followed, and its owner may write, move or delete it meanwhile.

What stops whom: a person who puts a link in the place of a history would else have the service, which may read
everything, read another's; and a pipe in its place could act as whoever opens it. Source: Microsoft Learn, CreateFileW,
GetFileType, GetFileInformationByHandle.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path
from typing import Any, Final

from agent.windows.libraries import BOOL, DWORD, HANDLE, INVALID_HANDLE, declare, last_error, library

_READ: Final = 0x80000000
_SHARED: Final = 0x1 | 0x2 | 0x4
_EXISTING: Final = 3
# The link itself, and not where it leads; and who it is may be learnt by what is opened, but nothing be done with it.
_FLAGS: Final = 0x00200000 | 0x00100000 | 0x00010000
_ON_DISK: Final = 1
_LINK: Final = 0x400
_NOT_FOUND: Final = frozenset((2, 3))


class _Told(ctypes.Structure):
    """BY_HANDLE_FILE_INFORMATION."""

    _fields_ = (("attributes", DWORD), ("rest", DWORD * 12))


class PlainFiles:
    """Opens plain files."""

    def __init__(self, kernel32: Any = None) -> None:
        """Raises OSError where there is no Windows."""
        kernel = library("kernel32") if kernel32 is None else kernel32
        pointer = ctypes.c_void_p
        self._open = declare(
            kernel, "CreateFileW", HANDLE, ctypes.c_wchar_p, DWORD, DWORD, pointer, DWORD, DWORD, HANDLE
        )
        self._kind = declare(kernel, "GetFileType", DWORD, HANDLE)
        self._tell = declare(kernel, "GetFileInformationByHandle", BOOL, HANDLE, pointer)
        self._close = declare(kernel, "CloseHandle", BOOL, HANDLE)

    def handle(self, path: str) -> int:
        """The handle of a plain file; raises FileNotFoundError, and OSError for whatever else is there."""
        handle = self._open(path, _READ, _SHARED, None, _EXISTING, _FLAGS, None)
        if handle in (None, INVALID_HANDLE):
            error = last_error()
            if error in _NOT_FOUND:
                raise FileNotFoundError(errno.ENOENT, "there is no such file")
            raise PermissionError(errno.EACCES, f"Windows does not open it (error {error})")
        told = _Told()
        # In this order: only what lies on a disk has attributes.
        if self._kind(handle) != _ON_DISK or not self._tell(handle, ctypes.byref(told)) or told.attributes & _LINK:
            self._close(handle)
            raise OSError(errno.ELOOP, "it is no plain file")
        return int(handle)


def descriptor(path: Path) -> int:
    """A descriptor of a plain file, to read; raises like `PlainFiles.handle`."""
    handle = PlainFiles().handle(str(path))
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)
    return handle
