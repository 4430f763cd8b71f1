"""Waits on Windows for events of pipes and for messages of windows at once, and looks into the outputs of programs.

Source: Microsoft Learn, MsgWaitForMultipleObjectsEx, PeekNamedPipe.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any, Final

from agent.windows.libraries import BOOL, DWORD, HANDLE, declare, library

_FOR_EVER: Final = 0xFFFFFFFF
_ALL_INPUT: Final = 0x04FF
_INPUT_AVAILABLE: Final = 0x0004
# A program's output can't be waited for on Windows, nor that a pipe takes more: how often those are looked at.
LOOK_SECONDS: Final = 0.25


def wait(events: Sequence[int], seconds: float | None, *, looks: bool = False, user32: Any = None) -> None:
    """Wait until an event is told, a message comes (a hook's, too), or for so long; None is for ever.

    `looks`: there is something besides that can only be looked at.
    """
    user = library("user32") if user32 is None else user32
    waits = declare(user, "MsgWaitForMultipleObjectsEx", DWORD, DWORD, ctypes.c_void_p, DWORD, DWORD, DWORD)
    if looks:
        seconds = LOOK_SECONDS if seconds is None else min(seconds, LOOK_SECONDS)
    longest = _FOR_EVER if seconds is None else min(int(1000 * seconds) + 1, _FOR_EVER - 1)
    handles = (HANDLE * len(events))(*events)
    waits(len(events), handles, longest, _ALL_INPUT, _INPUT_AVAILABLE)


def has_come(descriptor: int, kernel32: Any = None) -> bool:
    """Whether the pipe behind a descriptor has something to read, or its other end has gone."""
    kernel = library("kernel32") if kernel32 is None else kernel32
    peek = declare(
        kernel, "PeekNamedPipe", BOOL, HANDLE, ctypes.c_void_p, DWORD, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
    )
    there = DWORD()
    # It fails once the other end has gone, which is something to read: nothing.
    return not peek(_handle_of(descriptor), None, 0, None, ctypes.byref(there), None) or there.value > 0


def _handle_of(descriptor: int) -> int:
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.get_osfhandle(descriptor)
    return descriptor
