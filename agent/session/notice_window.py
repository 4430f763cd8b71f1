"""The window in which a person reads the notice: with Tk where Python has it, else drawn on the X display itself.

On Windows it is one of Windows' own controls (`agent/windows/notice_window.py`).

A process of its own, which ends when the window is closed, so that the session part stays small. It reads a `Sheet` on
standard input and says "shown" on standard output once the window can be seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from agent.session.showing import ACKNOWLEDGED_WORD, MORE_WORDS, SHOWN_WORD, Opener, Sheet

if TYPE_CHECKING:
    import tkinter

PAPER: Final = "#ffffff"
INK: Final = "#1d2b33"
FAINT: Final = "#5c6b73"
ACCENT: Final = "#0f5257"
ON_ACCENT: Final = "#ffffff"
ON_ACCENT_FAINT: Final = "#d5e5e4"
# Preferred first; all of them draw British English well.
FONTS: Final = ("Inter", "Noto Sans", "Cantarell", "Ubuntu", "Open Sans", "Liberation Sans", "DejaVu Sans", "Helvetica")
WIDTH: Final = 900
# Where the words begin, beside their headings; and where they begin after the bullet.
COLUMN: Final = 200
HANG: Final = 16
SMALL_WIDTH: Final = 440
# Where the other columns of a table end; a first cell has room for so many letters before them.
COLUMNS: Final = (600, 710, 820)
CELL_CHARS: Final = 48
# For whom there is no mouse: the words may be longer than the screen is high.
SCROLL_KEYS: Final[tuple[tuple[str, int, Literal["units", "pages"]], ...]] = (
    ("Down", 2, "units"), ("Up", -2, "units"), ("Next", 1, "pages"), ("Prior", -1, "pages"),
    ("Home", -1000, "pages"), ("End", 1000, "pages"),
)  # fmt: skip


def main() -> int:
    """Show the sheet from standard input; gives 0 once it was closed, 1 where no window could be shown."""
    sheet = msgspec.json.decode(sys.stdin.buffer.read(), type=Sheet)
    return 0 if show(sheet, say_shown, say_acknowledged) else 1


def show(
    sheet: Sheet, shown: Callable[[], None] = lambda: None, acknowledged: Callable[[], None] = lambda: None
) -> bool:
    """Show a sheet until it is closed, and call back when it can be seen or its button was pressed.

    Gives False where no window could be shown.
    """
    if sys.platform == "win32":
        from agent.windows import notice_window as of_windows

        try:
            of_windows.show(sheet, shown, acknowledged)
        except OSError:
            return False
        return True
    try:
        import tkinter
    except ImportError:
        return _plainly(sheet, shown, acknowledged)
    try:
        root = tkinter.Tk(className="Fairwatch")
    except tkinter.TclError:
        return _plainly(sheet, shown, acknowledged)
    _TkWindow(root, sheet, shown, acknowledged).run()
    return True


def _plainly(sheet: Sheet, shown: Callable[[], None], acknowledged: Callable[[], None]) -> bool:
    from Xlib.error import DisplayError

    from agent.session import plain_window

    try:
        plain_window.show(sheet, shown, acknowledged)
    except (DisplayError, OSError):
        return False
    return True


def say_shown() -> None:
    """Tell the session part that the window can be seen."""
    sys.stdout.buffer.write(SHOWN_WORD + b"\n")
    sys.stdout.buffer.flush()


def say_acknowledged() -> None:
    """Tell the session part that the person said that they have read it."""
    sys.stdout.buffer.write(ACKNOWLEDGED_WORD + b"\n")
    sys.stdout.buffer.flush()


class _TkWindow:
    """The notice as a sheet: a coloured head with the title, the sections below, one button."""

    def __init__(
        self, root: tkinter.Tk, sheet: Sheet, shown: Callable[[], None], acknowledged: Callable[[], None]
    ) -> None:
        from tkinter import font

        self._root = root
        self._sheet = sheet
        self._say_shown, self._say_acknowledged = shown, acknowledged
        self._opener = Opener(sheet.more)
        self._told = False
        self._width = SMALL_WIDTH if sheet.small else WIDTH
        known = set(font.families(root))
        family = next((name for name in FONTS if name in known), "TkDefaultFont")
        # Negative sizes are pixels: the sheet's measures are pixels too, so that the two agree on any display.
        self._fonts = {
            "title": font.Font(root, family=family, size=-18 if sheet.small else -26, weight="bold"),
            "heading": font.Font(root, family=family, size=-15, weight="bold"),
            "body": font.Font(root, family=family, size=-15),
            "foot": font.Font(root, family=family, size=-12),
        }
        root.title("Fairwatch")
        root.configure(background=PAPER)
        root.withdraw()
        self._head()
        self._foot()
        if sheet.notice.sections:
            self._body()
        self._place()

    def run(self) -> None:
        """Show it until it is closed."""
        self._root.bind("<Visibility>", self._seen)
        self._root.bind("<Escape>", lambda _: self._root.destroy())
        for key, amount, unit in SCROLL_KEYS:
            self._root.bind(f"<{key}>", self._scrolls(amount, unit))
        if not self._sheet.acknowledge:
            self._root.bind("<Return>", lambda _: self._root.destroy())
        if self._sheet.closes_after_seconds:
            self._root.after(self._sheet.closes_after_seconds * 1000, self._root.destroy)
        self._root.deiconify()
        self._root.lift()
        self._root.mainloop()

    def _scrolls(self, amount: int, unit: Literal["units", "pages"]) -> Callable[[tkinter.Event[Any]], None]:
        def scroll(_: tkinter.Event[Any]) -> None:
            if self._sheet.notice.sections:
                self._text.yview_scroll(amount, unit)

        return scroll

    def _seen(self, event: tkinter.Event[Any]) -> None:
        """Say once that it can be seen: not while it lies wholly under other windows, such as a locked screen."""
        if self._told or str(event.state) == "VisibilityFullyObscured":
            return
        self._told = True
        self._root.after_idle(self._say_shown)

    def _head(self) -> None:
        import tkinter

        head = tkinter.Frame(self._root, background=ACCENT, padx=32, pady=16 if self._sheet.small else 20)
        head.pack(side="top", fill="x")
        text = self._width - 64
        for words, which, colour, gap in (
            (self._sheet.notice.title, "title", ON_ACCENT, 0),
            (self._sheet.notice.introduction, "body", ON_ACCENT_FAINT, 10),
        ):
            label = tkinter.Label(
                head, text=words, font=self._fonts[which], foreground=colour, background=ACCENT, justify="left"
            )
            label.configure(wraplength=text, anchor="w")
            label.pack(anchor="w", pady=(gap, 0))

    def _foot(self) -> None:
        import tkinter

        foot = tkinter.Frame(self._root, background=PAPER, padx=32, pady=12)
        foot.pack(side="bottom", fill="x")
        plain = self._sheet.small or not self._sheet.notice.version
        words = "Fairwatch" if plain else f"Fairwatch · notice {self._sheet.notice.version}"
        tkinter.Label(foot, text=words, font=self._fonts["foot"], foreground=FAINT, background=PAPER).pack(side="left")
        if self._sheet.acknowledge:
            self._button(foot, "I have read it", self._acknowledge)
            self._button(foot, "Later", self._root.destroy, second=True)
            if self._sheet.opens:
                self._button(foot, "Open it", self._open, second=True)
            # On no button: whoever types on as the window comes up must not have acknowledged anything by it.
            self._root.focus_set()
        else:
            self._button(foot, "Close", self._root.destroy).focus_set()
            if self._sheet.more:
                self._button(foot, MORE_WORDS, self._opener.open, second=True)

    def _button(
        self, foot: tkinter.Frame, words: str, command: Callable[[], None], *, second: bool = False
    ) -> tkinter.Button:
        import tkinter

        button = tkinter.Button(foot, text=words, font=self._fonts["heading"], command=command)
        ground, ink = (PAPER, ACCENT) if second else (ACCENT, ON_ACCENT)
        button.configure(background=ground, foreground=ink, activebackground=INK, activeforeground=ON_ACCENT)
        button.configure(relief="flat", borderwidth=0, padx=26, pady=8, highlightthickness=2, cursor="hand2")
        button.configure(highlightbackground=PAPER, highlightcolor=FAINT)
        button.pack(side="right", padx=(8, 0))
        return button

    def _acknowledge(self) -> None:
        self._say_acknowledged()
        self._root.destroy()

    def _open(self) -> None:
        import webbrowser

        webbrowser.open(self._sheet.opens)

    def _body(self) -> None:
        import tkinter

        frame = tkinter.Frame(self._root, background=PAPER)
        frame.pack(side="top", fill="both", expand=True)
        text = tkinter.Text(frame, font=self._fonts["body"], foreground=INK, background=PAPER, wrap="word", height=10)
        text.configure(relief="flat", borderwidth=0, highlightthickness=0, padx=32, pady=4, cursor="arrow", width=1)
        hang = COLUMN + HANG
        text.tag_configure("heading", font=self._fonts["heading"], foreground=ACCENT)
        text.tag_configure("line", lmargin2=hang, spacing1=2, spacing2=3, spacing3=2, tabs=(str(COLUMN), str(hang)))
        columns = [stop for right in COLUMNS for stop in (str(right), "right")]
        text.tag_configure("row", tabs=(str(COLUMN), *columns), spacing1=2, spacing3=2)
        text.tag_configure("first", spacing1=11)
        for section in self._sheet.notice.sections:
            rows = ["\t".join((f"{row[0]:.{CELL_CHARS}}", *row[1:])) for row in section.rows]
            said = [*((row, "row") for row in rows), *((f"•\t{line}", "line") for line in section.lines)]
            for place, (words, tag) in enumerate(said):
                tags = (tag, "first") if place == 0 else (tag,)
                text.insert("end", section.heading if place == 0 else "", ("heading", *tags))
                names = ("heading", *tags) if place == 0 and rows else tags
                text.insert("end", f"\t{words}\n", names)
        text.delete("end-2c", "end")
        text.configure(state="disabled")
        self._text, self._frame = text, frame

    def _place(self) -> None:
        """As high as its words, no higher than the screen allows, in its middle; a reminder in the corner."""
        root = self._root
        screen_width, screen_height = root.winfo_screenwidth(), root.winfo_screenheight()
        width = min(self._width, screen_width)
        root.update_idletasks()
        height = root.winfo_reqheight()
        most = int(screen_height * 0.92)
        if self._sheet.notice.sections:
            height += self._height_of_words(width)
            self._text.place_forget()
            if height > most:
                self._scroll()
            self._text.pack(side="left", fill="both", expand=True)
        height = min(height, most)
        left, top = (screen_width - width) // 2, (screen_height - height) // 2
        if self._sheet.small:
            left, top = screen_width - width - 24, 24
        root.geometry(f"{width}x{height}+{max(0, left)}+{max(0, top)}")
        root.minsize(min(360, width), min(240, height))

    def _height_of_words(self, width: int) -> int:
        """How high the words are at that width, which Tk knows only of text that has its place already."""
        self._text.place(x=0, y=0, width=width, height=100)
        self._text.update_idletasks()
        counted = self._text.tk.call(str(self._text), "count", "-update", "-ypixels", "1.0", "end")
        return int(counted[0] if isinstance(counted, tuple) else counted) + 12

    def _scroll(self) -> None:
        import tkinter

        bar = tkinter.Scrollbar(self._frame, command=self._text.yview, width=10, relief="flat", borderwidth=0)
        bar.configure(elementborderwidth=0, background="#b9c7ca", activebackground=FAINT, troughcolor="#eef2f3")
        self._text.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")


if __name__ == "__main__":
    sys.exit(main())
