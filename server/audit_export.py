"""Write the whole audit log out, line by line, with everything that it takes to check it away from the collector."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime

import msgspec

from protocol.audit import CSV_COLUMNS, EXPORT_FORMAT, AuditLine, Head, for_table, time_text
from server import audit
from server.audit_search import names
from server.store.models import Organisation

FORMATS = ("json", "csv")


def export(kind: str, now: datetime) -> Iterator[bytes]:
    """Yield an export in one of `FORMATS`; it holds the lines that there are when it begins, and no later ones."""
    newest = Head(*audit.head())
    return _json(newest, now) if kind == "json" else _csv(newest)


def file_name(kind: str, now: datetime) -> str:
    """Return what the file is called."""
    return f"fairwatch-audit-{now:%Y-%m-%d}.{kind}"


def _lines(newest: Head) -> Iterator[AuditLine]:
    people = names()
    for line in audit.lines():
        if line.seq > newest.seq:
            return
        yield msgspec.structs.replace(line, who=people.get(line.actor, ""))


def _json(newest: Head, now: datetime) -> Iterator[bytes]:
    # One line a line: what checks it needs no more memory for a million lines than for one.
    organisation = Organisation.objects.first()
    opening = {
        "format": EXPORT_FORMAT,
        "organisation": organisation.name if organisation is not None else "",
        "made_at": time_text(now),
        "head": str(newest),
    }
    yield msgspec.json.encode(opening)[:-1] + b',"lines":[\n'
    first = True
    for line in _lines(newest):
        yield (b"" if first else b",\n") + msgspec.json.encode(line)
        first = False
    yield b"\n]}\n"


def _csv(newest: Head) -> Iterator[bytes]:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(CSV_COLUMNS)
    for line in _lines(newest):
        table.writerow([for_table(str(getattr(line, name))) for name in CSV_COLUMNS])
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()
