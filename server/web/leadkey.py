"""The lead's key: the page to make and try one, the words it takes, and the form to unlock it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from protocol import leadkeys as keyfile
from protocol.messages import encode
from server import leadkeys
from server.errors import NotThere
from server.store.models import Role, User
from server.web.access import answer, data, page, person


@page(Role.LEAD, Role.DEPUTY)
def key(request: HttpRequest) -> HttpResponse:
    """Show the key page: make one, try one, see whether it is signed."""
    return render(request, "web/key.html", key_context(person(request)))


@page(Role.LEAD, Role.DEPUTY)
def key_file(request: HttpRequest) -> HttpResponse:
    """Hand out one's own key file, for opening cases without this site. It opens only with its six words."""
    held = leadkeys.held(person(request))
    if not held.files:
        raise NotThere("there is no key")
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


def key_context(user: User) -> dict[str, Any]:
    """Return what the form to unlock a person's key needs."""
    held = leadkeys.held(user)
    return {
        "key_state": held.state,
        "key_json": held.json,
        "fingerprint": held.fingerprint,
        "made_at": held.made_at,
    }
