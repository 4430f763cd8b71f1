"""Whether this session is the one in front of the screen and unlocked: who was switched away uses nothing.

Remote desktop is a session of its own and active while its client is connected, so it counts for its own person.
Source: Microsoft Learn, WTSQuerySessionInformationW, WTSINFOEX_LEVEL1_W, WTS_CONNECTSTATE_CLASS.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

from agent.windows.libraries import BOOL, DWORD, HANDLE, LONG, declare, library

_THIS_SESSION: Final = 0xFFFFFFFF
_CONNECT_STATE: Final = 8
_INFO_EX: Final = 25
_ACTIVE: Final = 0
_LOCKED: Final = 0
_LEVEL: Final = 1

IsActive = Callable[[], bool]


class _InfoEx(ctypes.Structure):
    """The first fields of WTSINFOEXW with its level 1, which begins on 8 bytes."""

    _fields_ = (("level", DWORD), ("_", DWORD), ("session", DWORD), ("state", LONG), ("flags", LONG))


def is_active_session(wtsapi32: Any = None) -> IsActive:
    """A question that says whether this session is active and not locked now.

    It says yes where Windows does not say, as there is nothing else to go by. Raises OSError where there is no Windows.
    """
    wts = library("wtsapi32") if wtsapi32 is None else wtsapi32
    query = declare(wts, "WTSQuerySessionInformationW", BOOL, HANDLE, DWORD, LONG, ctypes.c_void_p, ctypes.c_void_p)
    free = declare(wts, "WTSFreeMemory", None, ctypes.c_void_p)

    def asked(kind: int, size_bytes: int) -> bytes | None:
        answer, size = ctypes.c_void_p(), DWORD()
        if not query(None, _THIS_SESSION, kind, ctypes.byref(answer), ctypes.byref(size)) or not answer.value:
            return None
        try:
            return ctypes.string_at(answer.value, size_bytes) if size.value >= size_bytes else None
        finally:
            free(answer)

    def is_active() -> bool:
        told = asked(_INFO_EX, ctypes.sizeof(_InfoEx))
        if told is not None:
            info = _InfoEx.from_buffer_copy(told)
            if info.level == _LEVEL:
                return bool(info.state == _ACTIVE and info.flags != _LOCKED)
        state = asked(_CONNECT_STATE, 4)
        return state is None or int.from_bytes(state, "little") == _ACTIVE

    return is_active
