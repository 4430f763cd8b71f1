"""Read IT's list of people: CSV in the encodings and separators of spreadsheets, or a user export of Entra ID."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from server.errors import ImportRefused

FILE_MAX_BYTES = 10 * 1024 * 1024
"""Fifty thousand people with every column of an Entra ID export; a larger file is something else."""

ROWS_MAX = 50_000
"""More people than any organisation this is for; each is compared and shown."""

TEXT_MAX_CHARS = 200
"""What a column of the store holds; no real name or sign-in name is longer."""

HEADINGS = {
    "account": ("signinname", "account", "username", "userprincipalname", "upn", "samaccountname", "login", "signin"),
    "name": ("realname", "fullname", "displayname", "name"),
    "group": ("group", "department"),
    "partner": ("partner", "partnerorganisation", "companyname", "company"),
    "leaves_on": ("leavingdate", "leaves", "leaveson", "enddate", "employeeleavedatetime"),
}
"""Headings as they are folded (small letters and digits alone), the first that is there counts. Department, company and
leaving date are what Entra ID calls them."""

_WORDS = {"account": "sign-in name", "name": "real name", "group": "group", "partner": "partner"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d %b %Y", "%d %B %Y")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


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


class _Left(Exception):
    """A line is left out."""


def read(data: bytes) -> PeopleFile:
    """Return what a file says; raises ImportRefused, with the line, where it can't be a list of people."""
    text = _text(data)
    rows = _rows(text)
    first = next(rows, None)
    if first is None:
        raise ImportRefused("the file is empty; expected a line of headings and a line for each person")
    headings = first[1]
    columns = _columns(headings, first[0])
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    doubted: set[str] = set()
    for line, cells in rows:
        if len(entries) + len(problems) >= ROWS_MAX:
            raise ImportRefused(f"line {line}: more than {ROWS_MAX:,} people; import the people of one organisation")
        said = {field: cells[at].strip() if at < len(cells) else "" for field, at in columns.items()}
        try:
            entry = _entry(line, said, len(cells), len(headings))
            known = entries.get(entry.key)
            if known is not None:
                raise _Left(f"the same sign-in name as line {known.line}")
            entries[entry.key] = entry
        except _Left as fault:
            problems.append(Problem(line, str(fault)))
            doubted.add(said["account"].casefold())
    if not entries:
        why = f"; the first problem: line {problems[0].line}: {problems[0].problem}" if problems else ""
        raise ImportRefused(f"no line of the file can be used{why}")
    used = set(columns.values())
    ignored = tuple(name for at, name in enumerate(headings) if at not in used and name.strip())
    return PeopleFile(tuple(entries.values()), tuple(problems), frozenset(doubted - entries.keys()), ignored)


def _text(data: bytes) -> str:
    if len(data) > FILE_MAX_BYTES:
        raise ImportRefused(f"the file is larger than {FILE_MAX_BYTES // 2**20} MB; expected a list of people as CSV")
    if data[:2] == b"PK":
        raise ImportRefused("this is a spreadsheet's own file; save it as «CSV UTF-8» and import that")
    encoding = _encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise ImportRefused(f"line {line}: a character can't be read; save the file as «CSV UTF-8»") from None
    found = _CONTROL.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise ImportRefused(f"line {line}: this is not a text file; save the list as «CSV UTF-8»")
    return text


def _encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # Without the mark that says so: every other byte of a Latin text is 0.
    start = data[:200]
    for name, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if len(zeros) > 4 and zeros.count(0) > len(zeros) * 0.8:
            return name
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Every line that says something, with its number; raises ImportRefused where quotes don't fit."""
    lines = text.splitlines(keepends=True)
    skipped = 0
    separator = None
    while lines and (not lines[0].strip() or lines[0].startswith("#TYPE") or lines[0].lower().startswith("sep=")):
        if lines[0].lower().startswith("sep="):
            separator = lines[0].rstrip("\r\n")[4:5] or None
        lines, skipped = lines[1:], skipped + 1
    if not lines:
        return
    if separator not in (",", ";", "\t"):
        bare = re.sub(r'"[^"]*"', "", lines[0])
        separator = max((",", ";", "\t"), key=bare.count)
    reader = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=separator, strict=True)
    before = skipped
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise ImportRefused(
                f"line {before + 1}: the quotes don't fit; save the list again as «CSV UTF-8»"
            ) from None
        if cells is None:
            return
        line, before = before + 1, skipped + reader.line_num
        if any(cell.strip() for cell in cells):
            yield line, cells


def _columns(headings: list[str], line: int) -> dict[str, int]:
    folded = [re.sub(r"[^a-z0-9]", "", heading.casefold()) for heading in headings]
    found = {}
    for field, names in HEADINGS.items():
        name = next((name for name in names if name in folded), None)
        if name is not None:
            if folded.count(name) > 1:
                raise ImportRefused(f"line {line}: two columns are called «{headings[folded.index(name)].strip()}»")
            found[field] = folded.index(name)
    for field, example in (("account", "userPrincipalName"), ("name", "displayName")):
        if field not in found:
            there = ", ".join(heading.strip()[:40] for heading in headings[:8] if heading.strip()) or "none"
            what = _WORDS[field]
            raise ImportRefused(
                f"line {line}: no column is the {what}; expected «{what}» or «{example}», found {there}"
            )
    return found


def _entry(line: int, said: dict[str, str], cells: int, headings: int) -> Entry:
    if cells > headings:
        raise _Left(f"{cells} columns, but {headings} headings: a separator too many, or missing quotes")
    for field, words in _WORDS.items():
        value = said.get(field, "")
        if not value and field in ("account", "name"):
            raise _Left(f"the {words} is empty")
        if len(value) > TEXT_MAX_CHARS:
            raise _Left(f"the {words} is longer than {TEXT_MAX_CHARS} characters")
        if value.startswith(_FORMULA):
            raise _Left(f"the {words} begins with «{value[0]}», so a spreadsheet would run it as a formula")
        if any(not character.isprintable() for character in value):
            raise _Left(f"the {words} holds a line break or an invisible character")
    if any(character.isspace() for character in said["account"]) and "\\" not in said["account"]:
        raise _Left("the sign-in name holds a space")
    return Entry(
        line,
        said["account"],
        said["name"],
        said.get("group", ""),
        said.get("partner", ""),
        _date(said.get("leaves_on")),
    )


def _date(text: str | None) -> date | None:
    if not text:
        return None
    day = text.partition("T")[0] if "T" in text[8:12] else text.partition(" 00:00")[0]
    for form in _DATES:
        try:
            found = datetime.strptime(day, form).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
        if 1990 <= found.year <= 2200:
            return found
    raise _Left("the leaving date can't be read; expected 2026-07-31 or 31/07/2026")
