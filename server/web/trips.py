"""The page of the harmless tests, for IT and leads: the last of each group, how long it took, and «Test now»."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop, ngettext

from server import trips
from server.errors import CollectorError, NotThere
from server.store.models import Role, Trip
from server.trips import Standing
from server.web.access import LEADS, answer, data, page, person
from server.web.words import ago

_OUTCOMES: dict[str, tuple[str, str]] = {
    "waiting": ("plain", gettext_noop("under way")),
    "arrived": ("good", gettext_noop("arrived")),
    "late": ("warn", gettext_noop("arrived too late")),
    "not_fetched": ("urgent", gettext_noop("the device did not come for it")),
    "not_arrived": ("urgent", gettext_noop("did not arrive")),
}
_SOURCES = {
    "trip": gettext_noop("by the agent"),
    "browser_history": gettext_noop("by a visit, seen in the browser history"),
    "browser_extension": gettext_noop("by a visit, told by the browser extension"),
}


@page(Role.IT, *LEADS)
def tests(request: HttpRequest) -> HttpResponse:
    """Show each group's last test, the one under way, and those before."""
    user, now = person(request), datetime.now(UTC)
    names = trips.group_names()
    rows = [_row(one, names, now) for one in trips.standing(user)]
    context = {
        "rows": rows,
        "earlier": [_told(trip, names) for trip in trips.earlier(user)],
        "may_choose": user.role == Role.IT,
        "arrive_minutes": int(trips.ARRIVE_WITHIN.total_seconds() // 60),
        "fetch_days": trips.FETCH_WEEKLY_WITHIN.days,
        "standing": _standing(request),
    }
    return render(request, "web/tests.html", context)


@data("POST", Role.IT, *LEADS)
def ask(request: HttpRequest) -> HttpResponse:
    """Ask a group's device for a test."""
    by = Trip.By.VISIT if request.POST.get("by") == "visit" else Trip.By.SERVICE
    try:
        trips.ask(person(request), request.POST.get("group", ""), by, datetime.now(UTC))
    except CollectorError as fault:
        messages.error(request, f"{str(fault)[:1].upper()}{str(fault)[1:]}.")
    else:
        messages.success(
            request, gettext("The test is asked for. The device comes for it within five minutes, if it is on.")
        )
    return HttpResponseRedirect(reverse("tests"))


@data("POST", Role.IT)
def choose(request: HttpRequest) -> HttpResponse:
    """Let one device make a group's tests, or the one that was heard of last."""
    wanted = request.POST.get("device", "")
    try:
        device = UUID(wanted) if wanted else None
    except ValueError:
        raise NotThere(gettext("there is no such device in that group")) from None
    trips.choose(person(request), request.POST.get("group", ""), device, datetime.now(UTC))
    messages.success(request, gettext("Saved."))
    return HttpResponseRedirect(reverse("tests"))


@data("GET", Role.IT, *LEADS)
def standing(request: HttpRequest) -> HttpResponse:
    """Say how the tests stand, so that an open page notices a change."""
    return answer({"standing": _standing(request)})


def _standing(request: HttpRequest) -> str:
    shown = [trip for one in trips.standing(person(request)) for trip in (one.waiting, one.last) if trip is not None]
    return " ".join(f"{trip.pk} {trips.outcome(trip)} {trip.fetched_at is not None}" for trip in shown)


def _row(one: Standing, names: Mapping[str, str], now: datetime) -> dict[str, object]:
    return {
        "group": one.group,
        "name": one.name,
        "device": one.device,
        "heard": ago(one.device.last_seen, now) if one.device is not None else "",
        "chosen": one.chosen,
        "waiting": one.waiting,
        "last": _told(one.last, names) if one.last is not None else None,
        "choosable": trips.choosable(one.group),
    }


def _told(trip: Trip, names: Mapping[str, str]) -> dict[str, object]:
    look, words = _OUTCOMES[trips.outcome(trip)]
    return {
        "trip": trip,
        "name": names.get(trip.group, trip.group),
        "look": look,
        "words": gettext(words),
        "took": duration(trip.took) if trip.took is not None else "–",
        "tried": gettext(_SOURCES.get(trip.source, trip.source.replace("_", " "))) if trip.source else "–",
    }


def duration(took: timedelta) -> str:
    """Return how long a trip took: seconds below two minutes, else minutes or hours."""
    seconds = round(took.total_seconds())
    if seconds < 1:
        return gettext("under a second")
    if seconds < 120:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    minutes = seconds // 60
    if minutes < 120:
        return gettext("%(count)d minutes") % {"count": minutes}
    return gettext("%(count)d hours") % {"count": minutes // 60}
