"""IT's page of the laptops that need a look, by kind with what to do, and what IT mutes until a day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from server import device_looks, device_mutes, devices
from server.errors import WrongState
from server.store.models import Role
from server.web.access import data, page, person
from server.web.it import one_device


@page(Role.IT)
def looks(request: HttpRequest) -> HttpResponse:
    """Show each kind with the newest of its laptops."""
    return _shown(request)


@page(Role.IT)
def looks_of(request: HttpRequest, kind: str) -> HttpResponse:
    """Show one kind alone, with more of its laptops."""
    if kind not in device_looks.KINDS:
        raise Http404
    return _shown(request, kind)


@data("POST", Role.IT)
def mute(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Leave a laptop out of the page until a day, or look at it again."""
    user, now = person(request), datetime.now(UTC)
    devices.one(user, device_id)  # phones have pages of their own
    try:
        if request.POST.get("end"):
            device_mutes.end(user, device_id, now)
        else:
            device_mutes.mute(user, device_id, _day(request.POST.get("until", "")), now)
    except WrongState as fault:
        return one_device(request, device_id, problem=f"{str(fault)[:1].upper()}{str(fault)[1:]}.")
    return redirect("device", device_id)


def _shown(request: HttpRequest, kind: str = "") -> HttpResponse:
    user, now = person(request), datetime.now(UTC)
    context = {
        "sections": device_looks.sections(
            user, now, kind, device_looks.ROWS_MAX_ALONE if kind else device_looks.ROWS_MAX
        ),
        "alone": kind,
        "muted": [] if kind else device_looks.muted(user, now),
    }
    return render(request, "web/device_looks.html", context)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongState(gettext("choose a day after today, within a year")) from None
