"""What every page shows: the organisation and its marks, and the pages that this person may enter."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext

from server import second_factor, single_sign_on
from server.store.models import Organisation
from server.web.access import rooms_of


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return what the base template needs."""
    user = getattr(request, "user", None)
    waits = request.path.startswith("/account/") and second_factor.is_missing(request)
    rooms = rooms_of(user) if user is not None and not waits else []
    return {
        "organisation": Organisation.objects.first(),
        "single_sign_on": single_sign_on.provider_settings(),
        "second_factor_missing": waits,
        "rooms": [
            {"name": gettext(room.name), "address": room.address, "here": room.address == request.path}
            for room in rooms
        ],
    }
