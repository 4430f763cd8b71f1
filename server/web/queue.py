"""The lead's queue: its page, still sealed, the headings that the browser opens, and what changed since it looked."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from server import cases, review, sharing
from server import queue as desk
from server.errors import WrongState
from server.queue import Cursor, QueueRow, SealedRow, View
from server.review import Due
from server.store.models import Role
from server.web.access import answer, data, page, person
from server.web.case import OUTCOMES, sealed_to
from server.web.leadkey import key_context
from server.web.sealed import FRAMES, frames
from server.web.words import category_names, span

ASKED_MAX = 100
"""Cases that a page may ask for by name at once: more than change between two looks."""


@page(Role.LEAD, Role.DEPUTY)
def queue(request: HttpRequest) -> HttpResponse:
    """Show the queue: urgent first, then the longest waiting; or what is closed, the latest first."""
    user, now, due, view = person(request), datetime.now(UTC), review.due(), _view(request)
    shown = desk.page(user, view, _after(request))
    context = {
        "rows": [_line(row, now, due) for row in shown.rows],
        "following": shown.following,
        "after": _after(request),
        "page_rows": desk.PAGE_ROWS,
        "nowhere": UUID(int=0),
        "since": "Waiting" if view == "open" else "Closed",
        "state": view,
        "counts": desk.counts(user, now, due),
        "due": {"urgent": span(due.urgent), "routine": span(due.routine)},
        "dates": {"first": cases.first_day_back(now), "last": cases.last_day_back(now)},
        "outcomes": OUTCOMES,
        **key_context(user),
    }
    return render(request, "web/queue.html", context)


@data("GET", Role.LEAD, Role.DEPUTY)
def headings(request: HttpRequest) -> HttpResponse:
    """Give a page of sealed headings, or those of the cases asked for (`incident=`), with what proves their origin."""
    user, now, due = person(request), datetime.now(UTC), review.due()
    asked = request.GET.getlist("incident")
    rows: list[Any]
    if asked:
        rows, following = desk.some(user, [msgspec.convert(one, UUID) for one in asked[:ASKED_MAX]]), None
    else:
        found = desk.page(user, _view(request), _after(request), _size(request), sealed=True)
        rows, following = list(found.rows), found.following
    said = {
        "now": now,
        "following": str(following) if following is not None else None,
        "due": {"urgent": due.urgent.total_seconds(), "routine": due.routine.total_seconds()},
        "categories": category_names(),
    }
    return HttpResponse(frames(said, ((_clear(row), row) for row in rows)), content_type=FRAMES)


@data("GET", Role.LEAD, Role.DEPUTY)
def readers(request: HttpRequest) -> HttpResponse:
    """Give the public keys to seal decisions to, for those of the cases (`incident=`) that may be closed together.

    A case that is urgent or closed is left out. Nothing sealed is handed out, so this is no release.
    """
    asked = [msgspec.convert(one, UUID) for one in request.GET.getlist("incident")[:ASKED_MAX]]
    rows = [row for row in desk.some(person(request), asked) if row.waiting and not row.urgent]
    found = [
        {
            "id": row.id,
            "recipients": sharing.reader_keys(
                row.id, sealed_to(row.header, by_hand=row.lead_public_key is not None), [row.key_id]
            ),
            "rewraps": sharing.introductions(row.id),
        }
        for row in rows
    ]
    return answer({"cases": found})


@data("GET", Role.LEAD, Role.DEPUTY)
def changes(request: HttpRequest) -> HttpResponse:
    """Say what came or changed since a page looked last (`since`, in microseconds), and the queue in figures."""
    user, now = person(request), datetime.now(UTC)
    since = Cursor.read(f"0.{request.GET.get('since', '')}.0").since
    changed = desk.changes(user, since)
    said = {
        "now": int(now.timestamp() * 1_000_000),
        "counts": asdict(desk.counts(user, now, review.due())),
        "changed": [_clear(row) for row in changed[: desk.CHANGES_MAX]],
        "more": len(changed) > desk.CHANGES_MAX,
    }
    return answer(said)


def _view(request: HttpRequest) -> View:
    return "closed" if request.GET.get("state") == "closed" else "open"


def _after(request: HttpRequest) -> Cursor | None:
    text = request.GET.get("after")
    try:
        return Cursor.read(text) if text else None
    except WrongState:
        return None


def _size(request: HttpRequest) -> int:
    text = request.GET.get("size", "")
    asked = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else desk.PAGE_MAX
    return max(1, min(asked, desk.PAGE_MAX))


def _line(row: QueueRow, now: datetime, due: Due) -> dict[str, Any]:
    """Return a row in words, without anything that is sealed."""
    return {
        **{name: getattr(row, name) for name in ("id", "reference", "urgent", "group", "since", "sample")},
        "device": row.device_name,
        "lost": row.lost,
        "waiting": span(now - row.since),
        "overdue": row.overdue(now, due),
        "new_since_closing": row.new_since_closing,
    }


def _clear(row: QueueRow | SealedRow) -> dict[str, Any]:
    """Return what the list in the browser shows of a case beside what it opens."""
    return {
        "id": row.id,
        "reference": row.reference,
        "urgent": row.urgent,
        "group": row.group,
        "device": row.device_name,
        "lost": row.lost,
        "since": row.since,
        "waiting": row.waiting,
        "again": row.new_since_closing,
        "sample": row.sample,
        "with": row.assigned_to,
        "name": row.assigned_name,
        "seen": row.acknowledged is not None,
        "record": row.record,
        "revision": row.revision,
        "changed": row.changed_at,
    }
