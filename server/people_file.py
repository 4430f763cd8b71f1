"""Read IT's list of people: CSV in the encodings and separators of spreadsheets, or a user export of Entra ID."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from server import csv_file
from server.csv_file import ACCOUNT_HEADINGS, FILE_MAX_BYTES, LineFault
from server.errors import ImportRefused

__all__ = ["FILE_MAX_BYTES", "Entry", "PeopleFile", "Problem", "read"]

ROWS_MAX = 50_000
"""More people than any organisation this is for; each is compared and shown."""

HEADINGS = {
    "account": ACCOUNT_HEADINGS,
    "name": ("realname", "fullname", "displayname", "name"),
    "group": ("group", "department"),
    "partner": ("partner", "partnerorganisation", "companyname", "company"),
    "leaves_on": ("leavingdate", "leaves", "leaveson", "enddate", "employeeleavedatetime"),
}
"""Headings as they are folded (small letters and digits alone), the first that is there counts. Department, company and
leaving date are what Entra ID calls them."""

_WORDS = {"account": "sign-in name", "name": "real name", "group": "group", "partner": "partner"}
_NEEDED = {"account": ("sign-in name", "userPrincipalName"), "name": ("real name", "displayName")}


@dataclass(frozen=True)
class Entry:
    """One person as the file has them; `key` is the folded account, of which there is one in a file."""

    line: int
    account: str
    name: str
    group: str
    partner: str
    leaves_on: date | None

    @property
    def key(self) -> str:
        """The account folded."""
        return self.account.casefold()


@dataclass(frozen=True)
class Problem:
    """A line that was left out, and why in one sentence."""

    line: int
    problem: str


@dataclass(frozen=True)
class PeopleFile:
    """What a file says. `doubted` are accounts on lines that were left out: nothing of theirs changes."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    doubted: frozenset[str]
    ignored: tuple[str, ...]


def read(data: bytes) -> PeopleFile:
    """Return what a file says; raises ImportRefused, with the line, where it can't be a list of people."""
    rows = csv_file.rows(data, "a list of people")
    first = next(rows, None)
    if first is None:
        raise ImportRefused("the file is empty; expected a line of headings and a line for each person")
    headings = first[1]
    columns = csv_file.columns(headings, first[0], HEADINGS, _NEEDED)
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    doubted: set[str] = set()
    for line, cells in rows:
        if len(entries) + len(problems) >= ROWS_MAX:
            raise ImportRefused(f"line {line}: more than {ROWS_MAX:,} people; import the people of one organisation")
        try:
            entry = _entry(line, csv_file.cells_by_field(cells, columns, len(headings)))
            known = entries.get(entry.key)
            if known is not None:
                raise LineFault(f"the same sign-in name as line {known.line}")
            entries[entry.key] = entry
        except LineFault as fault:
            problems.append(Problem(line, str(fault)))
            doubted.add(csv_file.said_by_field(cells, columns)["account"].casefold())
    if not entries:
        why = f"; the first problem: line {problems[0].line}: {problems[0].problem}" if problems else ""
        raise ImportRefused(f"no line of the file can be used{why}")
    ignored = csv_file.unused(headings, columns)
    return PeopleFile(tuple(entries.values()), tuple(problems), frozenset(doubted - entries.keys()), ignored)


def _entry(line: int, said: dict[str, str]) -> Entry:
    for field, words in _WORDS.items():
        csv_file.check_text(said.get(field, ""), words, needed=field in _NEEDED)
    csv_file.check_account(said["account"])
    leaves_on = csv_file.day(said.get("leaves_on"), "leaving date")
    return Entry(line, said["account"], said["name"], said.get("group", ""), said.get("partner", ""), leaves_on)
