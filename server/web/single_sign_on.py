"""Go to the organisation's identity provider and come back."""

from __future__ import annotations

from typing import Final

import requests
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from server import log, single_sign_on
from server.web.access import limited, open_page

_FAULTS: Final = (OAuth2Error, requests.RequestException, KeyError, TypeError, ValueError)
"""What a provider that does not answer, or answers oddly, comes to."""


@open_page
@limited("single_sign_on")
def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send somebody to sign in there; whoever is signed in here connects their own account.

    A plain link, not a form: the content policy lets no form lead elsewhere.
    """
    _known(provider_id)
    process, following = "login", request.GET.get("next", "")
    if request.user.is_authenticated:
        raise_if_reauthentication_required(request, app="allauth.mfa")
        process, following = "connect", "/account/2fa/"
    inside = url_has_allowed_host_and_scheme(following, allowed_hosts=None)
    try:
        provider = get_adapter(request).get_provider(request, provider_id)
        answer: HttpResponse = provider.begin(request, process, following if inside else None)
    except _FAULTS as fault:
        log.failure("single_sign_on_failed", fault)
        return single_sign_on.refusal(request, "failed")
    return answer


@open_page
@limited("single_sign_on")
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Take what the provider says, and let the person in or say why not."""
    _known(provider_id)
    try:
        view = OAuth2CallbackView.adapter_view(single_sign_on.Connection(request, provider_id))
        answer: HttpResponse = view(request)
    except _FAULTS as fault:
        log.failure("single_sign_on_failed", fault)
        return single_sign_on.refusal(request, "failed")
    return answer


def _known(provider_id: str) -> None:
    found = single_sign_on.provider_settings()
    if found is None or found.id != provider_id:
        raise Http404
