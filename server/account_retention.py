"""Takes what a closed account no longer needs: addresses, ways to be told, factors; then the account, if it can go."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.db.models import ProtectedError

from server import audit
from server.store.models import (
    Absence,
    AcknowledgementRecord,
    AuditEntry,
    Invitation,
    NotifyChannel,
    NotifySettings,
    User,
)
from server.store.tables import table

_OWN: tuple[Any, ...] = (
    NotifyChannel,
    NotifySettings,
    Absence,
    Invitation,
    Authenticator,
    SocialAccount,
    AcknowledgementRecord,
)
TABLES = (table(User), *(table(one) for one in _OWN))


def closed_before(before: datetime) -> list[User]:
    """Return the accounts that were closed before then."""
    return [user for user in User.objects.filter(is_active=False).order_by("pk") if closed_at(user) < before]


def closed_at(user: User) -> datetime:
    """Return when an account was last closed or changed, as the audit log has it; else when last used, or made."""
    lines = AuditEntry.objects.filter(action__in=("user_closed", "user_changed"), subject=audit.actor_of(user))
    at = lines.order_by("-seq").values_list("at", flat=True).first()
    return at or user.last_login or user.date_joined


def is_left(user: User) -> bool:
    """Whether there is something of an account to take."""
    return bool(user.email) or any(model.objects.filter(user=user).exists() for model in _OWN)


def clear(user: User, now: datetime) -> int:
    """Take what is left of a closed account, and the account itself where no case, key or decision is theirs.

    Return 1 when anything was there to take, else 0.
    """
    subject = audit.actor_of(user)
    with transaction.atomic():
        left = is_left(user)
        if left:
            _strip(user)
        gone = _deleted(user)
        if left or gone:
            audit.write("job:retention", "account_cleared", subject, now=now)
    return int(left or gone)


def _strip(user: User) -> None:
    for model in _OWN:
        model.objects.filter(user=user).delete()
    user.email = ""
    user.set_unusable_password()
    user.save(update_fields=["email", "password"])


def _deleted(user: User) -> bool:
    try:
        with transaction.atomic():
            user.delete()
    except ProtectedError:
        return False
    return True
