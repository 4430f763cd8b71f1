"""The log of deletions: kind, how many, by which rule and when; kept beside the database too, for when one is restored.

The file (`deletions.jsonl` in the data folder) holds no count and nothing of what was deleted: IT reads it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import F

from server.errors import SetUpError
from server.files import save
from server.retention_kinds import KINDS
from server.store.models import Deletion, PersonMonth

FILE_NAME = "deletions.jsonl"

LINE_MAX_BYTES = 1000
"""Five times what any line is; a file of something else is refused at its first line."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One kind deleted in one run: those that were over before `before`, by a period of so many days.

    With `person` it is one month's totals of one person, erased at their request, by the id of that month alone.
    """

    at: datetime
    kind: str
    days: int
    before: datetime
    person: UUID | None = None


def note_erased(people: Iterable[UUID], now: datetime) -> None:
    """Write down whose totals of a month are erased, by monthly ids; call it in that transaction (see `note`)."""
    for person in people:
        _append(Path(settings.DATA_DIR) / FILE_NAME, Line(now, "usage", 0, now, person))


def note(kind: str, days: int, before: datetime, count: int, now: datetime) -> None:
    """Count what one transaction of a run deleted; call it in that transaction.

    The file has its line before the transaction is committed: of a deletion that did not happen after all, the worst
    is that it is done when a backup is put back, and it was due.
    """
    row, new = Deletion.objects.get_or_create(at=now, kind=kind, defaults={"days": days, "before": before})
    if new:
        _append(Path(settings.DATA_DIR) / FILE_NAME, Line(now, kind, days, before))
    Deletion.objects.filter(pk=row.pk).update(count=F("count") + count)


def latest(most: int) -> list[Deletion]:
    """Return the newest deletions, newest first."""
    return list(Deletion.objects.order_by("-at", "kind")[:most])


def in_database() -> list[Line]:
    """Return what this database says was deleted."""
    rows = Deletion.objects.order_by("at", "kind").values_list("at", "kind", "days", "before")
    erased = PersonMonth.objects.values_list("erased_at", "person").filter(erased_at__isnull=False)
    months = [Line(at, "usage", 0, at, person) for at, person in erased if at is not None]
    return [Line(*row) for row in rows] + months


def in_file(path: Path) -> list[Line]:
    """Return what a file says was deleted; nothing where there is none. Raises SetUpError for one that is no such file.

    A last line that a power cut left unfinished is passed over: its deletion was not committed either.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    found = []
    known = {kind.id for kind in KINDS}
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            break
        try:
            read = msgspec.json.decode(line[:LINE_MAX_BYTES], type=Line)
        except msgspec.MsgspecError:
            raise SetUpError(f"{path} line {number} is no line of a log of deletions") from None
        if read.kind not in known or read.at.tzinfo is None or read.before.tzinfo is None:
            raise SetUpError(f"{path} line {number} names a kind of record that this collector does not know")
        found.append(read)
    return found


def take_in(lines: Iterable[Line]) -> None:
    """Put lines into the database and the file that they miss there, as after a backup was put back."""
    path = Path(settings.DATA_DIR) / FILE_NAME
    there = {(line.at, line.kind, line.person) for line in in_file(path)}
    for line in sorted(set(lines), key=lambda one: (one.at, one.kind, str(one.person))):
        if line.person is None:
            defaults = {"days": line.days, "before": line.before}
            Deletion.objects.get_or_create(at=line.at, kind=line.kind, defaults=defaults)
        if (line.at, line.kind, line.person) not in there:
            _append(path, line)


def begun(kind: str, before: datetime) -> bool:
    """Whether a run has begun to delete what was over by then."""
    return Deletion.objects.filter(kind=kind, before__gte=before).exists()


def trim(before: datetime) -> None:
    """Take lines older than that out of the file."""
    path = Path(settings.DATA_DIR) / FILE_NAME
    lines = in_file(path)
    young = [line for line in lines if line.at >= before]
    if len(young) < len(lines):
        save(path, b"".join(_encoded(line) for line in young))


def _encoded(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _take_off_half_a_line(file: BinaryIO) -> None:
    """Cut off what a power cut left of a line: the next one, written behind it, could never be read."""
    length = file.seek(0, os.SEEK_END)
    start = max(0, length - LINE_MAX_BYTES)
    file.seek(start)
    end = file.read()
    if end and not end.endswith(b"\n"):
        file.truncate(start + end.rfind(b"\n") + 1)


def _append(path: Path, line: Line) -> None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab+") as file:
        _take_off_half_a_line(file)
        file.write(_encoded(line))
        file.flush()
        os.fsync(file.fileno())
