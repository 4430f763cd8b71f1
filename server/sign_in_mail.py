"""Mails about somebody's own account: plain text, a few sentences, and a link only where one was asked for."""

from __future__ import annotations

import smtplib
from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage

from server import log
from server.store.models import Organisation, User

TOLD: Final = {
    "totp_activated": "An authenticator app was set up for your account.",
    "totp_deactivated": "The authenticator app was removed from your account.",
    "webauthn_added": "A passkey was added to your account.",
    "webauthn_removed": "A passkey was removed from your account.",
    "recovery_codes_generated": "New recovery codes were made for your account. The old ones no longer work.",
    "password_changed": "Your password was changed.",
    "password_reset": "Your password was set anew, by a link that was sent to this address.",
    "account_connected": "Your account was connected to your organisation's single sign-on.",
}
"""What a person is told of a change of their own account, by the last part of allauth's name for it."""

NOT_YOU: Final = "If this was not you, tell your IT administrator at once."


def can_send() -> bool:
    """Whether mails leave this machine: without mail settings they are only put into a folder."""
    return not str(settings.EMAIL_BACKEND).endswith(("filebased.EmailBackend", "dummy.EmailBackend"))


def send(addresses: Iterable[str], subject: str, *paragraphs: str) -> None:
    """Send one mail a person; raises OSError or SMTPException when the mail server does not take it.

    Never call this inside a transaction: a slow mail server would hold every other writer.
    """
    organisation = Organisation.objects.first()
    name = organisation.name if organisation is not None else "your organisation"
    foot = f"Fairwatch of {name}\n{settings.CONFIG.url}"
    for address in addresses:
        if address:
            body = "\n\n".join((*paragraphs, foot))
            EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [address]).send()


def tell(user: User, *paragraphs: str, address: str = "") -> None:
    """Tell somebody of a change of their account; a mail server that does not answer stops nothing."""
    send_quietly(user, "Your Fairwatch account was changed", *paragraphs, NOT_YOU, address=address)


def send_quietly(user: User, subject: str, *paragraphs: str, address: str = "") -> None:
    """Send somebody a mail; that it could not be sent is only logged."""
    try:
        send([address or user.email], subject, *paragraphs)
    except (OSError, smtplib.SMTPException) as fault:
        log.failure("account_mail_failed", fault, user=user.pk)


def tell_officers(*paragraphs: str) -> None:
    """Tell the data protection officers of a change that they should look at; the audit log has it either way."""
    officers = User.objects.filter(role="dpo", is_active=True).order_by("pk")
    for officer in officers:
        send_quietly(officer, "A Fairwatch account was changed", *paragraphs, "The audit log has the entry.")
