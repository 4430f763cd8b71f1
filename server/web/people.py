"""Real names for leads; IT's page to import people, which shows nothing but what IT's file says."""

from __future__ import annotations

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse

from server import directory
from server.store.models import Role
from server.web.access import answer, data, person


@data("GET", Role.LEAD, Role.DEPUTY)
def names(request: HttpRequest) -> HttpResponse:
    """Give the real names behind accounts, of the groups that this lead is for."""
    response = answer({"people": [asdict(one) for one in directory.shown_to(person(request))]})
    response.headers["Cache-Control"] = "no-store"
    return response
