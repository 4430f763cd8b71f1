"""The second factor: who must have one, whether somebody has, how its secrets are kept, and how IT resets it."""

from __future__ import annotations

import base64
import secrets
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import segno
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.stages import AuthenticateStage
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext

from protocol import at_rest
from protocol.errors import NotTrusted
from server import audit, sign_in_mail
from server.errors import NotAllowed
from server.sign_in_settings import Oidc
from server.store.models import Organisation, Role, User

FACTORS: Final = ("totp", "webauthn")
"""What counts: an authenticator app or a passkey. Recovery codes stand in for them and never stand alone."""

CODE_USED_SECONDS: Final = 120
"""Longer than any code is taken (a step of 30 s, and one either way), so that none is taken twice."""

_PLACE: Final = b"second-factor"


def must_have(user: User) -> bool:
    """Whether this person's role needs a second factor here; a demonstration needs none, so that it stays simple."""
    wanted: tuple[str, ...] = settings.SECOND_FACTOR_ROLES
    if user.role not in wanted:
        return False
    organisation = Organisation.objects.first()
    return organisation is None or not organisation.sample


def has(user: User) -> bool:
    """Whether somebody set up an authenticator app or a passkey."""
    from allauth.mfa.models import Authenticator  # late: models load after settings name this adapter

    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists())


def stood_for(request: HttpRequest, user: User) -> bool:
    """Whether this session began with single sign-on that counts as a second factor (`counts_as_second_factor`)."""
    provider: Oidc | None = settings.SINGLE_SIGN_ON
    if provider is None or not provider.counts_as_second_factor:
        return False
    records = get_authentication_records(request, user)
    return any(one.get("method") == "socialaccount" and one.get("provider") == provider.id for one in records)


def is_missing(request: HttpRequest) -> bool:
    """Whether whoever is signed in must set up a second factor before anything else opens."""
    user = getattr(request, "user", None)  # a request that was refused early has none
    return isinstance(user, User) and must_have(user) and not has(user) and not stood_for(request, user)


def reset(user: User, by: User | None) -> None:
    """Take somebody's factors away when all were lost: their sessions end, they are told, the log has it.

    Raises NotAllowed when IT would reset their own: that needs another administrator, or the command on the collector.
    """
    from allauth.mfa.models import Authenticator

    if by is not None and (by.role != Role.IT or by.pk == user.pk):
        raise NotAllowed(gettext("another IT administrator must reset your own second factor"))
    with transaction.atomic():
        Authenticator.objects.filter(user_id=user.pk).delete()
        actor = audit.actor_of(by) if by is not None else "command"
        audit.write(actor, "second_factor_reset", audit.actor_of(user))
        end_sessions(user)
    sign_in_mail.tell(user, "Your second factor was reset by IT. You set up a new one when you next sign in.")
    if user.opens_evidence:
        sign_in_mail.tell_officers(f"The second factor of {user.get_full_name()} (user {user.pk}) was reset by IT.")


def end_sessions(user: User) -> None:
    """End everything that somebody is signed in to, at once."""
    from allauth.usersessions.models import UserSession
    from django.contrib.sessions.models import Session

    keys = list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    # The rows stay: they say where somebody signed in before, for `accounts`; a list of them shows only live ones.


class SecondFactorStage(AuthenticateStage):  # type: ignore[misc]  # allauth carries no types
    """Ask for the second factor after the first, unless single sign-on counts as both."""

    def _should_handle(self, request: HttpRequest) -> bool:
        if self.login.user is not None and stood_for(request, self.login.user):
            return False
        return bool(super()._should_handle(request))


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's second factors with secrets encrypted, passkeys bound to one address, and QR codes without scripts."""

    error_messages: ClassVar = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "That code or passkey is not right, or was used already. Try again, or use another way.",
    }

    def encrypt(self, text: str) -> str:
        """Hide a secret, so that a copied database or backup holds nobody's second factor."""
        return at_rest.hide(text, settings.SECRET_KEY.encode(), _PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        """Return a secret; one that can't be read any more becomes a random one, which matches no code."""
        try:
            return at_rest.reveal(encrypted_text, settings.SECRET_KEY.encode(), _PLACE)
        except NotTrusted:
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def build_totp_svg(self, url: str) -> str:
        """Return the QR code as SVG: black on white, so that phones read it in dark pages too."""
        return str(segno.make(url, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff"))

    def get_totp_issuer(self) -> str:
        """Name the organisation in the person's authenticator app."""
        organisation = Organisation.objects.first()
        return f"Fairwatch {organisation.name}" if organisation is not None else "Fairwatch"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Bind passkeys to the collector's own host name, whatever name a request used."""
        return {"id": urlsplit(settings.CONFIG.url).hostname or "localhost", "name": self.get_totp_issuer()}

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        """Keep the last factor of somebody who must have one; they add another first."""
        from allauth.mfa.models import Authenticator

        if authenticator.type not in FACTORS or not must_have(authenticator.user):
            return True
        others = Authenticator.objects.filter(user_id=authenticator.user_id, type__in=FACTORS)
        return bool(others.exclude(pk=authenticator.pk).exists())

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002, ARG002 - allauth's words
        """Suggest a name for a new passkey."""
        return "My passkey"


def take_code_once(user: User, code: str) -> bool:
    """Whether a code of an authenticator app was not used yet; it is now. Stops whoever reads it over a shoulder."""
    return bool(cache.add(f"totp-used:{user.pk}:{''.join(code.split())}", 1, CODE_USED_SECONDS))
