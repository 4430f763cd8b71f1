"""The data protection officer's pages of requests for data: start, export, see what leads decided, close."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from server import audit, erasure, subject_access, subject_decisions, subject_export
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import Role, SubjectRequest
from server.subject_words import RIGHTS
from server.web.access import data, page, person

_TYPES = {"pdf": "application/pdf", "json": "application/json"}


@page(Role.DPO)
def listing(request: HttpRequest) -> HttpResponse:
    """Show every request, the most pressing first, and the form to start one."""
    now = datetime.now(UTC)
    context = {
        "standings": subject_access.listing(person(request), now),
        "identities": SubjectRequest.Identity.choices,
        "today": subject_access.today_of(now),
    }
    return render(request, "web/subject_access.html", context)


@page(Role.DPO)
def look(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Show one request: its day, the export, what leads decided, and what can be erased."""
    user, now = person(request), datetime.now(UTC)
    kept = subject_access.one(user, request_id)
    try:
        asked = subject_decisions.answers(user, kept)
    except NotAllowed:
        asked = None
    context = {
        "standing": subject_access.standing(kept, now),
        "asked": asked,
        "decided": subject_decisions.is_decided(kept),
        "reasons": SubjectRequest.Longer.choices,
        "closings": SubjectRequest.Closing.choices,
        "may_extend": not kept.longer and subject_access.today_of(now) <= kept.first_due_on,
        "longer_due": subject_access.months_after(kept.received_on, subject_access.EXTENDED_MONTHS),
        "rights": RIGHTS,
    }
    return render(request, "web/subject.html", context)


@data("POST", Role.DPO)
def start(request: HttpRequest) -> HttpResponse:
    """Write a request down, and ask every lead."""
    user, given = person(request), request.POST
    back = reverse("subject_access")
    try:
        received = date.fromisoformat(given.get("received_on", ""))
    except ValueError:
        messages.error(request, gettext("Choose the day on which the request came."))
        return HttpResponseRedirect(back)

    def act() -> None:
        subject_decisions.start(user, given.get("account", ""), given.get("identity", ""), received, datetime.now(UTC))

    return _done(request, back, act, gettext("The request is written down, and every lead is asked."))


@data("POST", Role.DPO)
def export(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Give the document as a file, once the audit log says so."""
    user = person(request)
    kept = subject_access.one(user, request_id)
    form = request.POST.get("form", "")
    try:
        made = subject_export.export(kept, form, audit.actor_of(user), datetime.now(UTC))
    except (NotThere, WrongState) as fault:
        messages.error(request, _sentence(fault))
        return HttpResponseRedirect(reverse("subject", args=[request_id]))
    answer = HttpResponse(made, content_type=_TYPES[form])
    answer["Content-Disposition"] = f'attachment; filename="subject-access-{kept.pk}.{form}"'
    return answer


@data("POST", Role.DPO)
def extend(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Give a request two more months."""
    reason = request.POST.get("reason", "")
    return _done(
        request,
        reverse("subject", args=[request_id]),
        lambda: subject_access.extend(person(request), request_id, reason, datetime.now(UTC)),
        gettext("The time is extended. Tell the person so, and why, within the first month."),
    )


@data("POST", Role.DPO)
def erase(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Erase the person's totals of use."""
    return _done(
        request,
        reverse("subject", args=[request_id]),
        lambda: erasure.erase_use(person(request), request_id, datetime.now(UTC)),
        gettext("Their totals of use are erased, and what still comes in of those months is dropped."),
    )


@data("POST", Role.DPO)
def restrict(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Leave the person's use out of figures, or count it again."""
    restricted = request.POST.get("restricted") == "yes"
    said = (
        gettext("Their use is left out of all figures that are still to be made.")
        if restricted
        else gettext("Their use counts again.")
    )
    return _done(
        request,
        reverse("subject", args=[request_id]),
        lambda: erasure.restrict_use(person(request), request_id, datetime.now(UTC), restricted=restricted),
        said,
    )


@data("POST", Role.DPO)
def close(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """End a request."""
    closing = request.POST.get("closing", "")
    return _done(
        request,
        reverse("subject", args=[request_id]),
        lambda: subject_access.close(person(request), request_id, closing, datetime.now(UTC)),
        gettext("The request is closed."),
    )


def _done(request: HttpRequest, back: str, act: Callable[[], None], said: str) -> HttpResponse:
    try:
        act()
    except WrongState as fault:
        messages.error(request, _sentence(fault))
    else:
        messages.success(request, said)
    return HttpResponseRedirect(back)


def _sentence(fault: Exception) -> str:
    words = str(fault)
    return f"{words[:1].upper()}{words[1:]}."
