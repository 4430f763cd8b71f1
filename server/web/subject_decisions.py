"""The leads' pages of requests for data: search in the browser, hand over, and record a decision."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from server import queue, subject_decisions
from server.errors import WrongState
from server.queue import SealedRow
from server.store.models import SubjectDecision
from server.web.access import LEADS, data, page, person
from server.web.leadkey import key_context
from server.web.sealed import FRAMES, frames
from server.web.words import category_names

_PLACE_MAX_DIGITS = 18


@page(*LEADS)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the requests that this lead is asked about, and what they decided."""
    user, now = person(request), datetime.now(UTC)
    rows = [(one, made, subject_decisions.review_is_due(made, now)) for one, made in subject_decisions.listing(user)]
    return render(request, "web/subject_requests.html", {"rows": rows})


@page(*LEADS)
def look(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Show one request, still sealed, with the search, the paper to hand over, and the form to decide."""
    user, now = person(request), datetime.now(UTC)
    kept, decision = subject_decisions.for_lead(user, request_id)
    context: dict[str, Any] = {
        "kept": kept,
        "decision": decision,
        "review_due": subject_decisions.review_is_due(decision, now),
        "whats": SubjectDecision.What.choices,
        "grounds": SubjectDecision.Ground.choices,
        "dates": {"first": subject_decisions.first_review(now), "last": subject_decisions.last_review(now)},
        **key_context(user),
    }
    return render(request, "web/subject_request.html", context)


@data("GET", *LEADS)
def cases(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Give some of the sealed headings of all that this lead can open: the browser finds whose they are."""
    user = person(request)
    subject_decisions.for_lead(user, request_id)
    text = request.GET.get("after", "")
    after = int(text) if text.isascii() and text.isdigit() and len(text) <= _PLACE_MAX_DIGITS else 0
    rows, following = queue.everything(user, after)
    said = {"following": following, "categories": category_names()}
    return HttpResponse(frames(said, ((_clear(one), one) for one in rows)), content_type=FRAMES)


@data("POST", *LEADS)
def decide(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Keep this lead's decision."""
    user, given = person(request), request.POST
    back = HttpResponseRedirect(reverse("subject_request", args=[request_id]))
    try:
        review_on = date.fromisoformat(given["review_on"]) if given.get("review_on") else None
    except ValueError:
        messages.error(request, gettext("Choose the day on which you look at it again."))
        return back
    what, ground = given.get("what", ""), given.get("ground", "")
    try:
        subject_decisions.decide(user, request_id, what, ground, review_on, datetime.now(UTC))
    except WrongState as fault:
        words = str(fault)
        messages.error(request, f"{words[:1].upper()}{words[1:]}.")
    else:
        messages.success(request, gettext("Your decision is recorded."))
    return back


def _clear(row: SealedRow) -> dict[str, Any]:
    return {"id": row.id, "reference": row.reference, "waiting": row.waiting, "device": row.device_name}
