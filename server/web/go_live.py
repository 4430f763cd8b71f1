"""What is still missing before real use, for IT and the data protection officer. It counts no case."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from server import go_live
from server.errors import NotThere
from server.web.access import data, page, person, rooms_of


@page(*go_live.READERS)
def overview(request: HttpRequest) -> HttpResponse:
    """Show each point, done ones with their date."""
    standings = go_live.standings(Path(settings.DATA_DIR))
    may_enter = {room.address for room in rooms_of(person(request))}
    rows = [(one, _address(one.point.page, may_enter)) for one in standings]
    missing = sum(not one.done for one in standings)
    return render(request, "web/go_live.html", {"rows": rows, "missing": missing})


@data("POST", *go_live.READERS)
def tick(request: HttpRequest) -> HttpResponse:
    """Say that a point is done, or no longer is."""
    try:
        done = request.POST.get("done") == "yes"
        go_live.tick(person(request), request.POST.get("point", ""), datetime.now(UTC), done=done)
    except NotThere as fault:
        words = str(fault)
        messages.error(request, f"{words[:1].upper()}{words[1:]}.")
    return HttpResponseRedirect(reverse("go_live"))


def _address(name: str, may_enter: set[str]) -> str:
    address = reverse(name) if name else ""
    return address if address in may_enter else ""
