"""The leads' page of lists on trial: what they would have met, opened and added up in the browser."""

from __future__ import annotations

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from protocol.messages import reader
from rules.services import in_words, shipped
from server import trials
from server.store.models import Role
from server.web.access import answer, data, page, person
from server.web.leadkey import key_context
from server.web.words import category_names


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which reports to hand out: those behind this place, 0 to begin."""

    after: int


@page(Role.LEAD, Role.DEPUTY)
def lists_on_trial(request: HttpRequest) -> HttpResponse:
    """Show the page, still sealed."""
    return render(request, "web/trials.html", {"days": trials.SHOWN_FOR.days, **key_context(person(request))})


@data("POST", Role.LEAD, Role.DEPUTY)
def open_counts(request: HttpRequest) -> HttpResponse:
    """Hand out sealed reports, once the opening is in the audit log."""
    wanted = reader(Wanted).decode(request.body)
    if not 0 <= wanted.after < 2**62:
        raise msgspec.ValidationError("after")
    given = trials.opened(person(request), wanted.after)
    services = {one.identity: in_words(one.identity) for one in shipped().values()}
    words = {"categories": category_names(), "services": services}
    return answer({"reports": given.reports, "following": given.following, **words})
