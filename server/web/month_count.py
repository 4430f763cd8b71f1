"""The page on which a lead's browser counts a month's sealed cases, and hands in what it counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from protocol.messages import reader
from protocol.month_totals import SignedTotals
from server import audit, month_totals, summary, summary_calendar, summary_mail
from server.errors import CollectorError, SetUpError
from server.month_totals import ToOpen
from server.store.models import MonthlySummary, MonthSealedTotals, Role
from server.summary_document import read
from server.summary_words import CAME_OF, month_words
from server.web.access import answer, data, page, person
from server.web.leadkey import key_context
from server.web.sealed import FRAMES, frames
from server.web.words import category_names


@page(Role.LEAD, Role.DEPUTY)
def count(request: HttpRequest, month: str) -> HttpResponse:
    """Show the page, still sealed; or say why this person can't count this month."""
    user = person(request)
    try:
        first, _ = summary_calendar.bounds(month)
    except SetUpError as fault:
        return render(request, "web/month_count.html", {"problem": str(fault)}, status=404)
    given = month_totals.newest(month)
    context: dict[str, Any] = {
        "month": month,
        "month_words": month_words(first),
        "given": given,
        "told": given is not None and _is_told(given),
        **key_context(user),
    }
    try:
        month_totals.check_may_count(user, month, _now())
    except CollectorError as fault:
        context["problem"] = str(fault)
    return render(request, "web/month_count.html", context)


@data("GET", Role.LEAD, Role.DEPUTY)
def cases(request: HttpRequest, month: str) -> HttpResponse:
    """Give some of the month's cases with their sealed decisions, once that is in the audit log."""
    after = request.GET.get("after")
    given = month_totals.to_open(person(request), month, msgspec.convert(after, UUID) if after else None, _now())
    said = {
        "all": given.all,
        "closed": {"urgent": given.closed_urgent, "routine": given.closed_routine},
        "following": given.following,
        "categories": category_names(),
        "outcomes": CAME_OF,
    }
    return HttpResponse(frames(said, ((_clear(one), one.row) for one in given.cases)), content_type=FRAMES)


@data("POST", Role.LEAD, Role.DEPUTY)
def hand_in(request: HttpRequest) -> HttpResponse:
    """Keep what was counted, and make and tell the summary's next version where it is to be told."""
    user, now = person(request), _now()
    given = month_totals.hand_in(user, reader(SignedTotals).decode(request.body), now)
    if MonthlySummary.objects.filter(month=given.month).exists():
        summary.make(given.month, now, audit.actor_of(user))
        summary_mail.tell(given.month, now)
        return answer({"state": "told" if _is_told(given) else "kept"})
    return answer({"state": "waits"})


def _is_told(given: MonthSealedTotals) -> bool:
    """Whether the newest summary says what was handed in."""
    kept = MonthlySummary.objects.filter(month=given.month).order_by("-revision").first()
    sealed = read(kept.document).sealed if kept is not None else None
    return sealed is not None and sealed.handed_in_at == given.at


def _clear(one: ToOpen) -> dict[str, Any]:
    note = one.decision
    decision = None
    if note is not None:
        sealed = {name: bytes(getattr(note, name)) for name in ("envelope", "signer", "signature")}
        decision = {"id": note.pk, "wrap": one.wrap, **sealed}
    return {"id": one.row.id, "urgent": one.urgent, "part": one.part, "decision": decision, "rewraps": one.rewraps}


def _now() -> datetime:
    return datetime.now(UTC)
