"""The lead's key: the page to make and try one, the words it takes, and the form to unlock it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import msgspec
import segno
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from protocol import leadkeys as keyfile
from protocol.messages import encode, reader
from server import leadkeys, passkeys
from server.errors import NotThere
from server.store.models import Role, User
from server.web.access import answer, data, page, person
from server.working_hours import organisation_zone

OPENERS_LEAST = 2
"""With one, a holiday or a lost sheet leaves nobody to look, and a case about that one has no reader at all."""


class Which(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of one's own passkeys."""

    id: int


@page(Role.LEAD, Role.DEPUTY)
def key(request: HttpRequest) -> HttpResponse:
    """Show the key page: make one, try one, see whether it is signed."""
    user = person(request)
    context = {"passkeys": passkeys.of(user), "address": _address(), **key_context(user)}
    return render(request, "web/key.html", context)


@page(Role.LEAD, Role.DEPUTY)
def address_code(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view takes its request
    """Draw this page's address for a phone's camera. It holds nothing but the address."""
    drawn = io.BytesIO()
    segno.make(_address(), error="m").save(drawn, kind="svg", scale=5, border=3, light="#fff", dark="#000")
    return HttpResponse(drawn.getvalue(), content_type="image/svg+xml")


@page(Role.LEAD, Role.DEPUTY)
def key_file(request: HttpRequest) -> HttpResponse:
    """Hand out one's own key file, for opening cases without this site. It opens only with its six words."""
    held = leadkeys.held(person(request))
    if not held.files:
        raise NotThere(gettext("there is no key"))
    response = HttpResponse(encode(held.files[0]), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="fairwatch-key-{held.files[0].key_id[:8]}.json"'
    return response


@data("GET", Role.LEAD, Role.DEPUTY)
def words(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view takes its request
    """Give the words that the browser chooses a passphrase from."""
    return answer({"words": keyfile.words()})


@data("POST", Role.LEAD, Role.DEPUTY)
def save_key(request: HttpRequest) -> HttpResponse:
    """Keep a key that the browser made."""
    kept = leadkeys.keep(person(request), request.body)
    return answer({"key_id": kept.key_id})


@data("POST", Role.LEAD, Role.DEPUTY)
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Keep what a passkey of this device wraps."""
    return answer({"id": passkeys.add(person(request), request.body).pk})


@data("POST", Role.LEAD, Role.DEPUTY)
def remove_passkey(request: HttpRequest) -> HttpResponse:
    """Forget what a passkey wraps."""
    which = reader(Which).decode(request.body)
    passkeys.remove(person(request), which.id)
    return answer({"id": which.id})


@data("POST", Role.LEAD, Role.DEPUTY)
def passkey_used(request: HttpRequest) -> HttpResponse:
    """Remember that a passkey was just used."""
    which = reader(Which).decode(request.body)
    passkeys.used(person(request), which.id, datetime.now(UTC))
    return answer({"id": which.id})


def _address() -> str:
    return f"{settings.CONFIG.url.rstrip('/')}{reverse('key')}"


def key_context(user: User) -> dict[str, Any]:
    """Return what the form to unlock a person's key needs."""
    held = leadkeys.held(user)
    openers = leadkeys.openers(datetime.now(organisation_zone()).date())
    return {
        "key_state": held.state,
        "key_json": held.json,
        "fingerprint": held.fingerprint,
        "made_at": held.made_at,
        "few_openers": openers is not None and openers.all < OPENERS_LEAST,
        "few_here": openers is not None and openers.here < OPENERS_LEAST,
        "passkeys_json": passkeys.for_unlocking(user),
    }
