"""The data protection officer's page of the audit log, and what browsers remember of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext

from protocol.messages import reader
from server import audit as audit_trail
from server import audit_check, audit_export, audit_search, heads, only_recovery
from server.audit_search import Wanted
from server.errors import WrongState
from server.store.models import Role
from server.web.access import answer, data, page, person
from server.web.words import action_words

LINES_SHOWN = 50


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a whole check goes on; empty at its beginning."""

    cursor: str


class Missing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The beginning of a hash that a browser remembers and the log no longer has."""

    starts: str


@page(Role.DPO)
def audit_log(request: HttpRequest) -> HttpResponse:
    """Show the log, newest first, as far as it is asked for, and whether its chain holds."""
    wanted = _wanted(request)
    zone = ZoneInfo(timezone.get_current_timezone_name())
    found = audit_search.find(wanted, zone, LINES_SHOWN + 1)
    lines, more = found[:LINES_SHOWN], len(found) > LINES_SHOWN
    asked = {name: request.GET.get(name, "") for name in ("actor", "action", "subject", "since", "until")}
    kept = urlencode({name: value for name, value in asked.items() if value})
    context = {
        "standing": audit_check.look(datetime.now(UTC)),
        "lines": [(line, action_words(line.action)) for line in lines],
        "actors": audit_search.actors(),
        "actions": [(one, action_words(one)) for one in audit_search.actions()],
        "asked": asked,
        "filtered": bool(kept),
        "kept": kept,
        "older": lines[-1].seq if more else None,
        "newer": wanted.before is not None,
        "recovery": only_recovery.waiting(),
    }
    return render(request, "web/audit.html", context)


@data("POST", Role.DPO)
def check(request: HttpRequest) -> HttpResponse:
    """Do one step of a whole check, for the page to go on with."""
    step = audit_check.step(reader(Cursor).decode(request.body).cursor, datetime.now(UTC))
    return answer(
        {
            "checked": step.checked,
            "newest": step.newest,
            "cursor": step.cursor,
            "broken": step.broken.seq if step.broken is not None else None,
            "reason": step.broken.reason if step.broken is not None else "",
        }
    )


@data("POST", Role.DPO)
def export(request: HttpRequest) -> HttpResponse:
    """Stream the whole log as a file, once that is on the record itself."""
    kind, now = request.POST.get("format", ""), datetime.now(UTC)
    if kind not in audit_export.FORMATS:
        raise WrongState(gettext("an export is json or csv"))
    audit_trail.write(audit_trail.actor_of(person(request)), "audit_exported", f"format:{kind}", now=now)
    file = StreamingHttpResponse(audit_export.export(kind, now), content_type=f"{_TYPES[kind]}; charset=utf-8")
    file.headers["Content-Disposition"] = f'attachment; filename="{audit_export.file_name(kind, now)}"'
    return file  # type: ignore[return-value]


@data("GET", *Role)
def head(request: HttpRequest) -> HttpResponse:
    """Give the head of the day before for a browser to remember, and the whole of the one that it remembers."""
    newest = heads.day_head(datetime.now(UTC))
    found = heads.beginning_with(request.GET.get("starts", ""))
    return answer({"log": heads.log_id(), "hash": newest.hash if newest is not None else "", "found": found})


@data("POST", *Role)
def head_missing(request: HttpRequest) -> HttpResponse:
    """Put on the record that this person's browser remembers a line which the log no longer has."""
    starts = reader(Missing).decode(request.body).starts
    heads.report_missing(audit_trail.actor_of(person(request)), starts, datetime.now(UTC))
    return answer({})


_TYPES = {"json": "application/json", "csv": "text/csv"}


def _wanted(request: HttpRequest) -> Wanted:
    before = request.GET.get("before", "")
    return Wanted(
        actor=request.GET.get("actor", ""),
        action=request.GET.get("action", ""),
        subject=request.GET.get("subject", "").strip(),
        since=_day(request.GET.get("since", "")),
        until=_day(request.GET.get("until", "")),
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None,
    )


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 < day.year < 9000 else None
