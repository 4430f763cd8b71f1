"""Which process owns the window in front, and for how long nothing was typed: no title and no text is ever asked for.

A hook tells of each change (SetWinEventHook, EVENT_SYSTEM_FOREGROUND, out of context: nothing of ours runs in another
program). Windows calls it while this thread takes its messages, and where it calls nothing, looking now and then does.
Source: Microsoft Learn, "Win32 API", the functions named below.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

from agent.windows.libraries import BOOL, DWORD, HANDLE, LONG, QWORD, callback, declare, library

_EVENT_SYSTEM_FOREGROUND: Final = 0x0003
# Out of context, and not for windows of this very process.
_HOOK_FLAGS: Final = 0x0000 | 0x0002
_PROCESS_QUERY_LIMITED: Final = 0x1000
_LONGEST_PATH: Final = 32768
_REMOVE: Final = 0x0001
_ALL_INPUT: Final = 0x04FF
_INPUT_AVAILABLE: Final = 0x0004
_TICKS: Final = 2**32
# Store apps are drawn in a frame of the system's; the app's own window in it has this class.
_FRAME: Final = "ApplicationFrameHost.exe"
_IN_FRAME: Final = "Windows.UI.Core.CoreWindow"


class _LastInput(ctypes.Structure):
    _fields_ = (("size", DWORD), ("tick", DWORD))


class _Message(ctypes.Structure):
    """MSG on 64 bits."""

    _fields_ = (
        ("window", HANDLE), ("number", DWORD), ("w", QWORD), ("l", QWORD), ("time", DWORD), ("x", LONG), ("y", LONG),
        ("private", DWORD),
    )  # fmt: skip


class Desktop:
    """This session's desktop; made, asked and closed in one thread, for a hook calls the thread that set it."""

    def __init__(self, user32: Any = None, kernel32: Any = None) -> None:
        """Raises OSError where there is no Windows."""
        self._user = library("user32") if user32 is None else user32
        self._kernel = library("kernel32") if kernel32 is None else kernel32
        user, kernel = self._user, self._kernel
        procedure = callback(None, HANDLE, DWORD, HANDLE, LONG, LONG, DWORD, DWORD)
        self._front = declare(user, "GetForegroundWindow", HANDLE)
        self._owner = declare(user, "GetWindowThreadProcessId", DWORD, HANDLE, ctypes.c_void_p)
        self._inner = declare(user, "FindWindowExW", HANDLE, HANDLE, HANDLE, ctypes.c_wchar_p, ctypes.c_wchar_p)
        self._last_input = declare(user, "GetLastInputInfo", BOOL, ctypes.c_void_p)
        self._set_hook = declare(user, "SetWinEventHook", HANDLE, DWORD, DWORD, HANDLE, procedure, DWORD, DWORD, DWORD)
        self._unhook = declare(user, "UnhookWinEvent", BOOL, HANDLE)
        self._peek = declare(user, "PeekMessageW", BOOL, ctypes.c_void_p, HANDLE, DWORD, DWORD, DWORD)
        self._dispatch = declare(user, "DispatchMessageW", ctypes.c_ssize_t, ctypes.c_void_p)
        self._tick = declare(kernel, "GetTickCount", DWORD)
        self._open = declare(kernel, "OpenProcess", HANDLE, DWORD, BOOL, DWORD)
        self._close = declare(kernel, "CloseHandle", BOOL, HANDLE)
        self._image = declare(
            kernel, "QueryFullProcessImageNameW", BOOL, HANDLE, DWORD, ctypes.c_wchar_p, ctypes.c_void_p
        )
        self._changed = True
        # Held for as long as Windows may call it.
        self._told = procedure(self._on_front)
        self._hook = self._set_hook(
            _EVENT_SYSTEM_FOREGROUND, _EVENT_SYSTEM_FOREGROUND, None, self._told, 0, 0, _HOOK_FLAGS
        )

    @property
    def is_told(self) -> bool:
        """Whether Windows took the hook, so that changes are told at once."""
        return bool(self._hook)

    def take_changes(self) -> bool:
        """Let Windows call the hook; gives whether another window came to the front since this was last asked."""
        message = _Message()
        while self._peek(ctypes.byref(message), None, 0, 0, _REMOVE):
            self._dispatch(ctypes.byref(message))
        changed, self._changed = self._changed, False
        return changed

    def executable_in_front(self) -> str | None:
        """The full path of the program whose window is in front; "" where it may not be known, None for no window."""
        window = self._front()
        if not window:
            return None
        executable = self.executable_of(self._process_of(window))
        if executable.rpartition("\\")[2].casefold() != _FRAME.casefold():
            return executable
        inner = self._inner(window, None, _IN_FRAME, None)
        return self.executable_of(self._process_of(inner)) if inner else executable

    def executable_of(self, process_id: int) -> str:
        """The full path of a process's program, "" where it may not be known; never its arguments."""
        process = self._open(_PROCESS_QUERY_LIMITED, 0, process_id)
        if not process:
            return ""
        try:
            path, size = ctypes.create_unicode_buffer(_LONGEST_PATH), DWORD(_LONGEST_PATH)
            return path.value if self._image(process, 0, path, ctypes.byref(size)) else ""
        finally:
            self._close(process)

    def idle_seconds(self) -> float:
        """For how long this session had no key, no mouse and no touch; 0.0 where Windows does not say.

        Both times are milliseconds since the start in 32 bits, which begin anew after 49 days.
        """
        last = _LastInput(ctypes.sizeof(_LastInput), 0)
        if not self._last_input(ctypes.byref(last)):
            return 0.0
        return float((self._tick() - last.tick) % _TICKS) / 1000

    def close(self) -> None:
        """Have no more told."""
        if self._hook:
            self._unhook(self._hook)
            self._hook = None

    def _process_of(self, window: int) -> int:
        process_id = DWORD()
        self._owner(window, ctypes.byref(process_id))
        return process_id.value

    def _on_front(self, *_event: object) -> None:
        self._changed = True
