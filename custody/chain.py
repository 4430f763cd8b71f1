"""Check an exported audit log away from the collector: its chain, and heads that were kept."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from custody.errors import CustodyError
from protocol.audit import CSV_COLUMNS, EXPORT_FORMAT, START, AuditLine, Break, Head, follow, from_table, read_head

_LINE_MAX_CHARS = 100_000
"""Far above any line of ours; what is longer is no export, and is not read into memory."""


@dataclass(frozen=True)
class Checked:
    """What a check found: the last line that holds, where it breaks, and kept heads that are not in it."""

    last: Head
    broken: Break | None
    lost: tuple[Head, ...]

    @property
    def good(self) -> bool:
        """Whether the chain holds and has every kept head."""
        return self.broken is None and not self.lost


def check(path: Path, kept: Sequence[str]) -> Checked:
    """Check an export (JSON or CSV, by its first line); raises CustodyError when it is none, or a head is not one."""
    try:
        wanted = [read_head(text) for text in kept]
    except ValueError as fault:
        raise CustodyError(str(fault)) from None
    found: set[Head] = {START}
    last, wrong = START, None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line in _lines(path, file):
                wrong = follow(line, last)
                if wrong is not None:
                    break
                last = Head(line.seq, line.hash)
                if last in wanted:
                    found.add(last)
    except UnicodeDecodeError:
        raise CustodyError(f"{path}: this is not an exported audit log") from None
    return Checked(last, wrong, tuple(one for one in wanted if one not in found))


def _lines(path: Path, file: IO[str]) -> Iterator[AuditLine]:
    first = file.readline(_LINE_MAX_CHARS).rstrip("\r\n")
    if first == ",".join(CSV_COLUMNS):
        yield from _from_csv(path, file)
    elif first.endswith(',"lines":['):
        yield from _from_json(path, first, file)
    else:
        raise CustodyError(f"{path}: this is not an exported audit log, or not as the collector wrote it")


def _from_json(path: Path, first: str, file: IO[str]) -> Iterator[AuditLine]:
    if f'"format":"{EXPORT_FORMAT}"' not in first:
        raise CustodyError(f"{path}: this export is of a form that is not known here; known is {EXPORT_FORMAT}")
    ended = False
    for number, text in enumerate(iter(lambda: file.readline(_LINE_MAX_CHARS), ""), start=2):
        line = text.strip()
        if ended:
            raise CustodyError(f"{path} line {number}: something stands after the log's end")
        if line == "]}":
            ended = True
        elif line:
            try:
                yield msgspec.json.decode(line.removesuffix(","), type=AuditLine)
            except msgspec.MsgspecError as fault:
                raise CustodyError(f"{path} line {number}: {fault}") from None
    if not ended:
        raise CustodyError(f"{path}: the file ends before the log does; export it again")


def _from_csv(path: Path, file: IO[str]) -> Iterator[AuditLine]:
    try:
        for row in csv.reader(file, strict=True):
            values = dict(zip(CSV_COLUMNS, map(from_table, row), strict=True))
            yield msgspec.convert(values, AuditLine, strict=False)
    except (ValueError, csv.Error, msgspec.MsgspecError) as fault:
        raise CustodyError(f"{path}: a row is not one of an exported audit log ({fault})") from None
