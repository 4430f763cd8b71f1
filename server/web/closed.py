"""Account pages that the sign-in library brings: those that people here need, and the rest closed.

Nobody signs up, changes the address that IT gave, or gets a code to sign in by mail. A mailbox alone does not open the
desk: a link by mail sets a password, and the second factor is still asked for.
"""

from __future__ import annotations

from allauth.usersessions import views as sessions
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from server.web import invitation, own_sessions, single_sign_on


def closed(request: HttpRequest, **parts: str) -> HttpResponse:  # noqa: ARG001 - a view takes what it is given
    """Answer that there is nothing here, whoever asks."""
    raise Http404


urlpatterns = [
    path("signup/", closed),
    path("email/", closed),
    re_path(r"^confirm-email/(?P<rest>.*)$", closed),
    path("password/set/", closed),
    re_path(r"^login/code/(?P<rest>.*)$", closed),
    path("2fa/recovery-codes/download/", closed),
    re_path(r"^2fa/webauthn/keys/(?P<key>\d+)/edit/$", closed),
    # One page shows every factor; the library's own list of passkeys leads there.
    path("2fa/webauthn/", RedirectView.as_view(pattern_name="mfa_index")),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", sessions.list_usersessions, name="usersessions_list"),
    path("sessions/<int:session_id>/end", own_sessions.end, name="session_end"),
    path("oidc/<slug:provider_id>/", single_sign_on.begin, name="openid_connect_login"),
    path("oidc/<slug:provider_id>/callback/", single_sign_on.callback, name="openid_connect_callback"),
    path("connections/", RedirectView.as_view(pattern_name="mfa_index"), name="socialaccount_connections"),
    path("invitation/<str:secret>/", invitation.invitation, name="invitation"),
]
