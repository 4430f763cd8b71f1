"""The page behind the link of an urgent message: it shows what waits, and only its button takes a case.

Opening the page changes nothing: mail scanners open links, and must not silence an alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from server import holding, incidents, preferences
from server.errors import NotThere
from server.store.models import Incident, User
from server.web.access import LEADS, data, page, person
from server.web.words import span
from server.working_hours import organisation_zone


@dataclass(frozen=True)
class Case:
    """One urgent case, with nothing of it that is sealed."""

    id: UUID
    reference: str
    started: datetime
    received_at: datetime
    waiting: str
    taken_by: str
    taken_at: datetime | None
    closed: bool
    went_on: bool


@page(*LEADS)
def waiting(request: HttpRequest, reference: str | None = None) -> HttpResponse:
    """Show the urgent cases that nobody has taken, or one case whatever has become of it."""
    user, now = person(request), datetime.now(UTC)
    rows = [_case(one, now) for one in (_untaken(user) if reference is None else [_named(user, reference)])]
    today = now.astimezone(organisation_zone()).date()
    away = [one for one in preferences.absences(user, now) if one.first_day <= today <= one.last_day]
    context = {"cases": rows, "one": rows[0] if reference is not None else None, "away": away}
    return render(request, "web/waiting.html", context)


@data("POST", *LEADS)
def take(request: HttpRequest, reference: str) -> HttpResponse:
    """Take one case."""
    user, now = person(request), datetime.now(UTC)
    case = _named(user, reference)
    holder = holding.acknowledge(user, case.pk, now)
    if holder.id != user.pk:
        said = _("%(name)s has taken %(case)s already.") % {"name": holder.name, "case": case.reference}
        messages.warning(request, said)
    return HttpResponseRedirect(reverse("waiting_case", args=[case.reference]))


@data("POST", *LEADS)
def take_all(request: HttpRequest) -> HttpResponse:
    """Take all that the person saw on the page: those that came since go on ringing."""
    user, now = person(request), datetime.now(UTC)
    seen = set(request.POST.getlist("case"))
    for one in _untaken(user):
        if one.reference in seen:
            holding.acknowledge(user, one.pk, now)
    return HttpResponseRedirect(reverse("waiting"))


def _untaken(user: User) -> list[Incident]:
    mine = Incident.objects.filter(pk__in=incidents.visible(user).values("incident"), escalation__ended_at__isnull=True)
    return list(mine.filter(escalation__isnull=False).select_related("acknowledged_by").order_by("received_at"))


def _named(user: User, reference: str) -> Incident:
    mine = Incident.objects.filter(pk__in=incidents.visible(user).values("incident"), reference=reference)
    found = mine.select_related("acknowledged_by").first()
    if found is None:
        raise NotThere(_("there is no such incident"))
    return found


def _case(one: Incident, now: datetime) -> Case:
    holder = one.acknowledged_by
    return Case(
        id=one.pk,
        reference=one.reference,
        started=one.started,
        received_at=one.received_at,
        waiting=span(now - one.received_at),
        taken_by=holder.get_full_name() if holder is not None else "",
        taken_at=one.acknowledged_at,
        closed=not holding.is_open(one),
        went_on=one.new_since_closing,
    )
