"""Recording a concern by hand: the page, and what the browser needs to seal one and hands in."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_lazy

from protocol.concerns import CONCERN_TEXT_MAX_CHARS, Concern
from protocol.messages import reader
from server import concerns, leadkeys
from server.errors import WrongState
from server.store.models import Device, Role
from server.web.access import answer, data, page, person
from server.web.leadkey import key_context
from server.web.words import category_names

SOURCES = (
    ("tutor", gettext_lazy("A tutor or another member of staff")),
    ("learner", gettext_lazy("A learner")),
    ("partner", gettext_lazy("A partner organisation")),
    ("parent", gettext_lazy("A parent or carer")),
    ("social_media", gettext_lazy("A post on social media")),
    ("other", gettext_lazy("Somebody else")),
)
"""Where a concern comes from; sealed like all that it says."""


@page(Role.LEAD, Role.DEPUTY)
def form(request: HttpRequest) -> HttpResponse:
    """Show the form; what is typed into it is sealed before it is sent."""
    user = person(request)
    groups = set(Device.objects.values_list("group", flat=True))
    listed = leadkeys.signed_list()
    groups |= {group for one in (listed.recipients if listed is not None else ()) for group in one.groups}
    context = {
        "sources": SOURCES,
        "categories": sorted(category_names().items(), key=lambda one: (one[0] == "other", one[1])),
        "groups": sorted(group for group in groups if not user.groups or group in user.groups),
        "most": CONCERN_TEXT_MAX_CHARS,
    }
    return render(request, "web/concern.html", {**context, **key_context(user)})


@data("POST", Role.LEAD, Role.DEPUTY)
def record(request: HttpRequest) -> HttpResponse:
    """Keep a concern, sealed and signed in the browser."""
    kept = concerns.record(person(request), reader(Concern).decode(request.body), datetime.now(UTC))
    return answer({"id": kept.pk, "reference": kept.reference})


@data("GET", Role.LEAD, Role.DEPUTY)
def recipients(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view takes its request
    """Give the signed list of who may open cases: the whole of it, so that no request tells whom a case is about."""
    listed = leadkeys.signed_list()
    if listed is None:
        raise WrongState(gettext("the custodians have not signed who may open cases yet, so nothing can be sealed"))
    return answer({"version": listed.version, "recipients": listed.recipients})
