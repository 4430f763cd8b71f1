"""Draws the notice with nothing but the X display's own fonts, where Python comes without Tk."""

from __future__ import annotations

import select
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from Xlib import XK, X, Xutil
from Xlib.display import Display

from agent.notice import Notice
from agent.session.showing import MORE_WORDS, Opener, Sheet

# The display's scalable or bitmap fonts, preferred first; every X server has "fixed".
BODY_FONTS: Final = (
    "-*-nimbus sans-medium-r-normal--16-*-*-*-*-*-iso8859-1",
    "-*-nimbus sans-regular-r-normal--16-*-*-*-*-*-iso8859-1",
    "-*-helvetica-medium-r-normal--14-*-*-*-*-*-iso8859-1",
    "-misc-fixed-medium-r-normal--15-*-*-*-*-*-iso8859-1",
    "fixed",
)
BOLD_FONTS: Final = (
    "-*-nimbus sans-bold-r-normal--18-*-*-*-*-*-iso8859-1",
    "-*-helvetica-bold-r-normal--17-*-*-*-*-*-iso8859-1",
    "-misc-fixed-bold-r-normal--15-*-*-*-*-*-iso8859-1",
    "fixed",
)
WIDTH: Final = 900
SMALL_WIDTH: Final = 440
MARGIN: Final = 28
COLUMN: Final = 212
COLUMNS: Final = (640, 755, WIDTH - MARGIN)  # where the other columns of a table end
CELL_CHARS: Final = 44
SCROLL_PIXELS: Final = 60
# The display's fonts have Latin-1 alone.
_PLAIN_SIGNS: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "…": "...", "·": "-"})
_INK, _PAPER, _ACCENT, _WHITE = 0x1D2B33, 0xFFFFFF, 0x0F5257, 0xFFFFFF


class _Font:
    """One of the display's fonts, with the width of each letter known beforehand."""

    def __init__(self, display: Any, names: tuple[str, ...]) -> None:
        self.font = next(font for name in names if (font := _opened(display, name)) is not None)
        asked = self.font.query()
        self.ascent = int(asked.font_ascent)
        self.height = int(asked.font_ascent) + int(asked.font_descent) + 5
        self._first = int(asked.min_char_or_byte2)
        self._widths = [int(info.character_width) for info in asked.char_infos]
        self._usual = int(asked.max_bounds.character_width)

    def width(self, words: str) -> int:
        return sum(self._letter(letter) for letter in _latin(words))

    def _letter(self, letter: int) -> int:
        place = letter - self._first
        return self._widths[place] if 0 <= place < len(self._widths) else self._usual

    def folded(self, words: str, width: int) -> list[str]:
        lines, line = [], ""
        for word in words.split():
            longer = f"{line} {word}" if line else word
            if line and self.width(longer) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        return [*lines, line]


def _latin(words: str) -> bytes:
    return words.translate(_PLAIN_SIGNS).encode("latin-1", "replace")


def _opened(display: Any, name: str) -> Any | None:
    return display.open_font(name) if display.list_fonts(name, 1) else None


def show(sheet: Sheet, say_shown: Callable[[], None], say_acknowledged: Callable[[], None] = lambda: None) -> None:
    """Show the sheet until a click, Escape or Return closes it; raises `DisplayError` where there is no display.

    Where it can be acknowledged, F2 does so: no key that somebody types on with as the window comes up.
    """
    display: Any = Display()
    try:
        if _Plain(display, sheet).run(say_shown):
            say_acknowledged()
    finally:
        display.close()


class _Plain:
    """The window, its words laid out once, drawn at each Expose."""

    def __init__(self, display: Any, sheet: Sheet) -> None:
        self._display = display
        self._sheet = sheet
        self._opener = Opener(sheet.more)
        self._body, self._bold = _Font(display, BODY_FONTS), _Font(display, BOLD_FONTS)
        screen = display.screen()
        self._width = SMALL_WIDTH if sheet.small else WIDTH
        self._lines, self._head_height, self._height = self._laid_out(sheet.notice)
        height = min(self._height, int(screen.height_in_pixels * 0.92))
        self._offset, self._most_offset = 0, self._height - height
        left = max(0, (screen.width_in_pixels - self._width) // 2)
        top = max(0, (screen.height_in_pixels - height) // 2)
        self._window = screen.root.create_window(
            left, top, self._width, height, 0, screen.root_depth, background_pixel=_PAPER,
            event_mask=X.ExposureMask | X.KeyPressMask | X.ButtonPressMask | X.VisibilityChangeMask,
        )  # fmt: skip
        self._close = display.intern_atom("WM_DELETE_WINDOW")
        self._window.set_wm_name("Fairwatch")
        self._window.set_wm_class("fairwatch", "Fairwatch")
        self._window.set_wm_protocols([self._close])
        self._window.set_wm_normal_hints(flags=Xutil.PPosition | Xutil.PSize)

    def _laid_out(self, notice: Notice) -> tuple[list[tuple[str, _Font, int, int, int]], int, int]:
        """Each line as words, font, colour, left and baseline; the coloured head's height; the whole height."""
        lines: list[tuple[str, _Font, int, int, int]] = []
        room = self._width - 2 * MARGIN
        top = MARGIN - 6

        def put(words: str, font: _Font, colour: int, indent: int = 0) -> None:
            nonlocal top
            for line in font.folded(words, room - indent):
                lines.append((line, font, colour, MARGIN + indent, top + font.ascent))
                top += font.height

        put(notice.title, self._bold, _WHITE)
        top += 6
        put(notice.introduction, self._body, _WHITE)
        head = top + 14
        top = head + 4
        for section in notice.sections:
            top += 12
            lines.append((section.heading, self._bold, _ACCENT, MARGIN, top + self._body.ascent))
            for place, row in enumerate(section.rows):
                font = self._bold if place == 0 else self._body
                indent = 14 if row[0].startswith(" ") else 0
                cells = [(row[0].strip()[:CELL_CHARS], MARGIN + COLUMN + indent)]
                cells += [(words, right - font.width(words)) for words, right in zip(row[1:], COLUMNS, strict=False)]
                lines += [(words, font, _INK, left, top + font.ascent) for words, left in cells]
                top += self._body.height
            for words in section.lines:
                lines.append(("-", self._body, _INK, MARGIN + COLUMN, top + self._body.ascent))
                put(words, self._body, _INK, indent=COLUMN + 14)
        top += 14
        closing = "Click, or press Escape or Return, to close this window. The wheel or the arrow keys scroll it."
        if self._sheet.acknowledge:
            closing = "Press F2 to say that you have read it. " + closing.replace("to close this window", "for later")
        if self._sheet.more:
            closing = f"Press F3: {MORE_WORDS}. {closing}"
        put(closing, self._body, _ACCENT)
        return lines, head, top + MARGIN - 10

    def run(self, say_shown: Callable[[], None]) -> bool:
        """Show it until it is closed; gives whether it was acknowledged."""
        limit = self._sheet.closes_after_seconds
        ends = monotonic() + limit if limit else None
        self._window.map()
        self._display.flush()
        hidden, told = False, False
        while True:
            if not self._display.pending_events():
                left = None if ends is None else ends - monotonic()
                if left is not None and left <= 0:
                    return False
                select.select([self._display.fileno()], [], [], left)
                continue
            event = self._display.next_event()
            if event.type == X.VisibilityNotify:
                hidden = event.state == X.VisibilityFullyObscured
            if event.type == X.Expose and event.count == 0:
                self._draw()
                if not told and not hidden:
                    told = True
                    say_shown()
            if self._acknowledges(event):
                return True
            if self._closes(event):
                return False
            if self._sheet.more and self._is_key(event, XK.XK_F3):
                self._opener.open()
            self._scroll(event)

    def _acknowledges(self, event: Any) -> bool:
        return self._sheet.acknowledge and self._is_key(event, XK.XK_F2)

    def _is_key(self, event: Any, key: int) -> bool:
        return event.type == X.KeyPress and bool(self._display.keycode_to_keysym(event.detail, 0) == key)

    def _closes(self, event: Any) -> bool:
        if event.type == X.ClientMessage:
            return bool(event.data[1][0] == self._close)
        if event.type == X.KeyPress:
            return self._display.keycode_to_keysym(event.detail, 0) in (XK.XK_Escape, XK.XK_Return)
        return bool(event.type == X.ButtonPress and event.detail == X.Button1)

    def _scroll(self, event: Any) -> None:
        """Move the words with the wheel (buttons 4 and 5) or the arrow keys, where the screen is too low for them."""
        down = 0
        if event.type == X.ButtonPress:
            down = {X.Button4: -1, X.Button5: 1}.get(event.detail, 0)
        elif event.type == X.KeyPress:
            key = self._display.keycode_to_keysym(event.detail, 0)
            down = {XK.XK_Up: -1, XK.XK_Down: 1, XK.XK_Prior: -8, XK.XK_Next: 8}.get(key, 0)
        offset = max(0, min(self._most_offset, self._offset + down * SCROLL_PIXELS))
        if offset != self._offset:
            self._offset = offset
            self._window.clear_area()
            self._draw()

    def _draw(self) -> None:
        context = self._window.create_gc(foreground=_ACCENT)
        self._window.fill_rectangle(context, 0, -self._offset, self._width, self._head_height)
        for words, font, colour, left, base in self._lines:
            context.change(foreground=colour, font=font.font)
            self._window.draw_text(context, left, base - self._offset, _latin(words))
        context.free()
        self._display.sync()
