"""Writes opened cases as a case file on paper (PDF): why it was flagged, what was seen, notes and the outcome.

Made on the reader's own computer; the collector never holds what is in it. British English, the organisation's zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from custody.opening import Export, Note, Opened, Said
from protocol.concerns import ConcernEvidence
from protocol.messages import AlertHeader, Evidence
from rules.errors import RulesError
from rules.model import Taxonomy
from rules.services import in_words

FONTS: Final = Path("/usr/share/fonts/truetype/dejavu")
"""DejaVu covers Latin, Greek, Cyrillic, Arabic and more; without it the built-in fonts show other letters as «?»."""
_PLAIN, _BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"
INK, FAINT, ACCENT, ALARM = (23, 32, 42), (96, 108, 118), (9, 92, 96), (158, 32, 32)
SOURCES: Final = {
    "browser_history": "the browser's own history",
    "browser_extension": "the browser itself, through its extension",
    "foreground": "the app in front",
    "processes": "a program that was running",
    "resolved": "the laptop's own resolver, which some program asked for the name",
    "companion": "the app in front, by the phone's own count",
    "doh": "the organisation's gateway, which a phone asked for the name",
    "dot": "the organisation's gateway, which a phone asked for the name; whose phone it was is unproven",
}
LOOKED_UP: Final = frozenset({"doh", "dot", "resolved"})
"""Sources that see a name asked for, and not whether anybody went there."""
REPORTS: Final = {
    "tutor": "a tutor or another member of staff",
    "learner": "a learner",
    "partner": "a partner organisation",
    "parent": "a parent or carer",
    "social_media": "a post on social media",
    "other": "somebody else",
}
FINDINGS: Final = {"concern": "A true concern", "accepted": "True, and accepted", "false_alarm": "A false alarm"}
OUTCOMES: Final = {
    "none": "No further action",
    "advice": "Advice given",
    "watch": "Watch until a date",
    "support": "Support offered",
    "health": "Referred: health",
    "channel": "Referred: Prevent or Channel",
    "local_authority": "Referred: local authority's designated officer",
    "police": "Referred: police",
    "hr": "Passed to human resources",
}


def note_lines(note: Note) -> Iterator[str]:
    """Yield a note as lines for a terminal."""
    if note.said is None:
        yield note.refused
        return
    kind = f"{note.said.kind}: " if note.said.kind != "note" else ""
    yield f"{kind}{_decision(note.said)}{note.said.text}"
    yield f"  signed by {note.signer}, {note.said.at}"


def pdf(export: Export, opened: Sequence[Opened], warnings: Sequence[str], now: datetime) -> bytes:
    """Return the case file of all that opened; `warnings` stand on its first page."""
    sheet = _Sheet(export, now)
    for number, case in enumerate(opened):
        sheet.add_page()
        _case(sheet, case, warnings if number == 0 else ())
    if not opened:
        sheet.add_page()
        sheet.heading("No case could be opened")
        for line in warnings:
            sheet.words(line, colour=ALARM)
    return bytes(sheet.output())


class _Sheet(FPDF):
    """A page of A4 with the organisation at its head and numbers at its foot."""

    def __init__(self, export: Export, now: datetime) -> None:
        super().__init__(format="A4")
        self._zone, self._organisation = _zone(export.zone), export.organisation
        self._made = self.time(now)
        self.face = self._font()
        self.set_margins(20, 22, 20)
        self.set_auto_page_break(auto=True, margin=22)
        self.alias_nb_pages()
        self.set_title("Case file")
        self.set_creator("Fairwatch")
        self.set_lang("en-GB")

    def _font(self) -> str:
        if not all((FONTS / name).is_file() for name in (_PLAIN, _BOLD)):
            return "helvetica"
        self.add_font("dejavu", "", FONTS / _PLAIN)
        self.add_font("dejavu", "B", FONTS / _BOLD)
        return "dejavu"

    def clean(self, text: str) -> str:
        """Return text that the font can show, without characters that steer a page's layout."""
        plain = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text)
        return plain if self.face != "helvetica" else plain.encode("latin-1", "replace").decode("latin-1")

    def time(self, at: datetime) -> str:
        """Return a time as people of the organisation read it."""
        return f"{at.astimezone(self._zone):%d %B %Y, %H:%M}".lstrip("0")

    @property
    def zone_name(self) -> str:
        """The zone of all times."""
        return str(self._zone)

    def header(self) -> None:
        """Put the organisation and how the paper is to be kept at the head."""
        self.set_font(self.face, "", 8)
        self.set_text_color(*FAINT)
        self.set_y(10)
        self.cell(0, 5, self.clean(f"{self._organisation or 'Fairwatch'} - safeguarding, confidential"), align="L")
        self.ln(12)

    def footer(self) -> None:
        """Put when it was made and the page's number at the foot."""
        self.set_y(-15)
        self.set_font(self.face, "", 8)
        self.set_text_color(*FAINT)
        self.cell(0, 5, f"Made {self._made} ({self.zone_name}). Page {self.page_no()} of {{nb}}", align="R")

    def heading(self, text: str, size: int = 12) -> None:
        """Put a heading."""
        self.ln(3)
        self.set_font(self.face, "B", size)
        self.set_text_color(*(INK if size > 12 else ACCENT))
        self.multi_cell(0, size * 0.55, self.clean(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)

    def words(self, text: str, *, colour: tuple[int, int, int] = INK, size: int = 10) -> None:
        """Put a paragraph."""
        self.set_font(self.face, "", size)
        self.set_text_color(*colour)
        self.multi_cell(0, size * 0.52, self.clean(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Put terms and what they are, in two columns."""
        for term, value in rows:
            self.set_font(self.face, "", 10)
            self.set_text_color(*FAINT)
            top = self.get_y()
            self.cell(42, 6, self.clean(term))
            self.set_text_color(*INK)
            self.set_xy(62, top)
            self.multi_cell(0, 6, self.clean(value), new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def rows(self, headings: Sequence[str], rows: Sequence[Sequence[str]], widths: tuple[int, ...]) -> None:
        """Put a table; its heading is repeated where it goes on."""
        self.set_font(self.face, "", 9)
        self.set_text_color(*INK)
        self.set_draw_color(205, 210, 214)
        style = FontFace(emphasis="BOLD", color=FAINT)
        look = "HORIZONTAL_LINES"
        with self.table(headings_style=style, col_widths=widths, line_height=5.5, borders_layout=look) as made:
            for row in (headings, *rows):
                line = made.row()
                for value in row:
                    line.cell(self.clean(value))
        self.ln(1)


def _case(sheet: _Sheet, case: Opened, warnings: Sequence[str]) -> None:
    sheet.heading(case.reference or str(case.header.record), 18)
    for line in warnings:
        sheet.words(line, colour=ALARM)
    if isinstance(case.header, AlertHeader) and isinstance(case.evidence, Evidence):
        _flag(sheet, case, case.header, case.evidence)
    elif isinstance(case.evidence, ConcernEvidence):
        _concern(sheet, case, case.evidence)
    sheet.heading("Notes and outcome")
    if not case.notes:
        sheet.words("None.")
    for note in case.notes:
        _note(sheet, note)


def _concern(sheet: _Sheet, case: Opened, said: ConcernEvidence) -> None:
    sheet.facts(
        [
            ("About", said.person),
            ("Category", _category(said.category)),
            ("Urgency", "urgent" if case.header.urgent else "routine"),
            ("Group", case.header.group),
            ("When it was", sheet.time(case.header.started)),
            ("Came from", REPORTS.get(said.source, said.source)),
            ("Written down by", f"{said.author}, {sheet.time(said.at)}"),
            ("Signature", "The lead's signature holds: nothing was altered since."),
        ]
    )
    sheet.heading("What was said or seen")
    sheet.words(said.text)


def _flag(sheet: _Sheet, case: Opened, header: AlertHeader, evidence: Evidence) -> None:
    sheet.facts(
        [
            ("About", evidence.person),
            *_devices(case),
            ("Category", _category(evidence.category)),
            ("Urgency", "urgent" if header.urgent else "routine"),
            ("Group", header.group),
            ("First", sheet.time(header.started)),
            ("Latest", sheet.time(header.ended)),
            (
                "Looked up" if evidence.source in LOOKED_UP else "Seen",
                "once" if evidence.count == 1 else f"{evidence.count} times",
            ),
            ("By", SOURCES.get(evidence.source, evidence.source)),
            (
                "Signature",
                f"The {'gateway' if case.gateway else 'device'}'s signature holds: nothing was altered since.",
            ),
        ]
    )
    sheet.heading("What was seen")
    _seen(sheet, evidence)
    sheet.heading("Why it was flagged")
    matched = [(one.entry, _category(one.category), ", ".join(one.lists)) for one in evidence.matched]
    sheet.rows(("Entry", "Category", "Lists"), matched, (60, 45, 65))
    sheet.words(f"Policy version {evidence.policy_version}: {evidence.policy_line}", colour=FAINT, size=9)


def _devices(case: Opened) -> list[tuple[str, str]]:
    if case.gateway:
        return [("Phone", case.device), ("Seen by gateway", case.gateway)]
    return [("Device", case.device)] if case.device else []


def _seen(sheet: _Sheet, evidence: Evidence) -> None:
    what = "App" if evidence.kind == "app" else "Host name"
    rows = [(in_words(one.name), str(one.count), sheet.time(one.first), sheet.time(one.last)) for one in evidence.seen]
    sheet.rows((what, "Times", "First", "Last"), rows, (62, 18, 45, 45))
    sheet.words(f"Times are in {sheet.zone_name} time.", colour=FAINT, size=8)


def _note(sheet: _Sheet, note: Note) -> None:
    if note.said is None:
        sheet.words(note.refused, colour=ALARM)
        return
    decision = _decision(note.said).rstrip()
    if decision:
        sheet.set_font(sheet.face, "B", 10)
        sheet.set_text_color(*INK)
        sheet.multi_cell(0, 5.5, sheet.clean(decision), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    if note.said.text:
        sheet.words(note.said.text)
    sheet.words(f"Signed by {note.signer}{_when(sheet, note.said)}", colour=FAINT, size=8)
    sheet.ln(1)


def _when(sheet: _Sheet, said: Said) -> str:
    try:
        at = datetime.fromisoformat(said.at)
    except ValueError:
        return ""
    return f", {sheet.time(at)}" if at.tzinfo is not None else ""


def _decision(said: Said) -> str:
    parts = [FINDINGS.get(said.finding, said.finding), OUTCOMES.get(said.outcome, said.outcome)]
    told = ", ".join(part for part in parts if part)
    return f"{told}. " if told else ""


def _category(category_id: str) -> str:
    try:
        return Taxonomy.shipped().get(category_id).name
    except RulesError:
        return category_id


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
