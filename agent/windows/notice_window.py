"""The window in which a person reads the notice on Windows: Windows' own controls, since its Python comes without Tk.

The words stand in a control for text, which scrolls, is read aloud by screen readers and follows the person's own
colours and sizes. It is called shown only while the session is the one in front of the screen, and not locked.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

from agent.notice import Notice
from agent.session.showing import MORE_WORDS, Opener, Sheet
from agent.windows import controls
from agent.windows.controls import Controls
from agent.windows.presence import IsActive, is_active_session

CLASS: Final = "FairwatchNotice"
WIDTH, HEIGHT, SMALL_WIDTH, SMALL_HEIGHT = 900, 1000, 440, 230
MARGIN, BUTTON_WIDTH, BUTTON_HEIGHT, GAP = 20, 190, 36, 10
TITLE_PIXELS, SMALL_TITLE_PIXELS, BODY_PIXELS = 24, 18, 15
# Where a table's columns end, in quarters of a letter's width; a first cell has room for so many letters before them.
COLUMNS: Final = (210, 260, 310)
CELL_CHARS: Final = 48
# How much of the screen's height it takes at most.
MOST: Final = 0.92
LOOK_MILLISECONDS: Final = 250
ACKNOWLEDGE, OPEN, MORE, TEXT, TITLE = 100, 101, 102, 200, 201
_LOOK, _CLOSE = 1, 2


def show(sheet: Sheet, shown: Callable[[], None], acknowledged: Callable[[], None]) -> None:
    """Show a sheet until it is closed, and call back when it can be seen or its button was pressed.

    Raises OSError where no window can be shown.
    """
    NoticeWindow(sheet, shown, acknowledged).run()


def words_of(notice: Notice) -> str:
    """The words under the title, one paragraph a line, as a control for text takes them."""
    said = [notice.introduction]
    for section in notice.sections:
        said += ["", section.heading]
        said += ["\t".join((f"{row[0]:.{CELL_CHARS}}", *row[1:])) for row in section.rows]
        said += [f"\u2022 {line}" for line in section.lines]
    if notice.version and notice.sections:
        said += ["", f"Fairwatch \u00b7 notice {notice.version}"]
    return "\r\n".join(said)


def buttons_of(sheet: Sheet) -> list[tuple[int, str]]:
    """The buttons from right to left, each with its number."""
    if sheet.acknowledge:
        opens = [(OPEN, "Open it")] if sheet.opens else []
        return [(ACKNOWLEDGE, "I have read it"), (controls.CANCEL, "Later"), *opens]
    more = [(MORE, MORE_WORDS)] if sheet.more else []
    return [(controls.CANCEL, "Close"), *more]


def area_of(sheet: Sheet, work: tuple[int, int, int, int], scale: float) -> tuple[int, int, int, int]:
    """Left, top, width and height: in the middle of the free part of the screen, a reminder in its corner."""
    left, top, right, bottom = work
    wanted = (SMALL_WIDTH, SMALL_HEIGHT) if sheet.small else (WIDTH, HEIGHT)
    width = min(round(wanted[0] * scale), right - left)
    height = min(round(wanted[1] * scale), int(MOST * (bottom - top)))
    if sheet.small:
        edge = round(MARGIN * scale)
        return max(left, right - width - edge), top + edge, width, height
    return (left + right - width) // 2, (top + bottom - height) // 2, width, height


class NoticeWindow:
    """One window, made hidden; `run` shows it."""

    def __init__(
        self,
        sheet: Sheet,
        shown: Callable[[], None],
        acknowledged: Callable[[], None],
        is_active: IsActive | None = None,
    ) -> None:
        """`is_active()` says whether this session is in front and unlocked. Raises OSError."""
        self._sheet, self._say_shown, self._say_acknowledged = sheet, shown, acknowledged
        self._opener = Opener(sheet.more)
        self._is_active = is_active or is_active_session()
        self._told = False
        self._buttons: list[int] = []
        self._calls = calls = Controls()
        self._scale = scale = calls.scale()
        # Held for as long as Windows may call it.
        self._procedure = calls.procedure_type(self._on_message)
        calls.register(CLASS, self._procedure)
        work = calls.work_area()
        area = area_of(sheet, (work.left, work.top, work.right, work.bottom), scale)
        self._window = window = calls.window(CLASS, "Fairwatch", area)
        body = calls.font(round(BODY_PIXELS * scale))
        title = calls.font(round((SMALL_TITLE_PIXELS if sheet.small else TITLE_PIXELS) * scale), bold=True)
        self._title = calls.control(window, "STATIC", sheet.notice.title, controls.STATIC_AS_IT_IS, TITLE, title)
        style = controls.EDIT_TO_READ | controls.TAB_STOP | (0 if sheet.small else controls.SCROLLS)
        self._text = calls.control(window, "EDIT", words_of(sheet.notice), style, TEXT, body)
        stops = (ctypes.c_int32 * len(COLUMNS))(*COLUMNS)
        calls.send(self._text, controls.EM_SETTABSTOPS, len(COLUMNS), ctypes.addressof(stops))
        self._buttons = [
            calls.control(window, "BUTTON", words, controls.BUTTON | controls.TAB_STOP, number, body)
            for number, words in buttons_of(sheet)
        ]
        self._lay_out()

    def run(self) -> None:
        """Show it until it is closed."""
        self._calls.timer(self._window, _LOOK, LOOK_MILLISECONDS, None)
        if self._sheet.closes_after_seconds:
            self._calls.timer(self._window, _CLOSE, 1000 * self._sheet.closes_after_seconds, None)
        self._calls.bring(self._window)
        # On no button: whoever types on as the window comes up must not have pressed any by it.
        self._calls.focus(self._text)
        self._calls.turn(self._window)

    def _on_message(self, window: int, message: int, first: int, second: int) -> int:
        calls = self._calls
        match message:
            case controls.WM_SIZE:
                self._lay_out()
            case controls.WM_COMMAND:
                self._pressed(first & 0xFFFF)
            case controls.WM_TIMER:
                self._on_time(first)
            case controls.WM_NEXTDLGCTL:
                calls.focus(calls.next_stop(window, calls.focused(), first))
            case controls.WM_CTLCOLORSTATIC:
                return calls.background()
            case controls.WM_CLOSE:
                calls.destroy(window)
            case controls.WM_DESTROY:
                calls.quit(0)
            case _:
                return int(calls.default(window, message, first, second))
        return 0

    def _pressed(self, number: int) -> None:
        match number:
            case controls.CANCEL:
                self._calls.destroy(self._window)
            case controls.OK if not self._sheet.acknowledge:
                self._calls.destroy(self._window)
            case _ if number == ACKNOWLEDGE:
                self._say_acknowledged()
                self._calls.destroy(self._window)
            case _ if number == OPEN:
                import webbrowser

                webbrowser.open(self._sheet.opens)
            case _ if number == MORE:
                self._opener.open()

    def _on_time(self, timer: int) -> None:
        if timer == _CLOSE:
            self._calls.destroy(self._window)
        elif not self._told and self._is_seen():
            self._told = True
            self._say_shown()

    def _is_seen(self) -> bool:
        calls = self._calls
        return bool(calls.is_visible(self._window)) and not calls.is_minimised(self._window) and self._is_active()

    def _lay_out(self) -> None:
        """The title above, the words in the middle, the buttons below, from the right."""
        if not self._buttons:
            return  # the window's first size comes before its controls
        width, height = self._calls.inside(self._window)
        margin, gap, high = (round(size * self._scale) for size in (MARGIN, GAP, BUTTON_HEIGHT))
        title = round(1.5 * self._scale * (SMALL_TITLE_PIXELS if self._sheet.small else TITLE_PIXELS))
        inner = width - 2 * margin
        self._calls.place(self._title, margin, margin, inner, title)
        top, below = margin + title + gap, height - margin - high
        self._calls.place(self._text, margin, top, inner, below - gap - top)
        wide, right = round(BUTTON_WIDTH * self._scale), width - margin
        for button in self._buttons:
            right -= wide
            self._calls.place(button, right, below, wide, high)
            right -= gap
