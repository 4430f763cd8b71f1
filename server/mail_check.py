"""Ask the mail server, without sending anything, whether it would take our mails: IT learns so before a case does.

What IT's page shows of mail comes from here alone and never from messages: whoever breaks the mail on purpose must not
learn from that page when a case came.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend

from server import channels, log, responders
from server.errors import NotDelivered
from server.store.models import MailCheck, NotifySettings, Role, User

EVERY = timedelta(minutes=15)
_REFUSED_FROM = 500


def check(now: datetime) -> MailCheck:
    """Ask, write down how it stands at `now`, and return that."""
    fault, refused = ask(_addresses())
    before = MailCheck.objects.first()
    since = before.failing_since if before is not None else None
    row = before or MailCheck()
    row.checked_at, row.fault, row.failing_since = now, fault, (since or now) if fault else None
    row.save()
    if not fault:
        for address, user in _addresses().items():
            _note(user, "address" if address in refused else "")
    log.event("mail_checked", why=fault or "-")
    return row


def ask(addresses: Iterable[str]) -> tuple[str, set[str]]:
    """Return what is wrong with the mail server (empty when nothing), and which addresses it refuses."""
    if not settings.CONFIG.mail.host:
        return "", set()
    try:
        with channels.mail_server() as connection:
            assert isinstance(connection, EmailBackend)
            server = connection.connection
            assert isinstance(server, smtplib.SMTP)
            server.ehlo_or_helo_if_needed()
            return "", {one for one in addresses if _refuses(server, one)}
    except NotDelivered as missed:
        return missed.fault, set()


def ask_about_everybody() -> tuple[str, list[str]]:
    """Ask now, writing nothing down: what is wrong with the server, and whose addresses it refuses, by user name."""
    people = _addresses()
    fault, refused = ask(people)
    return fault, [user.username for address, user in people.items() if address in refused]


def latest() -> MailCheck | None:
    """Return how the mail server stood when it was last asked."""
    return MailCheck.objects.first()


def _refuses(server: smtplib.SMTP, address: str) -> bool:
    code, words = server.mail(channels.sender_address())
    if code >= _REFUSED_FROM:
        raise smtplib.SMTPSenderRefused(code, words, "")
    code, _ = server.rcpt(address)
    server.rset()
    return code >= _REFUSED_FROM


def _addresses() -> dict[str, User]:
    people = User.objects.filter(is_active=True, role__in=(Role.LEAD, Role.DEPUTY, Role.DPO)).order_by("username")
    return {address: one for one in people if (address := responders.email_of(one))}


def _note(user: User, fault: str) -> None:
    if responders.settings_of(user).email_fault != fault:
        NotifySettings.objects.update_or_create(user=user, defaults={"email_fault": fault})
