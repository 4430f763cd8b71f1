"""IT's pages of phones: the list, one phone and what can be done with it, a fleet by table, and how to unlock it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from uuid import UUID

import segno
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from server import (
    csv_file,
    lost,
    phone_blind,
    phone_files,
    phone_fleet,
    phone_handout,
    phone_links,
    phone_place,
    phones,
)
from server.errors import CollectorError, ImportRefused, NotAllowed, NotThere
from server.phones import NewPhone, PhoneRow
from server.store.models import Device, Role
from server.trips import group_names
from server.web.access import View, data, page, person
from server.web.words import ago

ZIP_TYPE = "application/zip"
SHOWN_MAX = 300
"""Phones of one page; the search finds the others."""

_RANK = {"held": 0, "lost": 1, "silent": 2, "never": 3, "active": 4, "withdrawn": 5}


@dataclass(frozen=True)
class Shown:
    """One phone as the pages say it."""

    row: PhoneRow
    state: str
    asked: str

    @property
    def platform(self) -> str:
        """IPhone or iPad."""
        return phones.PLATFORMS[self.row.platform]

    def is_about(self, sought: str) -> bool:
        """Whether what somebody looks for is in its name, group, person or platform."""
        words = f"{self.row.name} {self.row.group} {self.row.account} {self.platform}".casefold()
        return sought.casefold() in words


def _change(view: View) -> View:
    """A form on a phone's page: what can't be done is said on that page."""

    @data("POST", Role.IT)
    @wraps(view)
    def guarded(request: HttpRequest, device_id: UUID) -> HttpResponse:
        try:
            return view(request, device_id)
        except NotThere:
            raise
        except CollectorError as fault:
            return _one(request, device_id, _sentence(fault))

    return guarded


@page(Role.IT)
def phone_list(request: HttpRequest) -> HttpResponse:
    """Show the phones, those that need a look first, and the gateways."""
    return _list(request)


@data("POST", Role.IT)
def add(request: HttpRequest) -> HttpResponse:
    """Add a phone, and show its id once."""
    given = NewPhone(
        _said(request, "name"),
        _said(request, "group"),
        _said(request, "platform"),
        request.POST.get("supervised") == "yes",
        _said(request, "account"),
        noticed=request.POST.get("noticed") == "yes",
    )
    try:
        phone_handout.place()
        device, ident = phones.add(person(request), given, _now())
    except CollectorError as fault:
        return _list(request, _sentence(fault), given)
    return _handed_out(request, device, ident)


@page(Role.IT)
def phone(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Show one phone, what can't be seen on it, and what can be done."""
    return _one(request, device_id)


@_change
def new_id(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Give a phone a new id: it was set up anew, or somebody else may know the old one."""
    phone_handout.place()
    ident = phones.new_id(person(request), device_id, _now())
    return _handed_out(request, phones.device(device_id), ident)


@_change
def hand_on(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Let a phone be another person's from now on."""
    noticed = request.POST.get("noticed") == "yes"
    phone_handout.place()
    ident = phones.hand_on(person(request), device_id, _said(request, "account"), _now(), noticed=noticed)
    return _handed_out(request, phones.device(device_id), ident)


@_change
def report_lost(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Note that a phone is lost, or that it was found."""
    (lost.found if request.POST.get("found") else lost.report)(person(request), device_id, _now())
    return redirect("phone", device_id)


@_change
def withdraw(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Retire a phone."""
    phones.withdraw(person(request), device_id, _now())
    return redirect("phone", device_id)


@_change
def link(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Make the one-time link by which the phone gets its files, and show it with a code to point the camera at."""
    phone_handout.place()
    made = phone_links.make(person(request), device_id, _now())
    context = {"device": phones.device(device_id), "link": made, "code": _code(made), "hours": 24}
    return render(request, "web/phone_link_made.html", context)


@data("POST", Role.IT)
def files(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Give a phone's files in one archive, to whoever has its id."""
    device, ident = phones.device(device_id), request.POST.get("id", "")
    phone_handout.known_id(device, ident)
    made = phone_handout.files(phone_handout.place(), device, ident, _now())
    return _download(phone_handout.archive(made), "fairwatch-phone.zip")


@page(Role.IT)
def fleet(request: HttpRequest) -> HttpResponse:
    """Show how to add a fleet."""
    return _fleet(request)


@data("POST", Role.IT)
def take_fleet(request: HttpRequest) -> HttpResponse:
    """Add the phones of a table, all or none, and hand out everything for them at once."""
    file = request.FILES.get("file")
    try:
        if file is None:
            raise ImportRefused(gettext("no file was chosen"))
        at = phone_handout.place()
        noticed = request.POST.get("noticed") == "yes"
        lines = phone_fleet.read(file.read(csv_file.FILE_MAX_BYTES + 1), noticed=noticed)
        variable = _said(request, "variable")
        if variable:
            phone_files.fleet_files(at, variable, supervised=False)  # a wrong one is refused before ids are drawn
        with transaction.atomic():  # without its files a phone that was added would have an id that nobody knows
            made = phone_fleet.add(person(request), lines, _now())
            packed = phone_handout.archive(phone_fleet.files(at, made, variable, phones.gateways_answering(_now())))
    except CollectorError as fault:
        return _fleet(request, _sentence(fault))
    return _download(packed, "fairwatch-phones.zip")


@page(Role.IT)
def unlock(request: HttpRequest) -> HttpResponse:
    """Show how a locked fleet gets its names back."""
    steps = next(one.body.decode() for one in phone_files.unlock_files() if one.name.endswith(".txt"))
    return render(request, "web/phones_unlock.html", {"steps": steps, "answering": phones.gateways_answering(_now())})


@page(Role.IT)
def unlock_archive(_request: HttpRequest) -> HttpResponse:
    """Give the files that let a fleet go again."""
    return _download(phone_handout.archive(phone_files.unlock_files()), "fairwatch-unlock.zip")


@data("POST", Role.IT)
def gateway(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Name a device a gateway, or take that from it."""
    try:
        phones.set_gateway(person(request), device_id, _now(), gateway=request.POST.get("gateway") == "yes")
    except NotAllowed as fault:
        return _list(request, _sentence(fault))
    return redirect("phones")


# --- parts -----------------------------------------------------------------------------------------------------------


def _list(request: HttpRequest, problem: str = "", given: NewPhone | None = None) -> HttpResponse:
    user, now = person(request), _now()
    shown = sorted((_shown(row, now) for row in phones.listing(user, now)), key=lambda one: _RANK[one.state])
    sought = request.GET.get("q", "").strip()
    found = [one for one in shown if one.is_about(sought)]
    gateways = phones.gateways(user, now)
    context = {
        "phones": found[:SHOWN_MAX],
        "more": max(len(found) - SHOWN_MAX, 0),
        "sought": sought,
        "any": bool(shown),
        "counts": {state: sum(one.state == state for one in shown) for state in _RANK},
        "gateways": [one for one in gateways if one.gateway],
        "others": [one for one in gateways if not one.gateway],
        "answering": sum(one.gateway and one.answers for one in gateways),
        "groups": sorted(group_names().items()),
        "platforms": phones.PLATFORMS.items(),
        "host": settings.CONFIG.phones.gateway,
        "problem": problem,
        "given": given,
    }
    return render(request, "web/phones.html", context, status=409 if problem else 200)


def _one(request: HttpRequest, device_id: UUID, problem: str = "") -> HttpResponse:
    user, now = person(request), _now()
    row = phones.one(user, device_id, now)
    context = {
        "shown": _shown(row, now),
        "blind": phone_blind.cannot_see(
            row.platform, supervised=row.supervised, failover=settings.CONFIG.phones.failover
        ),
        "by_link": row.platform in phone_links.PLATFORMS,
        "problem": problem,
    }
    return render(request, "web/phone.html", context, status=409 if problem else 200)


def _handed_out(request: HttpRequest, device: Device, ident: str) -> HttpResponse:
    at = phone_handout.place()
    context: dict[str, Any] = {
        "device": device,
        "platform": phones.PLATFORMS[device.platform],
        "id": ident,
        "https": phone_place.https_address(at, ident),
        "tls": phone_place.tls_name(at, ident),
        "files": phone_handout.files(at, device, ident, _now()),
        "by_link": device.platform in phone_links.PLATFORMS,
        "locks": device.platform == "android" and phones.gateways_answering(_now()) >= 2,
    }
    return render(request, "web/phone_handed_out.html", context)


def _fleet(request: HttpRequest, problem: str = "") -> HttpResponse:
    context = {
        "problem": problem,
        "most": phone_fleet.ROWS_MAX,
        "groups": sorted(group_names()),
        "host": settings.CONFIG.phones.gateway,
        "variable": request.POST.get("variable", ""),
    }
    return render(request, "web/phones_fleet.html", context, status=409 if problem else 200)


def _shown(row: PhoneRow, now: datetime) -> Shown:
    if row.status == Device.Status.REVOKED:
        state = "withdrawn"
    elif row.status != Device.Status.ACTIVE:
        state = "held"
    elif row.lost_since is not None:
        state = "lost"
    elif row.silent:
        state = "silent"
    else:
        state = "active" if row.last_asked is not None else "never"
    return Shown(row, state, ago(row.last_asked, now) if row.last_asked is not None else "")


def _code(text: str) -> SafeString:
    drawn = segno.make(text, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff")
    return mark_safe(drawn)  # noqa: S308 - squares alone


def _download(body: bytes, name: str) -> HttpResponse:
    answer = HttpResponse(body, content_type=ZIP_TYPE)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _said(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").strip()


def _sentence(fault: CollectorError) -> str:
    words = str(fault)
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def _now() -> datetime:
    return datetime.now(UTC)
