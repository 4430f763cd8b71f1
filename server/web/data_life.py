"""What is kept for how long and what was deleted, for the data protection officer; and legal holds, for leads too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from server import data_life as life
from server import deletion_log, holds
from server.errors import NotThere, WrongState
from server.retention_kinds import KEPT, KINDS
from server.store.models import CaseHold, Role
from server.web.access import LEADS, data, page, person

DELETIONS_SHOWN = 100


@page(Role.DPO)
def data_life(request: HttpRequest) -> HttpResponse:
    """Show every kind of record with its period, the cases on hold, and the log of deletions."""
    now = datetime.now(UTC)
    names = {kind.id: kind.name for kind in KINDS}
    context = {
        "outlooks": life.outlooks(now),
        "kept": KEPT,
        "long_open": life.long_open(now),
        "holds": [(one, holds.overdue(one, now)) for one in holds.standing()],
        "hold_reasons": CaseHold.Reason.choices,
        "hold_dates": {"first": holds.first_review(now), "last": holds.last_review(now)},
        "deletions": [(one, gettext(names.get(one.kind, one.kind))) for one in deletion_log.latest(DELETIONS_SHOWN)],
    }
    return render(request, "web/data_life.html", context)


@data("POST", Role.DPO)
def hold(request: HttpRequest) -> HttpResponse:
    """Put a case on hold by its number."""
    return _done(request, reverse("data_life"), lambda: _put(request, _numbered(request)), gettext("It is on hold."))


@data("POST", Role.DPO)
def lift(request: HttpRequest) -> HttpResponse:
    """Lift a case's hold by its number."""
    return _done(request, reverse("data_life"), lambda: _lift(request, _numbered(request)), _lifted())


@data("POST", *LEADS)
def hold_case(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Put the case on hold, from its own page."""
    holds.may(person(request), incident_id)
    back = reverse("incident", args=[incident_id])
    return _done(request, back, lambda: _put(request, incident_id), gettext("The case is on hold."))


@data("POST", *LEADS)
def lift_case(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Lift the case's hold, from its own page."""
    holds.may(person(request), incident_id)
    return _done(request, reverse("incident", args=[incident_id]), lambda: _lift(request, incident_id), _lifted())


def _lifted() -> str:
    return gettext("The hold is lifted. The case is deleted when its period is over.")


def _numbered(request: HttpRequest) -> UUID:
    return holds.by_reference(person(request), request.POST.get("reference", ""))


def _put(request: HttpRequest, incident_id: UUID) -> None:
    try:
        day = date.fromisoformat(request.POST.get("review_on", ""))
    except ValueError:
        raise WrongState(gettext("choose the day on which somebody looks at it again")) from None
    holds.put(person(request), incident_id, request.POST.get("reason", ""), day, datetime.now(UTC))


def _lift(request: HttpRequest, incident_id: UUID) -> None:
    holds.lift(person(request), incident_id, datetime.now(UTC))


def _done(request: HttpRequest, back: str, act: Callable[[], None], said: str) -> HttpResponse:
    try:
        act()
    except (NotThere, WrongState) as fault:
        words = str(fault)
        messages.error(request, f"{words[:1].upper()}{words[1:]}.")
    else:
        messages.success(request, said)
    return HttpResponseRedirect(back)
