"""Read training dates from CSV: one line for each person, course and date. One wrong line refuses the whole file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from server import csv_file
from server.csv_file import ACCOUNT_HEADINGS, LineFault
from server.errors import ImportRefused

ROWS_MAX = 200_000
"""Four courses of fifty thousand people."""

DUE_MAX = timedelta(days=366 * 10)
"""No certificate lasts longer than ten years; a later date is a slip of the keyboard."""

FAULTS_TOLD = 10
"""Lines named in a refusal: who mends these sees what is wrong with the rest."""

HEADINGS = {
    "account": ACCOUNT_HEADINGS,
    "course": ("course", "coursename", "coursetitle", "training", "trainingcourse", "trainingname"),
    "done_on": ("datedone", "done", "doneon", "completed", "completedon", "completiondate", "datecompleted", "date"),
    "due_on": ("due", "dueon", "duedate", "expires", "expireson", "expirydate", "expiry", "renewaldate", "validuntil"),
}
"""Headings as they are folded (small letters and digits alone), the first that is there counts."""

_NEEDED = {
    "account": ("sign-in name", "userPrincipalName"),
    "course": ("course", "course name"),
    "done_on": ("date done", "completed"),
}


@dataclass(frozen=True)
class Entry:
    """One course that somebody did on a day; `due_on` is when to do it again, None where the file doesn't say."""

    line: int
    account: str
    course: str
    done_on: date
    due_on: date | None

    @property
    def key(self) -> tuple[str, str, date]:
        """Whose, which and when, of which there is one: the account and the course folded."""
        return self.account.casefold(), folded(self.course), self.done_on


@dataclass(frozen=True)
class TrainingFile:
    """What a file says."""

    entries: tuple[Entry, ...]
    ignored: tuple[str, ...]


def folded(course: str) -> str:
    """Return a course's name as courses are compared: neither capitals nor spaces between words count."""
    return " ".join(course.casefold().split())


def read(data: bytes, today: date) -> TrainingFile:
    """Return what a file says; raises ImportRefused with the lines that are wrong, and then nothing of it counts."""
    rows = csv_file.rows(data, "training dates")
    first = next(rows, None)
    if first is None:
        raise ImportRefused("the file is empty; expected a line of headings and a line for each person and course")
    headings = first[1]
    columns = csv_file.columns(headings, first[0], HEADINGS, _NEEDED)
    entries: dict[tuple[str, str, date], Entry] = {}
    faults: list[str] = []
    for line, cells in rows:
        if len(entries) + len(faults) >= ROWS_MAX:
            raise ImportRefused(f"line {line}: more than {ROWS_MAX:,} lines; import the courses one by one")
        try:
            entry = _entry(line, csv_file.cells_by_field(cells, columns, len(headings)), today)
            known = entries.setdefault(entry.key, entry)
            if known is not entry:
                raise LineFault(f"the same sign-in name, course and date as line {known.line}")
        except LineFault as fault:
            faults.append(f"line {line}: {fault}")
    if faults:
        more = f"; and {len(faults) - FAULTS_TOLD:,} more" if len(faults) > FAULTS_TOLD else ""
        raise ImportRefused(f"nothing was imported: {'; '.join(faults[:FAULTS_TOLD])}{more}")
    if not entries:
        raise ImportRefused("the file has headings alone; expected a line for each person and course")
    return TrainingFile(tuple(entries.values()), csv_file.unused(headings, columns))


def _entry(line: int, said: dict[str, str], today: date) -> Entry:
    csv_file.check_text(said["account"], "sign-in name", needed=True)
    csv_file.check_account(said["account"])
    csv_file.check_text(said["course"], "course", needed=True)
    done_on, due_on = csv_file.day(said["done_on"], "date done"), csv_file.day(said.get("due_on"), "due date")
    if done_on is None:
        raise LineFault("the date done is empty")
    if done_on > today:
        raise LineFault(f"the date done, {done_on}, is still to come")
    if due_on is not None and due_on <= done_on:
        raise LineFault(f"the due date, {due_on}, is not after the date done, {done_on}")
    if due_on is not None and due_on > done_on + DUE_MAX:
        raise LineFault(f"the due date, {due_on}, is more than ten years after the date done")
    return Entry(line, said["account"], " ".join(said["course"].split()), done_on, due_on)
