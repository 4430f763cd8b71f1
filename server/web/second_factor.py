"""Lead whoever must have a second factor, and has none, to set it up before anything else opens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from server import second_factor

OPEN_WITHOUT: Final = frozenset(
    {
        "mfa_index",
        "mfa_add_webauthn",
        "mfa_activate_totp",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "account_reauthenticate",
        "account_logout",
        "openid_connect_login",
        "openid_connect_callback",
    }
)
"""The pages on which a second factor is set up, and the way out. Every other page waits."""


class SecondFactorFirst:
    """Middleware: pages lead to the set-up, data is refused in a sentence, and nothing is done before."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer as the next one does; the decision is made when it is known which page is asked for."""
        return self._next(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponse],  # noqa: ARG002 - Django passes them by position
        args: Any,  # noqa: ARG002
        kwargs: Any,  # noqa: ARG002
    ) -> HttpResponse | None:
        """Let the page through, or answer instead of it."""
        match = request.resolver_match
        if request.path.startswith(settings.STATIC_URL) or (match is not None and match.url_name in OPEN_WITHOUT):
            return None
        if not request.user.is_authenticated or not second_factor.is_missing(request):
            return None
        if "/data/" in request.path:
            return JsonResponse({"error": "Set up a second factor first: open this page again."}, status=403)
        return redirect("mfa_index")
