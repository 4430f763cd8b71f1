"""The lead's queue: its page, still sealed, and the headings that the browser opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from server import queue as desk
from server import review
from server.queue import QueueRow
from server.review import Due
from server.store.models import Incident, Role
from server.web.access import answer, data, page, person
from server.web.leadkey import key_context
from server.web.sealed import heading_of
from server.web.words import category_names, span

SHOWN_MAX = 300
"""Rows of one page: more can't be read, and each is opened in the browser."""


@dataclass(frozen=True)
class Line:
    """One row of the queue, in words, without anything that is sealed."""

    id: UUID
    reference: str
    urgent: bool
    group: str
    device: str
    since: datetime
    waiting: str
    overdue: bool
    new_since_closing: bool
    sample: bool


@page(Role.LEAD, Role.DEPUTY)
def queue(request: HttpRequest) -> HttpResponse:
    """Show the queue: urgent first, then the longest waiting."""
    user, now, due = person(request), datetime.now(UTC), review.due()
    state = "closed" if request.GET.get("state") == "closed" else "open"
    everything = desk.rows(user)
    waiting = sorted(
        (_line(row, now, due) for row in everything if row.is_open), key=lambda line: (not line.urgent, line.since)
    )
    rows = waiting if state == "open" else [_line(row, now, due) for row in _closed(everything)]
    context = {
        "rows": rows[:SHOWN_MAX],
        "more": len(rows) > SHOWN_MAX,
        "state": state,
        "counts": {
            "open": len(waiting),
            "urgent": sum(line.urgent for line in waiting),
            "overdue": sum(line.overdue for line in waiting),
        },
        "due": {"urgent": span(due.urgent), "routine": span(due.routine)},
        **key_context(user),
    }
    return render(request, "web/queue.html", context)


@data("GET", Role.LEAD, Role.DEPUTY)
def headings(request: HttpRequest) -> HttpResponse:
    """Give the sealed headings of the queue, with what proves where they come from."""
    everything = desk.rows(person(request))
    closed = request.GET.get("state") == "closed"
    rows = _closed(everything) if closed else [row for row in everything if row.is_open]
    return answer({"alerts": [heading_of(row) for row in rows[:SHOWN_MAX]], "categories": category_names()})


def _closed(everything: list[QueueRow]) -> list[QueueRow]:
    closed = {row.id: row for row in everything if not row.is_open}
    order = Incident.objects.filter(pk__in=closed.keys()).order_by("-closed_at").values_list("pk", flat=True)
    return [closed[one] for one in order]


def _line(row: QueueRow, now: datetime, due: Due) -> Line:
    return Line(
        id=row.id,
        reference=row.reference,
        urgent=row.urgent,
        group=row.group,
        device=row.device_name,
        since=row.since,
        waiting=span(now - row.since),
        overdue=row.overdue(now, due),
        new_since_closing=row.new_since_closing,
        sample=row.sample,
    )
