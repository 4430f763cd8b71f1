"""What whoever signs in is asked to read and acknowledge, and for IT, management and leads: who has still to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from server import acknowledgements
from server.store.models import Role
from server.web.access import LEADS, data, page, person
from server.working_hours import organisation_zone

SHOWN_MAX = 500
"""Lines of the table; the command gives all."""


@page(*Role)
def documents(request: HttpRequest) -> HttpResponse:
    """Show the person's own documents, and below who has still to acknowledge which."""
    user = person(request)
    shown: dict[str, Any] = {"own": acknowledgements.own(user)}
    if user.role in {Role.IT, Role.MANAGER, *LEADS}:
        today = datetime.now(UTC).astimezone(organisation_zone()).date()
        found = acknowledgements.register(today, user.in_scope)
        due = found.due
        shown |= {"all": True, "due": due[:SHOWN_MAX], "more": max(0, len(due) - SHOWN_MAX), "counts": found.counts}
    return render(request, "web/documents.html", shown)


@data("POST", *Role)
def acknowledge(request: HttpRequest) -> HttpResponse:
    """Keep that the person has read a document."""
    document, shown = request.POST.get("document", ""), request.POST.get("shown", "")
    acknowledgements.acknowledge(person(request), document, shown, datetime.now(UTC))
    messages.success(request, _("Thank you. It is kept with your name, the version and today’s date."))
    return HttpResponseRedirect(reverse("documents"))
