"""Signing in: nobody signs up, failing on purpose locks out nobody else, and people are told of changes by mail."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.internal import ratelimit
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse

from server import audit, log, sign_in_mail
from server.store.models import User

AUDITED_EVERY_SECONDS = 300
"""A flood of failures is one line of the audit log in five minutes, not thousands."""

FRESH_SECONDS = 300
"""A sign-in is fresh for as long as setting up a first passkey or app takes."""

KNOWN_ADDRESSES = 50
"""The addresses of this many sign-ins count as a person's own: an office, a home, a phone, over some weeks."""


class NoSignUp(DefaultAccountAdapter):  # type: ignore[misc]  # allauth carries no types
    """allauth's behaviour, narrowed to what this collector needs."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody signs up: a stranger must not be able to make themselves an account."""
        return False

    def get_login_stages(self) -> list[str]:
        """Return what may still be asked after the password: a second factor, in our own way (see `second_factor`)."""
        return ["server.second_factor.SecondFactorStage"]

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:  # noqa: ARG002
        """Ask again before changing how somebody signs in, unless they signed in within the last five minutes.

        An open screen that somebody else finds must not be enough to add a passkey of theirs.
        """
        records = get_authentication_records(self.request, self.request.user)
        newest = max((float(one["at"]) for one in records), default=0.0)
        return time.time() - newest > FRESH_SECONDS

    # --- failures ------------------------------------------------------------------------------------------------

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count failures by account and address together.

        By account alone, anybody could keep the lead out at 8 a.m. by failing five times every five minutes.
        """
        return f"{_login_of(credentials)}|{ratelimit.get_ip(request)}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse what failed too often, before any password is looked at."""
        self._elsewhere = None
        try:
            super().pre_authenticate(request, **credentials)
        except Exception:
            self._note_too_many(request, credentials)
            raise
        if not _signed_in_from_here(request, credentials):
            # Guessing at one account from many addresses; never counts where its person signed in before.
            self._elsewhere = ratelimit.consume(
                request, app="allauth.account", action="login_failed_elsewhere", key=_login_of(credentials)
            )
            if not self._elsewhere:
                self._note_too_many(request, credentials)
                raise self.validation_error("too_many_login_attempts")

    def _rollback_login_failed_rl_usage(self) -> None:
        super()._rollback_login_failed_rl_usage()
        if self._elsewhere:
            self._elsewhere.rollback()

    def _note_too_many(self, request: HttpRequest, credentials: dict[str, Any]) -> None:
        user = _user_of(credentials)
        subject = audit.actor_of(user) if user is not None else "user:unknown"
        ip = hashlib.sha256(ratelimit.get_ip(request).encode()).hexdigest()[:16]
        if cache.add(f"audited:{subject}:{ip}", 1, AUDITED_EVERY_SECONDS):
            audit.write("stranger", "sign_in_failed_too_often", subject)
            log.event("sign_in_failed_too_often", user=user.pk if user is not None else 0)

    # --- mails ---------------------------------------------------------------------------------------------------

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,  # noqa: ARG002
        email: str | None = None,
    ) -> None:
        """Tell a person of a change of their own account, in our words."""
        sentence = sign_in_mail.TOLD.get(template_prefix.rpartition("/")[2])
        if sentence is not None:
            sign_in_mail.tell(user, sentence, address=email or "")

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:  # noqa: ARG002
        """Send the link that sets a new password, to the address that IT keeps, whatever spelling was typed.

        A mail server that does not answer is not told to whoever asked: it would tell them that the account exists.
        """
        if not user.is_active:
            return
        sign_in_mail.send_quietly(
            user,
            "A new password for Fairwatch",
            f"Somebody, hopefully you, asked for a new password for {user.username}.",
            f"Set it here within an hour; the link works once:\n{context['password_reset_url']}",
            "If it was not you, do nothing: your password stays as it is.",
        )

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link under the collector's own address, not under whatever Host header the request named."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return f"{settings.CONFIG.url.rstrip('/')}{path.replace('UID-KEY', key)}"


def _login_of(credentials: dict[str, Any]) -> str:
    return str(credentials.get("email") or credentials.get("username") or "").lower()


def _user_of(credentials: dict[str, Any]) -> User | None:
    name = _login_of(credentials)
    return User.objects.filter(username__iexact=name).first() or User.objects.filter(email__iexact=name).first()


def _signed_in_from_here(request: HttpRequest, credentials: dict[str, Any]) -> bool:
    from allauth.usersessions.models import UserSession  # late: models load after settings name this adapter

    user = _user_of(credentials)
    if user is None:
        return False
    here = ratelimit.get_ip(request)
    known = UserSession.objects.filter(user=user).order_by("-pk").values_list("ip", flat=True)[:KNOWN_ADDRESSES]
    return here in {ratelimit.truncate_ip(str(one)) for one in known}
