"""Put sign-in events on the audit log: who signed in, and what became of second factors and passwords; ids only."""

from __future__ import annotations

from typing import Any

from server import audit, log
from server.store.models import User


def listen() -> None:
    """Connect to what allauth reports. Only real sign-ins come this way."""
    from allauth.account import signals as account
    from allauth.mfa import signals as mfa

    account.user_logged_in.connect(_signed_in, dispatch_uid="fairwatch_signed_in")
    account.password_changed.connect(_password_changed, dispatch_uid="fairwatch_password_changed")
    account.password_reset.connect(_password_reset, dispatch_uid="fairwatch_password_reset")
    mfa.authenticator_added.connect(_added, dispatch_uid="fairwatch_factor_added")
    mfa.authenticator_removed.connect(_removed, dispatch_uid="fairwatch_factor_removed")
    mfa.authenticator_reset.connect(_renewed, dispatch_uid="fairwatch_factor_renewed")
    mfa.authenticator_used.connect(_used, dispatch_uid="fairwatch_factor_used")


def _write(user: User, action: str, subject: str | None = None) -> None:
    audit.write(audit.actor_of(user), action, subject or audit.actor_of(user))
    log.event(action, user=user.pk)


def _signed_in(user: User, **_: Any) -> None:
    _write(user, "signed_in")


def _password_changed(user: User, **_: Any) -> None:
    _write(user, "password_changed")


def _password_reset(user: User, **_: Any) -> None:
    _write(user, "password_reset_by_mail")


def _added(user: User, authenticator: Any, **_: Any) -> None:
    _write(user, "second_factor_added", _factor(authenticator))


def _removed(user: User, authenticator: Any, **_: Any) -> None:
    _write(user, "second_factor_removed", _factor(authenticator))


def _renewed(user: User, authenticator: Any, **_: Any) -> None:
    _write(user, "recovery_codes_renewed", _factor(authenticator))


def _used(user: User, authenticator: Any, **_: Any) -> None:
    if authenticator.type == authenticator.Type.RECOVERY_CODES:
        _write(user, "recovery_code_used")


def _factor(authenticator: Any) -> str:
    """Name a factor by its kind alone: a passkey's name is the person's own words."""
    return f"factor:{authenticator.type}"
