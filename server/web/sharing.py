"""Opening older cases to a lead who came later: the page, and what the browser takes and hands in."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from protocol.messages import encode, reader
from protocol.passing_on import Parcel
from server import recovered, sharing
from server.store.models import Role
from server.web.access import answer, data, page, person
from server.web.leadkey import key_context


class Handed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the browser made of some cases; `by_name` for one that a lead hands over whatever its group."""

    parcels: list[Parcel]
    by_name: bool = False


@page(Role.LEAD, Role.DEPUTY)
def share(request: HttpRequest) -> HttpResponse:
    """Show with whom older cases can be shared."""
    return render(request, "web/share.html", key_context(person(request)))


@data("GET", Role.LEAD, Role.DEPUTY)
def newcomers(request: HttpRequest) -> HttpResponse:
    """Say whom some of one's own cases are not yet open to."""
    return answer({"newcomers": sharing.newcomers(person(request))})


@data("GET", Role.LEAD, Role.DEPUTY)
def to_share(request: HttpRequest, key_id: str) -> HttpResponse:
    """Give the next cases to share with a key (`after=`), or one that is handed over by name (`incident=`)."""
    after, incident = (
        msgspec.convert(request.GET[name], UUID) if name in request.GET else None for name in ("after", "incident")
    )
    return answer({"cases": sharing.to_share(person(request), key_id, after=after, incident_id=incident)})


@data("POST", Role.LEAD, Role.DEPUTY)
def recovery_file(request: HttpRequest) -> HttpResponse:
    """Hand out what the custodians need to open older cases to one's own key; no text of any is readable in it."""
    made = recovered.file_for(person(request), datetime.now(UTC))
    response = HttpResponse(encode(made), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="fairwatch-recovery-{made.recipient[:8]}.json"'
    return response


@data("POST", Role.LEAD, Role.DEPUTY)
def take_recovered(request: HttpRequest, key_id: str) -> HttpResponse:
    """Keep some of what the custodians recovered for one's own key."""
    handed = reader(Handed).decode(request.body)
    return answer({"opened": recovered.take(person(request), key_id, handed.parcels, datetime.now(UTC))})


@data("POST", Role.LEAD, Role.DEPUTY)
def take(request: HttpRequest, key_id: str) -> HttpResponse:
    """Keep what the browser sealed for a key."""
    handed = reader(Handed).decode(request.body)
    now = datetime.now(UTC)
    return answer({"opened": sharing.take(person(request), key_id, handed.parcels, now, by_name=handed.by_name)})
