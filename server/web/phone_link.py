"""The page behind a phone's one-time link: says what it is about, and sets the phone up at a press.

It is for whoever holds the phone, who does not sign in. It says nothing about anybody, and is answered the same for a
link that was used, is old, or never was.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render

from server import phone_handout, phone_links, phone_place, phones
from server.errors import CollectorError, NotThere
from server.phone_files import PROFILE_TYPE
from server.store.models import Device
from server.web.access import limited


@limited("phone_link")
def phone_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Show what will be set up, as often as it is opened; only the press uses the link up."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    now = datetime.now(UTC)
    try:
        if request.method != "POST":
            return _page(request, phone_links.whose(secret, now))
        at = phone_handout.place()
        with transaction.atomic():  # a link is used up only with its files made
            device, ident = phone_links.use(secret, now)
            first = phone_handout.files(at, device, ident, now)[0]
    except NotThere:
        return render(request, "web/phone_link_over.html", status=410)
    except CollectorError:
        return render(request, "web/phone_link_over.html", status=503)
    if device.platform == "android":
        context = {"device": device, "host": phone_place.tls_name(at, ident)}
        return render(request, "web/phone_link_android.html", context)
    answer = HttpResponse(first.body, content_type=PROFILE_TYPE)
    answer["Content-Disposition"] = f'attachment; filename="{first.name}"'
    return answer


def _page(request: HttpRequest, device: Device) -> HttpResponse:
    context = {"device": device, "platform": phones.PLATFORMS[device.platform]}
    return render(request, "web/phone_link.html", context)
