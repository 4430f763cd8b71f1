"""Sign in with the organisation's identity provider (OpenID Connect). It never makes an account: IT does.

An identity is tied to an account once, by its subject (`sub`), and stays tied to that one. What is believed of a
token: its signature, issuer, audience, time and nonce, and the tenant and mail domain that collector.toml names.
"""

from __future__ import annotations

import secrets
from typing import Any, Final, NoReturn

import jwt
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from server import audit, log
from server.sign_in_settings import Oidc
from server.store.models import User

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures with a public key. `none` and keyed hashes are refused: a token could be made by whoever reads the key."""

CLOCK_SECONDS: Final = 60
"""How far the provider's clock may be from ours."""

REFUSALS: Final = {
    "failed": "The sign-in could not be completed. Start again; if it fails again, tell your IT administrator.",
    "tenant": "This account does not belong to your organisation. Sign in with your work account.",
    "unverified": "Your organisation's sign-in did not confirm your e-mail address. Tell your IT administrator.",
    "stranger": "Nobody with this address has an account here. Ask your IT administrator to add you.",
    "other": "This identity is not the one that your account is connected to. Ask your IT administrator.",
    "connect": "This identity is connected to another account already. Ask your IT administrator.",
}
"""What a person is told when single sign-on is refused, by the reason that the log has."""


def provider_settings() -> Oidc | None:
    """Return the configured identity provider, if there is one."""
    found: Oidc | None = settings.SINGLE_SIGN_ON
    return found


class Connection(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth carries no types
    """How the collector speaks with the provider: its own address as redirect, and every token's signature checked."""

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:  # noqa: ARG002
        """Return the redirect address as the provider has it registered, whatever host the request named."""
        path = reverse("openid_connect_callback", kwargs={"provider_id": self.provider_id})
        return f"{settings.CONFIG.url.rstrip('/')}{path}"

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """Read the signed ID token; the address may come from the provider's own page about the same subject."""
        claims = self._decode_id_token(app, str(kwargs["response"].get("id_token") or ""))
        if "email" not in claims:
            told = self._fetch_user_info(token.token)
            if not isinstance(told, dict) or told.get("sub") != claims.get("sub"):
                raise OAuth2Error("userinfo is about somebody else")
            claims = {**{key: told[key] for key in ("email", "email_verified") if key in told}, **claims}
        return self.get_provider().sociallogin_from_response(request, {"id_token": claims})

    def _decode_id_token(self, app: Any, id_token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(id_token)
            if header.get("alg") not in ALGORITHMS:
                raise OAuth2Error("the id_token is not signed with a public key")
            claims: dict[str, Any] = jwt.decode(
                id_token,
                self._key(header.get("kid")),
                algorithms=[header["alg"]],
                issuer=self.openid_config["issuer"],
                audience=app.client_id,
                leeway=CLOCK_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except (KeyError, TypeError, ValueError, jwt.PyJWTError) as fault:
            raise OAuth2Error("the id_token or the provider's keys can't be read") from fault
        return claims

    def _key(self, key_id: str | None) -> jwt.PyJWK:
        """Return the provider's key of that id; a token may name none where there is only one."""
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
        known = jwt.PyJWKSet.from_dict(answer.json()).keys
        fitting = [key for key in known if key_id is None or key.key_id == key_id]
        if len(fitting) != 1:
            raise OAuth2Error("the provider has no such key")
        return fitting[0]


class Provider(OpenIDConnectProvider):  # type: ignore[misc]
    """The configured provider, spoken with by `Connection`."""

    oauth2_adapter_class = Connection

    def begin(self, request: HttpRequest, process: str, next_url: str | None) -> HttpResponse:
        """Send the browser to the provider, with a state, a nonce and a proof key that only this session knows."""
        nonce = secrets.token_urlsafe(24)
        response: HttpResponse = self.redirect(
            request, process, next_url=next_url, auth_params={"nonce": nonce}, scope=self.get_scope(), nonce=nonce
        )
        return response


class Adapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Whom single sign-on lets in: people whom IT added, by an identity of the organisation."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[Any]:  # noqa: ARG002
        """Return the provider of collector.toml; none is ever kept in the database."""
        from allauth.socialaccount.models import SocialApp

        found = provider_settings()
        if found is None or (provider is not None and provider not in {found.id, "openid_connect"}):
            return []
        app = SocialApp(provider="openid_connect", provider_id=found.id, name=found.name)
        app.client_id, app.secret = found.client_id, found.secret
        app.settings = {"server_url": found.server.rstrip("/"), "oauth_pkce_enabled": True}
        return [app]

    def get_provider(self, request: HttpRequest, provider: Any, client_id: Any = None) -> Provider:
        """Return the configured provider; raises SocialApp.DoesNotExist for another."""
        return Provider(request, app=self.get_app(request, provider, client_id))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002
        """Nobody signs up."""
        return False

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,  # noqa: ARG002
        error: Any = None,  # noqa: ARG002
        exception: Any = None,
        extra_context: Any = None,  # noqa: ARG002
    ) -> None:
        """Say in one sentence that it failed; the log has the kind of fault, never the provider's words."""
        log.event("single_sign_on_failed", fault=type(exception).__name__ if exception is not None else "answer")
        _refuse(request, "failed")

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Decide whose account it is; refuses, with one sentence, whoever may not come in."""
        found = provider_settings()
        claims = dict(sociallogin.account.extra_data.get("id_token") or {})
        # The claims name a person; only the subject is kept.
        sociallogin.account.extra_data = {}
        expected = str(sociallogin.state.get("nonce") or "")
        if found is None or not expected or not secrets.compare_digest(str(claims.get("nonce") or ""), expected):
            _refuse(request, "failed")
        if not _of_the_organisation(found, claims):
            _refuse(request, "tenant")
        if sociallogin.state.get("process") == "connect":
            self._connect(request, sociallogin)
        else:
            self._sign_in(request, sociallogin, found, claims)

    def _connect(self, request: HttpRequest, sociallogin: Any) -> None:
        """Tie the identity to whoever is signed in, if it is nobody's and they have no other."""
        from allauth.socialaccount.models import SocialAccount

        account, user = sociallogin.account, request.user
        if not isinstance(user, User):
            _refuse(request, "failed")
        theirs = SocialAccount.objects.filter(user_id=user.pk, provider=account.provider).exclude(uid=account.uid)
        taken = SocialAccount.objects.filter(provider=account.provider, uid=account.uid).exclude(user_id=user.pk)
        if theirs.exists() or taken.exists():
            _refuse(request, "connect")
        sociallogin.user = user
        audit.write(audit.actor_of(user), "single_sign_on_connected", audit.actor_of(user))

    def _sign_in(self, request: HttpRequest, sociallogin: Any, found: Oidc, claims: dict[str, Any]) -> None:
        """Find the account by the subject, or the first time by the verified address of a trusted provider."""
        from allauth.socialaccount.models import SocialAccount

        known = SocialAccount.objects.filter(provider=found.id, uid=sociallogin.account.uid).first()
        if known is not None:
            SocialAccount.objects.filter(pk=known.pk).update(extra_data={})
            sociallogin.account, sociallogin.user = known, known.user
        elif not found.trusted:
            _refuse(request, "stranger")
        elif not _verified(claims):
            _refuse(request, "unverified")
        else:
            self._tie(request, sociallogin, str(claims.get("email") or ""))
        if not sociallogin.user.is_active:
            _refuse(request, "stranger")

    def _tie(self, request: HttpRequest, sociallogin: Any, email: str) -> None:
        from allauth.socialaccount.models import SocialAccount

        owners = list(User.objects.filter(email__iexact=email, is_active=True)[:2]) if email else []
        if len(owners) != 1:
            _refuse(request, "stranger")
        owner, account = owners[0], sociallogin.account
        # An address that the provider gave to somebody new must not open the account of who had it before.
        if SocialAccount.objects.filter(user_id=owner.pk, provider=account.provider).exists():
            _refuse(request, "other")
        try:
            with transaction.atomic():
                account.user = owner
                account.save()
                audit.write(audit.actor_of(owner), "single_sign_on_connected", audit.actor_of(owner))
        except IntegrityError:
            _refuse(request, "failed")
        sociallogin.user = owner


def _of_the_organisation(found: Oidc, claims: dict[str, Any]) -> bool:
    """Whether tenant and mail domain are the organisation's, as far as collector.toml narrows them."""
    tenants = {one.lower() for one in found.tenants}
    domains = {one.lower() for one in found.domains}
    if tenants and not {str(claims.get(key) or "").lower() for key in ("tid", "hd")} & tenants:
        return False
    domain = str(claims.get("email") or "").rpartition("@")[2].lower()
    return not domains or domain in domains


def _verified(claims: dict[str, Any]) -> bool:
    """Whether the provider says that it checked the address.

    Entra ID says nothing of it; there the directory of a named tenant is the organisation's own.
    """
    if "email_verified" in claims:
        return claims["email_verified"] is True or claims["email_verified"] == "true"
    found = provider_settings()
    return found is not None and str(claims.get("tid") or "").lower() in {one.lower() for one in found.tenants}


def refusal(request: HttpRequest, reason: str) -> HttpResponse:
    """Return the page that says in one sentence why somebody is not let in."""
    log.event("single_sign_on_refused", reason=reason)
    return render(request, "socialaccount/refused.html", {"sentence": REFUSALS[reason]}, status=403)


def _refuse(request: HttpRequest, reason: str) -> NoReturn:
    raise ImmediateHttpResponse(refusal(request, reason))
