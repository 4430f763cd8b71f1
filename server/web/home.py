"""The front door: each role lands on its own first page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from server.store.models import Role
from server.web.access import page, person, rooms_of


@page(*Role)
def home(request: HttpRequest) -> HttpResponse:
    """Send somebody who signed in to their first page."""
    return redirect(rooms_of(person(request))[0].address)
