"""Account pages that the sign-in library brings and this collector closes: a stranger gets the sign-in page only.

Nobody signs up, changes the address that IT gave, or has a password sent by mail: IT makes accounts and passwords with
`fairwatch-server user`, on the collector itself. A mailbox must not open the desk.
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, re_path


def closed(request: HttpRequest, **parts: str) -> HttpResponse:  # noqa: ARG001 - a view takes what it is given
    """Answer that there is nothing here, whoever asks."""
    raise Http404


urlpatterns = [
    path("signup/", closed),
    path("email/", closed),
    re_path(r"^confirm-email/(?P<rest>.*)$", closed),
    path("password/set/", closed),
    re_path(r"^password/reset/(?P<rest>.*)$", closed),
    re_path(r"^login/code/(?P<rest>.*)$", closed),
]
