"""The functions of Windows by which a plain window of its own controls is made, with their types and numbers.

Source: Microsoft Learn, "Windows and Messages", "Edit Controls", "Buttons", "Keyboard Input" (IsDialogMessageW).
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

from agent.windows.libraries import BOOL, DWORD, HANDLE, LONG, WORD, callback, declare, library

RESULT = ctypes.c_ssize_t
WORDS = ctypes.c_wchar_p
PROCEDURE: Final = (RESULT, HANDLE, DWORD, ctypes.c_size_t, RESULT)

WM_DESTROY, WM_SIZE, WM_CLOSE, WM_SETFONT, WM_NEXTDLGCTL = 0x0002, 0x0005, 0x0010, 0x0030, 0x0028
WM_COMMAND, WM_TIMER, WM_CTLCOLORSTATIC, EM_SETTABSTOPS = 0x0111, 0x0113, 0x0138, 0x00CB
OVERLAPPED_WINDOW, CHILD, VISIBLE, SCROLLS, TAB_STOP = 0x00CF0000, 0x40000000, 0x10000000, 0x00200000, 0x00010000
# Several lines, and only to be read.
EDIT_TO_READ: Final = 0x0004 | 0x0800
# An ampersand is an ampersand, and underlines no letter.
STATIC_AS_IT_IS: Final = 0x0080
BUTTON, DEFAULT_BUTTON = 0x0, 0x1
CLIP_CHILDREN: Final = 0x02000000
# In front of all others, so that it can be seen; found by no accident behind the one that is typed in.
TOPMOST: Final = 0x00000008
OK, CANCEL = 1, 2
_COLOUR_OF_WINDOW: Final = 5
_ARROW: Final = 32512
_WORK_AREA: Final = 0x0030
_PIXELS_AN_INCH: Final = 90
USUAL_PIXELS_AN_INCH: Final = 96
_BOLD, _USUAL = 700, 400
_SHOW: Final = 1
_NO_ORDER_NO_FOCUS: Final = 0x0004 | 0x0010


class Rectangle(ctypes.Structure):
    """RECT."""

    _fields_ = tuple((name, LONG) for name in ("left", "top", "right", "bottom"))


class Message(ctypes.Structure):
    """MSG."""

    _fields_ = (
        ("window", HANDLE), ("message", DWORD), ("first", ctypes.c_size_t), ("second", RESULT), ("time", DWORD),
        ("x", LONG), ("y", LONG), ("_", DWORD),
    )  # fmt: skip


class WindowClass(ctypes.Structure):
    """WNDCLASSEXW."""

    _fields_ = (
        ("size", DWORD), ("style", DWORD), ("procedure", ctypes.c_void_p), ("class_extra", LONG),
        ("window_extra", LONG), ("instance", HANDLE), ("icon", HANDLE), ("cursor", HANDLE), ("brush", HANDLE),
        ("menu", WORDS), ("name", WORDS), ("small_icon", HANDLE),
    )  # fmt: skip


class Controls:
    """Windows' functions for windows."""

    def __init__(self) -> None:
        """Raises OSError where there is no Windows."""
        user, gdi, kernel = library("user32"), library("gdi32"), library("kernel32")
        pointer = ctypes.c_void_p
        self.procedure_type = callback(*PROCEDURE)
        self.default = declare(user, "DefWindowProcW", *PROCEDURE)
        self.send = declare(user, "SendMessageW", RESULT, HANDLE, DWORD, ctypes.c_size_t, pointer)
        self.destroy = declare(user, "DestroyWindow", BOOL, HANDLE)
        self.quit = declare(user, "PostQuitMessage", None, LONG)
        self.show = declare(user, "ShowWindow", BOOL, HANDLE, LONG)
        self.is_visible = declare(user, "IsWindowVisible", BOOL, HANDLE)
        self.is_minimised = declare(user, "IsIconic", BOOL, HANDLE)
        self.to_front = declare(user, "SetForegroundWindow", BOOL, HANDLE)
        self.focus = declare(user, "SetFocus", HANDLE, HANDLE)
        self.focused = declare(user, "GetFocus", HANDLE)
        self.next_stop = declare(user, "GetNextDlgTabItem", HANDLE, HANDLE, HANDLE, BOOL)
        self.timer = declare(user, "SetTimer", ctypes.c_size_t, HANDLE, ctypes.c_size_t, DWORD, pointer)
        self.colour = declare(user, "GetSysColorBrush", HANDLE, LONG)
        self._register = declare(user, "RegisterClassExW", WORD, pointer)
        self._create = declare(
            user, "CreateWindowExW", HANDLE, DWORD, WORDS, WORDS, DWORD, LONG, LONG, LONG, LONG, HANDLE, HANDLE, HANDLE,
            pointer,
        )  # fmt: skip
        self._place = declare(user, "SetWindowPos", BOOL, HANDLE, HANDLE, LONG, LONG, LONG, LONG, DWORD)
        self._inside = declare(user, "GetClientRect", BOOL, HANDLE, pointer)
        self._cursor = declare(user, "LoadCursorW", HANDLE, HANDLE, pointer)
        self._parameter = declare(user, "SystemParametersInfoW", BOOL, DWORD, DWORD, pointer, DWORD)
        self._next = declare(user, "GetMessageW", BOOL, pointer, HANDLE, DWORD, DWORD)
        self._for_keys = declare(user, "IsDialogMessageW", BOOL, HANDLE, pointer)
        self._translate = declare(user, "TranslateMessage", BOOL, pointer)
        self._dispatch = declare(user, "DispatchMessageW", RESULT, pointer)
        self._sharp = declare(user, "SetProcessDPIAware", BOOL)
        self._screen = declare(user, "GetDC", HANDLE, HANDLE)
        self._release = declare(user, "ReleaseDC", LONG, HANDLE, HANDLE)
        self._measure = declare(gdi, "GetDeviceCaps", LONG, HANDLE, LONG)
        self._font = declare(gdi, "CreateFontW", HANDLE, *(LONG,) * 5, *(DWORD,) * 8, WORDS)
        self._module = declare(kernel, "GetModuleHandleW", HANDLE, WORDS)
        self._sharp()

    def scale(self) -> float:
        """How many pixels of the screen go into one of the sheet's: text is as large as the person set it."""
        screen = self._screen(None)
        try:
            return max(1.0, int(self._measure(screen, _PIXELS_AN_INCH)) / USUAL_PIXELS_AN_INCH)
        finally:
            self._release(None, screen)

    def work_area(self) -> Rectangle:
        """The part of the screen that no bar of Windows lies over."""
        area = Rectangle(0, 0, 800, 600)
        self._parameter(_WORK_AREA, 0, ctypes.byref(area), 0)
        return area

    def font(self, pixels: int, *, bold: bool = False) -> int:
        """Windows' own typeface."""
        return int(self._font(-pixels, 0, 0, 0, _BOLD if bold else _USUAL, 0, 0, 0, 1, 0, 0, 5, 0, "Segoe UI") or 0)

    def register(self, name: str, procedure: Any) -> None:
        """Make a class of windows in the person's own colours; raises OSError."""
        made = WindowClass(
            size=ctypes.sizeof(WindowClass),
            procedure=ctypes.cast(procedure, ctypes.c_void_p),
            instance=self._module(None),
            cursor=self._cursor(None, _ARROW),
            brush=_COLOUR_OF_WINDOW + 1,
            name=name,
        )
        if not self._register(ctypes.byref(made)):
            raise OSError("no window can be made")

    def window(self, name: str, title: str, area: tuple[int, int, int, int]) -> int:
        """Make a window at left, top, width and height; raises OSError."""
        style = OVERLAPPED_WINDOW | CLIP_CHILDREN
        made = self._create(TOPMOST, name, title, style, *area, None, None, self._module(None), None)
        if not made:
            raise OSError("no window can be made")
        return int(made)

    def control(self, parent: int, kind: str, words: str, style: int, number: int, font: int) -> int:
        """Make a control in a window; its place comes later."""
        style |= CHILD | VISIBLE
        made = self._create(0, kind, words, style, 0, 0, 0, 0, parent, number, self._module(None), None)
        self.send(made, WM_SETFONT, font, 1)
        return int(made or 0)

    def place(self, control: int, left: int, top: int, width: int, height: int) -> None:
        """Put a control in its place."""
        self._place(control, None, left, top, max(0, width), max(0, height), _NO_ORDER_NO_FOCUS)

    def inside(self, window: int) -> tuple[int, int]:
        """The width and height within a window's frame."""
        area = Rectangle()
        self._inside(window, ctypes.byref(area))
        return area.right, area.bottom

    def background(self) -> int:
        """The colour that the person has windows in."""
        return int(self.colour(_COLOUR_OF_WINDOW) or 0)

    def bring(self, window: int) -> None:
        """Show a window in front of the others."""
        self.show(window, _SHOW)
        self.to_front(window)

    def turn(self, window: int) -> None:
        """Go round until the window was closed; keys go from one control to the next."""
        message = Message()
        while self._next(ctypes.byref(message), None, 0, 0) > 0:
            if not self._for_keys(window, ctypes.byref(message)):
                self._translate(ctypes.byref(message))
                self._dispatch(ctypes.byref(message))
