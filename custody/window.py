"""The window in which a custodian reads what their signature would change, and signs it or not. Drawn with Tk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from custody.errors import CustodyError, Declined
from custody.sheet import Line, Section, Sheet
from custody.signing import Signed
from protocol.errors import UnlockError

if TYPE_CHECKING:
    import tkinter

PAPER: Final = "#ffffff"
PANEL: Final = "#f1f5f5"
INK: Final = "#1d2b33"
FAINT: Final = "#5c6b73"
ACCENT: Final = "#0f5257"
ON_ACCENT: Final = "#ffffff"
ON_ACCENT_FAINT: Final = "#d5e5e4"
NEW: Final = "#0b6b3a"
GONE: Final = "#a4262c"
WARNING_INK: Final = "#7a4100"
WARNING_PAPER: Final = "#fdf3e1"
NOW_PAPER: Final = "#fbeceb"
THEN_PAPER: Final = "#e8f4ec"
# Preferred first; all of them draw British English well.
FONTS: Final = ("Inter", "Noto Sans", "Cantarell", "Ubuntu", "Open Sans", "Liberation Sans", "DejaVu Sans", "Helvetica")
MONO_FONTS: Final = ("DejaVu Sans Mono", "Noto Sans Mono", "Liberation Mono", "Ubuntu Mono", "Courier")
WIDTH: Final = 1080
MARGIN: Final = 32
_PIXELS: Final = {"title": 30, "heading": 21, "body": 18, "small": 16}
Act = Callable[[str], Signed]


@dataclass(frozen=True)
class Key:
    """The signer's key file by name, its passphrase where a file gives it, and the folder in which all lies."""

    name: str
    passphrase: str | None
    folder: Path


def opened() -> tkinter.Tk | None:
    """Return a window where this Python has Tk and there is a display to show it on, else None."""
    try:
        import tkinter

        return tkinter.Tk(className="Fairwatch")
    except ImportError:
        return None
    except tkinter.TclError:
        return None


def ask(root: tkinter.Tk, sheet: Sheet, key: Key, act: Act) -> Signed:
    """Show the sheet until the person signs or does not; returns what `act` did, or raises Declined.

    `act` signs with a passphrase; when it raises, its sentence is shown and the person may try again.
    """
    window = _Window(root, sheet, key, act)
    root.mainloop()
    if window.signed is None:
        raise Declined("nothing was signed or changed")
    return window.signed


class _Window:
    """A coloured head, what changes (scrolling), who signs and until when beside each other, and the two buttons."""

    def __init__(self, root: tkinter.Tk, sheet: Sheet, key: Key, act: Act) -> None:
        from tkinter import font

        self.signed: Signed | None = None
        self._root, self._sheet, self._act, self._key = root, sheet, act, key
        known = set(font.families(root))
        family = next((name for name in FONTS if name in known), "TkDefaultFont")
        mono = next((name for name in MONO_FONTS if name in known), "TkFixedFont")
        # Negative sizes are pixels, so that the window's measures and its letters agree on any display.
        self._fonts = {name: font.Font(root, family=family, size=-size) for name, size in _PIXELS.items()}
        for name in ("title", "heading"):
            self._fonts[name].configure(weight="bold")
        self._fonts["strong"] = font.Font(root, family=family, size=-_PIXELS["body"], weight="bold")
        self._fonts["mono"] = font.Font(root, family=mono, size=-_PIXELS["small"])
        self._fonts["key"] = font.Font(root, family=mono, size=-19, weight="bold")
        root.title("Fairwatch: sign")
        root.configure(background=PAPER)
        root.protocol("WM_DELETE_WINDOW", root.destroy)
        root.bind("<Escape>", lambda _: root.destroy())
        width, height = min(WIDTH, root.winfo_screenwidth()), int(root.winfo_screenheight() * 0.92)
        left, top = (root.winfo_screenwidth() - width) // 2, (root.winfo_screenheight() - height) // 3
        root.geometry(f"{width}x{height}+{left}+{max(0, top)}")
        root.minsize(min(640, width), min(480, height))
        self._width = width
        self._title = self._head(sheet.title)
        self._foot = self._footer()
        self._lower = self._panels()
        self._text = self._body(sheet.changes)

    # --- parts ---------------------------------------------------------------------------------------------------

    def _head(self, title: str) -> tkinter.Label:
        import tkinter

        head = tkinter.Frame(self._root, background=ACCENT, padx=MARGIN, pady=18)
        head.pack(side="top", fill="x")
        above = tkinter.Label(head, text="Fairwatch · custodians", font=self._fonts["small"], background=ACCENT)
        above.configure(foreground=ON_ACCENT_FAINT)
        above.pack(anchor="w")
        label = tkinter.Label(head, text=title, font=self._fonts["title"], foreground=ON_ACCENT, background=ACCENT)
        label.configure(justify="left", anchor="w", wraplength=self._width - 2 * MARGIN)
        label.pack(anchor="w", pady=(4, 0))
        return label

    def _body(self, sections: Sequence[Section]) -> tkinter.Text:
        import tkinter

        frame = tkinter.Frame(self._root, background=PAPER)
        frame.pack(side="top", fill="both", expand=True)
        bar = tkinter.Scrollbar(frame, width=14, relief="flat", borderwidth=0, elementborderwidth=0)
        bar.configure(background="#b9c7ca", activebackground=FAINT, troughcolor="#eef2f3")
        text = tkinter.Text(frame, font=self._fonts["body"], foreground=INK, background=PAPER, wrap="word", height=5)
        text.configure(relief="flat", borderwidth=0, highlightthickness=0, padx=MARGIN, pady=10, cursor="arrow")
        text.configure(yscrollcommand=bar.set, width=1)
        bar.configure(command=text.yview)
        bar.pack(side="right", fill="y")
        text.pack(side="left", fill="both", expand=True)
        self._styles(text)
        _write(text, sections)
        for keys, amount in (("<Next>", 1), ("<Prior>", -1)):
            self._root.bind(keys, lambda _, pages=amount: text.yview_scroll(pages, "pages"))  # type: ignore[misc]
        return text

    def _styles(self, text: tkinter.Text) -> None:
        common: dict[str, Any] = {"spacing1": 3, "spacing2": 2, "spacing3": 3, "lmargin1": 16, "lmargin2": 32}
        text.tag_configure("heading", font=self._fonts["heading"], foreground=ACCENT, spacing1=16, spacing3=6)
        text.tag_configure("plain", **common)
        text.tag_configure("quiet", foreground=FAINT, font=self._fonts["small"], **common)
        text.tag_configure("new", foreground=NEW, font=self._fonts["strong"], **common)
        text.tag_configure("gone", foreground=GONE, font=self._fonts["strong"], **common)
        text.tag_configure("warning", foreground=WARNING_INK, background=WARNING_PAPER, **common)
        quoted = {**common, "lmargin2": 16 + self._fonts["mono"].measure("from now on: ")}
        text.tag_configure("now", font=self._fonts["mono"], background=NOW_PAPER, **quoted)
        text.tag_configure("then", font=self._fonts["mono"], background=THEN_PAPER, **quoted)
        text.tag_configure("key", font=self._fonts["key"], foreground=INK, spacing3=8, lmargin1=32, lmargin2=32)
        text.tag_configure("quiet_key", font=self._fonts["mono"], foreground=FAINT, lmargin1=32, lmargin2=32)

    def _panels(self) -> tkinter.Frame:
        import tkinter

        lower = tkinter.Frame(self._root, background=PANEL, padx=MARGIN, pady=12)
        lower.pack(side="bottom", fill="x")
        for column, (heading, lines) in enumerate(
            (("Who has signed, and who must still", self._sheet.signers), ("Until when", self._sheet.validity))
        ):
            lower.columnconfigure(column, weight=1, uniform="half")
            panel = tkinter.Frame(lower, background=PANEL)
            panel.grid(row=0, column=column, sticky="nw", padx=(0, 20))
            title = tkinter.Label(panel, text=heading, font=self._fonts["heading"], foreground=ACCENT, background=PANEL)
            title.pack(anchor="w", pady=(0, 4))
            for line in lines:
                self._label(panel, line)
        return lower

    def _label(self, panel: tkinter.Frame, line: Line) -> None:
        import tkinter

        colour = WARNING_INK if line.tone == "warning" else INK
        label = tkinter.Label(panel, text=str(line), font=self._fonts["body"], foreground=colour, background=PANEL)
        label.configure(justify="left", anchor="w", wraplength=self._width // 2 - MARGIN - 24)
        label.pack(anchor="w", pady=1)

    def _footer(self) -> tkinter.Frame:
        import tkinter

        foot = tkinter.Frame(self._root, background=PAPER, padx=MARGIN, pady=14)
        foot.pack(side="bottom", fill="x")
        self._said = tkinter.Label(foot, text="", font=self._fonts["body"], foreground=GONE, background=PAPER)
        self._said.configure(justify="left", anchor="w", wraplength=self._width - 2 * MARGIN)
        row = tkinter.Frame(foot, background=PAPER)
        row.pack(side="bottom", fill="x")
        self._field = tkinter.Entry(row, show="•", font=self._fonts["body"], foreground=INK, background=PAPER)
        if self._key.passphrase is None:
            self._question(row, f"Your words for {self._key.name}")
        # Made in the order in which Tab reaches them.
        no = self._button(row, "Don't sign", self._root.destroy, strong=False)
        self._button(row, "Sign", self._on_sign, strong=True).pack(side="right", padx=(14, 0))
        no.pack(side="right")
        if self._key.passphrase is not None:
            no.focus_set()
        return foot

    def _question(self, row: tkinter.Frame, words: str) -> None:
        import tkinter

        shown = tkinter.BooleanVar(self._root, value=False)

        def turn() -> None:
            self._field.configure(show="" if shown.get() else "•")

        label = tkinter.Label(row, text=words, font=self._fonts["strong"], foreground=INK, background=PAPER)
        label.pack(side="left", padx=(0, 10))
        self._field.configure(relief="solid", borderwidth=1, highlightthickness=2, highlightcolor=ACCENT, width=28)
        self._field.configure(highlightbackground=PAPER, insertbackground=INK)
        self._field.pack(side="left", ipady=5)
        self._field.bind("<Return>", lambda _: self._on_sign())
        box = tkinter.Checkbutton(row, text="show", variable=shown, command=turn, font=self._fonts["small"])
        box.configure(background=PAPER, foreground=FAINT, activebackground=PAPER, highlightthickness=1, borderwidth=0)
        box.configure(selectcolor=PAPER, highlightbackground=PAPER, highlightcolor=FAINT)
        box.pack(side="left", padx=8)
        self._field.focus_set()

    def _button(self, row: tkinter.Frame, words: str, run: Callable[[], Any], *, strong: bool) -> tkinter.Button:
        import tkinter

        button = tkinter.Button(row, text=words, font=self._fonts["heading"], command=run, cursor="hand2")
        back, ink = (ACCENT, ON_ACCENT) if strong else ("#e3eaeb", INK)
        button.configure(background=back, foreground=ink, activebackground=INK, activeforeground=ON_ACCENT)
        button.configure(relief="flat", borderwidth=0, padx=26, pady=7, highlightthickness=2)
        button.configure(highlightbackground=PAPER, highlightcolor=FAINT)
        button.bind("<Return>", lambda _: button.invoke())
        return button

    # --- what happens --------------------------------------------------------------------------------------------

    def _on_sign(self) -> None:
        from protocol.leadkeys import tidy  # late: showing needs no cryptography

        given = self._key.passphrase if self._key.passphrase is not None else tidy(self._field.get())
        if not given:
            self._say("Type your words first.")
            return
        try:
            signed = self._act(given)
        except (CustodyError, UnlockError) as fault:
            self._say(f"{str(fault)[:1].upper()}{str(fault)[1:]}. Nothing was signed.")
            return
        self._done(signed)

    def _say(self, words: str) -> None:
        self._said.configure(text=words)
        self._said.pack(side="top", anchor="w", fill="x", pady=(0, 10))

    def _done(self, signed: Signed) -> None:
        """Say what is signed and what comes next, where the change stood; only closing is left to do."""
        self.signed = signed
        self._title.configure(text="Signed")
        self._lower.pack_forget()
        lines = [Line("Your signature is in the folder.", "new")]
        lines += [Line(f"{name}: all signatures are there", "new") for name in signed.complete]
        lines += [Line(text, "warning") for text in signed.waiting]
        following = [
            Line(f"Carry the folder {self._key.folder} to their computer. There they look at it as you did, and sign:"),
            Line("fairwatch-custody sign --dir FOLDER --key THEIR_KEY", "then"),
        ]
        if not signed.waiting:
            following = [
                Line(f"Carry the folder {self._key.folder} to the collector. There IT publishes it:"),
                Line("fairwatch-server publish FOLDER --data-dir DATA_DIR", "then"),
            ]
        self._text.configure(state="normal")
        self._text.delete("1.0", "end")
        warned = tuple(Line(text, "warning") for text in signed.warnings)
        _write(
            self._text,
            [
                Section("What you signed", tuple(lines)),
                Section("What comes next", tuple(following)),
                *([Section("What expires soon", warned)] if warned else []),
            ],
        )
        for child in self._foot.winfo_children():
            child.destroy()
        close = self._button(self._foot, "Close", self._root.destroy, strong=True)
        close.pack(side="right")
        close.focus_set()


def _write(text: tkinter.Text, sections: Sequence[Section]) -> None:
    """Put the sections into the widget, which the person can't change."""
    for section in sections:
        if section.heading:
            text.insert("end", f"{section.heading}\n", "heading")
        for line in section.lines:
            text.insert("end", f"{line.text.strip()}\n", line.tone)
            if line.key:
                text.insert("end", f"{line.key}\n", "quiet_key" if line.tone == "quiet" else "key")
    text.configure(state="disabled")
