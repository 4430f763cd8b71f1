"""Invite people whom IT added: a one-time link by mail, with which they make their own password or passkey.

Looking at a link uses nothing up: mail scanners open every link. Only the person's own form does.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext

from server import audit, sign_in_mail
from server.errors import NotThere, WrongState
from server.store.models import Invitation, User

VALID: Final = timedelta(hours=72)
"""Over a weekend, and not so long that a forgotten mail still opens an account."""

_SECRET_BYTES: Final = 32


def invite(user: User, by: User | None, now: datetime, randomness: Callable[[int], str] = secrets.token_urlsafe) -> str:
    """Make an invitation, end the older ones, and return its link, which is kept nowhere.

    Raises WrongState for somebody who can't sign in at all.
    """
    if not user.is_active:
        raise WrongState(gettext("%(username)s is closed; open the account first") % {"username": user.username})
    secret = randomness(_SECRET_BYTES)
    with transaction.atomic():
        _open(user, now).update(withdrawn_at=now)
        Invitation.objects.create(user=user, secret_hash=_hash(secret), made_at=now, expires=now + VALID)
        audit.write(_actor(by), "invited", audit.actor_of(user), now=now)
    return settings.CONFIG.url.rstrip("/") + reverse("invitation", kwargs={"secret": secret})


def send(user: User, link: str) -> None:
    """Mail the link to its person; raises OSError or SMTPException when the mail server does not take it."""
    sign_in_mail.send(
        [user.email],
        "Your invitation to Fairwatch",
        f"Hello {user.get_full_name()},",
        f"your IT administrator made an account for you: {user.username}. Open this link within 72 hours and choose "
        f"a password or a passkey. The link works once.\n{link}",
        "If you did not expect this, tell your IT administrator and do not open the link.",
    )


def withdraw(user: User, by: User | None, now: datetime) -> None:
    """End somebody's open invitations; raises WrongState when there is none."""
    with transaction.atomic():
        if not _open(user, now).update(withdrawn_at=now):
            raise WrongState(gettext("%(username)s has no open invitation") % {"username": user.username})
        audit.write(_actor(by), "invitation_withdrawn", audit.actor_of(user), now=now)


def open_until(user: User, now: datetime) -> datetime | None:
    """Return until when somebody's invitation is good; None when there is none."""
    newest = _open(user, now).order_by("-made_at").first()
    return newest.expires if newest is not None else None


def whose(secret: str, now: datetime) -> User:
    """Return whose invitation this is, changing nothing; raises NotThere when it is unknown, used, old or withdrawn."""
    found = Invitation.objects.filter(secret_hash=_hash(secret)).select_related("user").first()
    if found is None or found.used_at or found.withdrawn_at or found.expires <= now or not found.user.is_active:
        raise NotThere(gettext("this invitation is no longer good"))
    return found.user


def use(secret: str, now: datetime) -> User:
    """Use an invitation up and return its person; of two that try at once one gets NotThere."""
    user = whose(secret, now)
    with transaction.atomic():
        live = Invitation.objects.filter(secret_hash=_hash(secret), used_at=None, withdrawn_at=None, expires__gt=now)
        if not live.update(used_at=now):
            raise NotThere(gettext("this invitation is no longer good"))
        _open(user, now).update(withdrawn_at=now)
        audit.write(audit.actor_of(user), "invitation_used", audit.actor_of(user), now=now)
    return user


def _open(user: User, now: datetime) -> QuerySet[Invitation]:
    return Invitation.objects.filter(user=user, used_at=None, withdrawn_at=None, expires__gt=now)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _actor(by: User | None) -> str:
    return audit.actor_of(by) if by is not None else "command"
