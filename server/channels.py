"""Bring one message to one address: e-mail by the mail server of collector.toml, everything else by apprise.

At least once: when a connection ends after the message was sent and before the answer, it is sent again, under the same
Message-ID, by which mail systems know a repeat.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.translation import gettext

from server import faults
from server.errors import NotDelivered, WrongState
from server.list_settings import is_loopback
from server.notify_config import is_email

SERVICES = {
    "workflows": "Microsoft Teams", "slack": "Slack", "gchat": "Google Chat", "discord": "Discord",
    "mmosts": "Mattermost", "rockets": "Rocket.Chat", "webex": "Webex", "wxteams": "Webex", "zulip": "Zulip",
    "nctalks": "Nextcloud Talk",
    "ntfys": "ntfy", "gotifys": "Gotify", "pover": "Pushover", "pbul": "Pushbullet", "join": "Join",
    "signals": "Signal", "tgram": "Telegram", "threema": "Threema", "whatsapp": "WhatsApp",
    "twilio": "SMS by Twilio", "vonage": "SMS by Vonage", "clickatell": "SMS by Clickatell",
    "clicksend": "SMS by ClickSend", "msgbird": "SMS by MessageBird", "bulksms": "SMS by BulkSMS",
    "plivo": "SMS by Plivo", "sinch": "SMS by Sinch", "46elks": "SMS by 46elks", "infobip": "SMS by Infobip",
    "telnyx": "SMS by Telnyx", "sns": "SMS by Amazon SNS", "d7sms": "SMS by D7 Networks", "voipms": "SMS by VoIP.ms",
    "pagerduty": "PagerDuty", "opsgenie": "Opsgenie", "victorops": "Splunk On-Call", "ilert": "iLert",
    "signl4": "SIGNL4", "squadcast": "Squadcast",
    "jsons": "Webhook (JSON)", "forms": "Webhook (form)", "xmls": "Webhook (XML)",
}  # fmt: skip
"""The kinds of apprise address that are taken. Others read or run things on this computer, or speak without TLS."""

PARAMETERS = frozenset(
    {"to", "from", "priority", "sound", "topic", "channel", "region", "batch", "ttl", "mode", "severity", "tags"}
)
"""What an address may say after `?`. Others name files here (`template`), or turn certificates off (`verify`)."""

URL_MAX = 1000
CHANNELS_MAX = 5
"""Of one person: they are tried one after the other, and each may take its time."""

SECONDS = 10.0
"""What a service has to answer."""


@dataclass(frozen=True)
class Attachment:
    """A file that goes with an e-mail."""

    name: str
    mime_type: str
    content: bytes


@dataclass(frozen=True)
class Letter:
    """What is brought: a subject and plain text. The same `once` is the same message, sent again.

    Attachments go with e-mails only.
    """

    subject: str
    body: str
    once: str
    urgent: bool = False
    attachments: tuple[Attachment, ...] = ()


def bring(address: str, letter: Letter) -> None:
    """Bring a letter to an e-mail or apprise address; raises NotDelivered."""
    if is_email(address):
        mail(address, letter)
    else:
        service(address, letter)


def mail(address: str, letter: Letter) -> None:
    """Send a letter as an e-mail; raises NotDelivered."""
    headers = {
        "Message-ID": f"<{hashlib.sha256(letter.once.encode()).hexdigest()[:40]}@{_domain()}>",
        "Auto-Submitted": "auto-generated",  # no holiday reply comes back (RFC 3834)
        "X-Auto-Response-Suppress": "All",
    }
    if letter.urgent:
        headers |= {"Importance": "high", "X-Priority": "1"}
    message = EmailMessage(letter.subject, letter.body, settings.DEFAULT_FROM_EMAIL, [address], headers=headers)
    for one in letter.attachments:
        message.attach(one.name, one.content, one.mime_type)
    with mail_server() as connection:
        connection.send_messages([message])


@contextmanager
def mail_server() -> Iterator[BaseEmailBackend]:
    """Hold a connection to the mail server; what goes wrong meanwhile is raised as NotDelivered."""
    connection = get_connection(fail_silently=False)
    try:
        connection.open()
        yield connection
    except Exception as fault:  # noqa: BLE001 - whatever it is, the message waits and is tried again
        raise NotDelivered(faults.of(fault)) from None
    finally:
        # A message that was taken is not sent again because the good-bye failed.
        with contextlib.suppress(Exception):
            connection.close()


def service(url: str, letter: Letter) -> None:
    """Send a letter by apprise, as plain text; raises NotDelivered."""
    plugin = _plugin(url)
    if plugin is None:
        raise NotDelivered("nonsense")
    import apprise

    sender = apprise.Apprise(asset=plugin.asset)
    sender.add(plugin)
    try:
        # The answer is an object whose truth is the outcome.
        taken = bool(
            sender.notify(letter.body, title=letter.subject, body_format=apprise.NotifyFormat.TEXT, timeout=2 * SECONDS)
        )
    except Exception:  # noqa: BLE001 - a fault in one of a hundred services must not end the sender
        raise NotDelivered("service") from None
    if not taken:
        raise NotDelivered("service")


def check_url(url: str) -> None:
    """Raise WrongState, in a sentence, when an apprise address can't be used here."""
    if not url.isprintable() or " " in url or not 5 <= len(url) <= URL_MAX:
        raise WrongState(gettext("the address must be one line without spaces"))
    scheme = url.partition("://")[0].lower()
    if "://" not in url or not _is_taken(scheme, url):
        raise WrongState(
            gettext("addresses that begin with %(scheme)s:// are not taken") % {"scheme": scheme}
            if re.fullmatch("[a-z0-9+]{1,20}", scheme) and "://" in url
            else gettext("the address must begin with a service, like workflows:// or slack://")
        )
    odd = [name for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True) if name not in PARAMETERS]
    if odd:
        known = ", ".join(sorted(PARAMETERS))
        raise WrongState(gettext("after the ? of the address only these may be set: %(known)s") % {"known": known})
    if _plugin(url) is None:
        raise WrongState(gettext("the address is not complete: compare it with the example of its service"))


def kind(address: str) -> str:
    """Return what an address is, without any of its secrets."""
    if is_email(address):
        return "E-mail"
    scheme = address.partition("://")[0].lower()
    return SERVICES.get(scheme) or SERVICES.get(f"{scheme}s", "Other")


def _is_taken(scheme: str, url: str) -> bool:
    if scheme in SERVICES:
        return True
    try:
        return f"{scheme}s" in SERVICES and is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def _plugin(url: str) -> Any:
    import apprise  # late: it loads a hundred services

    asset = apprise.AppriseAsset(
        app_id="Fairwatch",
        app_desc="Fairwatch",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        image_path_mask=False,
        async_mode=False,
        http_redirects=False,  # a service that sends us elsewhere sends our secrets there
        storage_mode="memory",
        allow_templates=False,
        timezone="UTC",
    )
    try:
        plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    except Exception:  # noqa: BLE001 - an address is a stranger's text to a hundred parsers
        return None
    if plugin is not None:
        plugin.socket_connect_timeout = plugin.socket_read_timeout = SECONDS
    return plugin


def sender_address() -> str:
    """Return the address that our mails come from, without a name."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def _domain() -> str:
    return sender_address().rpartition("@")[2] or "localhost"
