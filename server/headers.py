"""Put the security headers on every page, and show its times in the organisation's zone."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

_Handler = Callable[[HttpRequest], HttpResponse]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        # The one policy there is makes a worker of the desk's own opening of headings, and of no other address.
        "trusted-types fairwatch-worker",
    )
)
"""No inline script or style and nothing from elsewhere: text smuggled into a page can't reach the lead's key."""

_SIGN_OUT = "/account/logout/"


class SecurityHeaders:
    """Strict content policy, no framing, no sniffing, and no page kept by a shared cache or the back button."""

    def __init__(self, get_response: _Handler) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the headers added."""
        response = self._next(request)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), usb=()"
        response.headers.setdefault("Cache-Control", "no-store")
        if request.method == "POST" and request.path == _SIGN_OUT:
            # Whoever sits down next must not walk back through what was shown; remembered heads stay.
            response.headers["Clear-Site-Data"] = '"cache"'
        return response


class OrganisationZone:
    """Show times in the organisation's time zone while a page is made; they stay UTC everywhere else."""

    def __init__(self, get_response: _Handler) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the zone active."""
        if not request.user.is_authenticated:
            return self._next(request)
        from server.store.models import Organisation  # late: models load after middleware is imported

        organisation = Organisation.objects.first()
        with timezone.override(ZoneInfo(organisation.timezone) if organisation is not None else None):
            return self._next(request)
