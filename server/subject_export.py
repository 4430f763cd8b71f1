"""Puts together what is held about one person, and gives it as JSON for machines or PDF for people.

Every kind of record of the table of retention has its place here, with its rows or the reason why it has none. The
request's own identity apart, two people of whom the same is held get the same document, whatever cases there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import msgspec
from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext

from server import audit, subject_decisions, subject_rows
from server.errors import NotThere
from server.policy_words import day_words
from server.retention_kinds import KEPT, KINDS, Kind, period
from server.store.models import Organisation, SubjectRequest
from server.subject_access import subject_of
from server.subject_kinds import CASES, KEPT_PARTS, PARTS, RELEASED, Part
from server.subject_rows import Row, Subject, Value
from server.subject_words import COLUMNS, RIGHTS, duration
from server.summary_formats import pdf_of
from server.working_hours import organisation_zone

FORMAT: Final = "fairwatch-subject-access/1"
FORMS: Final = ("pdf", "json")

PAPER_ROWS_MAX = 400
"""Rows of one table on paper: a dozen pages. The JSON has them all, and the paper says so."""

_STYLES = Path(__file__).parent / "web" / "static" / "web" / "paper.css"


class HeldKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of record: what it is, and this person's rows, or why it has none."""

    id: str
    name: str
    purpose: str
    source: str
    seen_by: str
    kept: str
    reason: str
    rows: list[Row]
    without: str = ""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document. `accounts` are those by which devices and lists know the person."""

    format: str
    organisation: str
    request: str
    made_at: datetime
    account: str
    accounts: list[str]
    received_on: date
    kinds: list[HeldKind]
    cases: str
    rights: list[dict[str, str]]


@dataclass(frozen=True)
class Table:
    """One kind on paper: its columns in words, its cells in words, and how many rows only the JSON has."""

    columns: list[str]
    rows: list[list[str]]
    left_out: int


def export(request: SubjectRequest, form: str, actor: str, now: datetime) -> bytes:
    """Return the document as `json` or `pdf`, once that it was made is in the audit log.

    Raises NotThere for another format, WrongState where the account could by now be several people's.
    """
    if form not in FORMS:
        raise NotThere(gettext("it is made as pdf or json, not as ‘%(form)s’") % {"form": form})
    with transaction.atomic():
        made = put_together(request, now)
        audit.write(actor, "subject_exported", subject_of(request), f"format:{form}", now=now)
    return as_json(made) if form == "json" else as_pdf(made)


def put_together(request: SubjectRequest, now: datetime) -> Export:
    """Return all that is held about the person of a request, but for what is sealed."""
    subject = subject_rows.find(request.account)
    organisation = Organisation.objects.first()
    return Export(
        format=FORMAT,
        organisation=organisation.name if organisation is not None else "",
        request=str(request.pk),
        made_at=now,
        account=request.account,
        accounts=list(subject.accounts),
        received_on=request.received_on,
        kinds=list(_kinds(subject)),
        cases=gettext(RELEASED if subject_decisions.releases(request) else CASES),
        rights=[{"right": gettext(name), "words": gettext(words)} for name, words in RIGHTS],
    )


def as_json(made: Export) -> bytes:
    """The document for machines, easy to read."""
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"


def as_html(made: Export) -> str:
    """The document as one page that needs no other."""
    held = [one for one in made.kinds if one.rows]
    context = {
        "made": made,
        "styles": _STYLES.read_text("utf-8"),
        "made_on": day_words(made.made_at.astimezone(organisation_zone()).date()),
        "received_on": day_words(made.received_on),
        "held": [(one, table(one)) for one in held],
        "nothing": [one for one in made.kinds if not one.rows and not one.without],
        "without": [one for one in made.kinds if one.without and one.id != "cases"],
        "cases": next(one for one in made.kinds if one.id == "cases"),
    }
    return render_to_string("web/subject_paper.html", context)


def as_pdf(made: Export) -> bytes:
    """The document as accessible PDF."""
    return pdf_of(as_html(made))


def table(one: HeldKind) -> Table:
    """Return a kind's rows as paper has them."""
    part = PARTS[one.id] if one.id else KEPT_PARTS[one.name]
    rows = part.on_paper(one.rows)
    shown = rows[:PAPER_ROWS_MAX]
    # A column that says nothing in any row takes room from the others.
    columns = [name for name in rows[0] if any(row[name] not in (None, "") for row in rows)]
    return Table(
        [gettext(COLUMNS[name]) for name in columns],
        [[_words(name, row[name]) for name in columns] for row in shown],
        len(rows) - len(shown),
    )


def _kinds(subject: Subject) -> Iterator[HeldKind]:
    by_id = {kind.id: kind for kind in KINDS}
    for kind_id, part in PARTS.items():
        kind = by_id[kind_id]
        yield _held(kind_id, kind.name, part, subject, _kept(kind), kind.reason)
    for kept in KEPT:
        part = KEPT_PARTS[kept.name]
        if part not in PARTS.values():
            yield _held("", kept.name, part, subject, gettext("not deleted by age"), kept.reason)


def _held(kind_id: str, name: str, part: Part, subject: Subject, kept: str, reason: str) -> HeldKind:
    return HeldKind(
        id=kind_id,
        name=name,
        purpose=gettext(part.purpose),
        source=gettext(part.source),
        seen_by=gettext(part.seen_by),
        kept=kept,
        reason=gettext(reason),
        rows=part.rows(subject) if part.rows is not None else [],
        without=gettext(part.without) if part.without else "",
    )


def _kept(kind: Kind) -> str:
    days = period(kind, settings.CONFIG.retention).days
    since = gettext(kind.since)
    if not days:
        return gettext("until the night after %(since)s") % {"since": since}
    return gettext("%(days)d days after %(since)s") % {"days": days, "since": since}


def _words(column: str, value: Value) -> str:
    if value is None:
        return ""
    if column == "seconds" and isinstance(value, int):
        return duration(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(organisation_zone()):%-d %b %Y, %H:%M}"
    if isinstance(value, date):
        return f"{value:%-d %b %Y}"
    return str(value)
