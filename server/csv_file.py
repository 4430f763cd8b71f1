"""Read a table that a spreadsheet or another program wrote as CSV: encoding, separator, headings, texts and dates."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime

from server.errors import ImportRefused

FILE_MAX_BYTES = 10 * 1024 * 1024
"""Fifty thousand people with every column of an Entra ID export; a larger file is something else."""

TEXT_MAX_CHARS = 200
"""What a column of the store holds; no real name or sign-in name is longer."""

ACCOUNT_HEADINGS = (
    "signinname",
    "account",
    "username",
    "userprincipalname",
    "upn",
    "samaccountname",
    "login",
    "signin",
)
"""What the column of sign-in names may be called."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d %b %Y", "%d %B %Y")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class LineFault(Exception):
    """A line can't be used; the text says why, without the line's number."""


def rows(data: bytes, what: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each line that says something, the headings first, with its number.

    `what` names what the file should be, such as "a list of people". Raises ImportRefused where the file is no text,
    is too large or its quotes don't fit.
    """
    return _rows(_text(data, what))


def columns(
    headings: list[str], line: int, known: Mapping[str, tuple[str, ...]], needed: Mapping[str, tuple[str, str]]
) -> dict[str, int]:
    """Return which column each field is in: the first of its `known` names, folded, that is there.

    `needed` gives the fields that must be there the two names under which a person may look for them. Raises
    ImportRefused where one is missing or two columns have one name.
    """
    folded = [re.sub(r"[^a-z0-9]", "", heading.casefold()) for heading in headings]
    found = {}
    for field, names in known.items():
        name = next((name for name in names if name in folded), None)
        if name is not None:
            if folded.count(name) > 1:
                raise ImportRefused(f"line {line}: two columns are called «{headings[folded.index(name)].strip()}»")
            found[field] = folded.index(name)
    for field, (what, example) in needed.items():
        if field not in found:
            there = ", ".join(heading.strip()[:40] for heading in headings[:8] if heading.strip()) or "none"
            raise ImportRefused(
                f"line {line}: no column is the {what}; expected «{what}» or «{example}», found {there}"
            )
    return found


def in_a_line(counts: Mapping[str, int]) -> str:
    """Return how many of each, as the log keeps it and as a page sends back what was looked at."""
    return " ".join(f"{what}={count}" for what, count in counts.items())


def unused(headings: list[str], used: Mapping[str, int]) -> tuple[str, ...]:
    """Return the headings of the columns that nothing is taken from."""
    return tuple(name for at, name in enumerate(headings) if at not in used.values() and name.strip())


def cells_by_field(cells: list[str], at: Mapping[str, int], headings: int) -> dict[str, str]:
    """Return what a line says of each field; raises LineFault where it has more cells than there are headings."""
    if len(cells) > headings:
        raise LineFault(f"{len(cells)} columns, but {headings} headings: a separator too many, or missing quotes")
    return said_by_field(cells, at)


def said_by_field(cells: list[str], at: Mapping[str, int]) -> dict[str, str]:
    """Return what a line says of each field, "" for a cell that is not there."""
    return {field: cells[place].strip() if place < len(cells) else "" for field, place in at.items()}


def check_text(value: str, words: str, *, needed: bool) -> None:
    """Check what a cell says; raises LineFault for nothing, too much, a formula or an invisible character."""
    if not value and needed:
        raise LineFault(f"the {words} is empty")
    # Folded, a name may be longer («ß» becomes «ss»), and is kept so too.
    if max(len(value), len(value.casefold())) > TEXT_MAX_CHARS:
        raise LineFault(f"the {words} is longer than {TEXT_MAX_CHARS} characters")
    if value.startswith(_FORMULA):
        raise LineFault(f"the {words} begins with «{value[0]}», so a spreadsheet would run it as a formula")
    if any(not character.isprintable() for character in value):
        raise LineFault(f"the {words} holds a line break or an invisible character")


def check_account(account: str) -> None:
    """Check a sign-in name beyond its text; raises LineFault."""
    if any(character.isspace() for character in account) and "\\" not in account:
        raise LineFault("the sign-in name holds a space")


def day(text: str | None, words: str) -> date | None:
    """Return the day that a cell says, in British order; None for nothing. Raises LineFault where it says no day."""
    if not text:
        return None
    plain = text.partition("T")[0] if "T" in text[8:12] else text.partition(" 00:00")[0]
    for form in _DATES:
        try:
            found = datetime.strptime(plain, form).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
        if 1990 <= found.year <= 2200:
            return found
    raise LineFault(f"the {words} can't be read; expected 2026-07-31 or 31/07/2026")


def _text(data: bytes, what: str) -> str:
    if len(data) > FILE_MAX_BYTES:
        raise ImportRefused(f"the file is larger than {FILE_MAX_BYTES // 2**20} MB; expected {what} as CSV")
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
        raise ImportRefused(f"line {line}: this is not a text file; save the file as «CSV UTF-8»")
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
                f"line {before + 1}: the quotes don't fit; save the file again as «CSV UTF-8»"
            ) from None
        if cells is None:
            return
        line, before = before + 1, skipped + reader.line_num
        if any(cell.strip() for cell in cells):
            yield line, cells
