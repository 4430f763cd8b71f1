"""What IT does with a laptop: it is lost, found, handed on, set up anew, or retired. Each goes back to its page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext

from server import device_life, devices, lost
from server.errors import WrongState
from server.store.models import Role
from server.web.access import data, person
from server.web.it import one_device


@data("POST", Role.IT)
def lost_or_found(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Note that a device is lost, or that it was found."""
    change = lost.found if request.POST.get("found") else lost.report
    return _done(request, device_id, lambda now: change(person(request), device_id, now))


@data("POST", Role.IT)
def hand_on(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Note that a device is another person's from now on."""
    ready, reason = bool(request.POST.get("own_account")), request.POST.get("reason", "")
    return _done(
        request,
        device_id,
        lambda now: device_life.hand_on(person(request), device_id, now, ready=ready, reason=reason),
    )


@data("POST", Role.IT)
def re_image(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Tie a device that was set up anew to the one that it was enrolled as."""

    def change(now: datetime) -> None:
        try:
            new = UUID(request.POST.get("new", ""))
        except ValueError:
            raise WrongState(gettext("choose the device that it was enrolled as")) from None
        device_life.re_imaged(person(request), device_id, new, now, reason=request.POST.get("reason", ""))

    return _done(request, device_id, change)


@data("POST", Role.IT)
def retire(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Retire a device."""
    at_once, reason = bool(request.POST.get("at_once")), request.POST.get("reason", "")
    return _done(
        request,
        device_id,
        lambda now: device_life.retire(person(request), device_id, now, at_once=at_once, reason=reason),
    )


def _done(request: HttpRequest, device_id: UUID, change: Callable[[datetime], None]) -> HttpResponse:
    devices.one(person(request), device_id)  # phones have pages of their own
    try:
        change(datetime.now(UTC))
    except WrongState as fault:
        return one_device(request, device_id, problem=f"{str(fault)[:1].upper()}{str(fault)[1:]}.")
    return redirect("device", device_id)
