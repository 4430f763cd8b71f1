"""What collector.toml may say of telling people: `[mail]`, `[escalation]`, `[[contacts]]` and `[summary]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from server.list_settings import is_loopback

_Rule = tuple[Callable[[object], bool], str]

SUMMARY_ADDRESSES_MAX = 50
"""Who needs more has a mailing list."""

_ADDRESS_MAX = 100
"""What the outbox keeps of an address."""

MINUTES_MAX = 24 * 60
"""An urgent case that waits for more than a day is no longer escalated but forgotten."""


@dataclass(frozen=True)
class Mail:
    """The mail server that takes our messages. Without a host, mails are files in the data folder."""

    host: str = ""
    port: int = 587
    security: Literal["starttls", "ssl", "none"] = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""


@dataclass(frozen=True)
class Escalating:
    """After how many minutes without an answer an urgent case goes to the next people, and then how often again."""

    minutes: tuple[int, ...] = (10, 20)
    repeat_minutes: int = 30


@dataclass(frozen=True)
class Contact:
    """Somebody outside working hours, with or without an account: a name, and an e-mail or apprise address."""

    name: str
    address: str = field(repr=False)


@dataclass(frozen=True)
class Summaries:
    """The e-mail addresses to which each month's summary goes."""

    mail_to: tuple[str, ...] = ()


def mail(values: dict[str, Any]) -> Mail:
    """Return the mail server of checked values; raises ValueError, with a sentence, for what does not go together."""
    given = {("sender" if key == "from" else key): value for key, value in values.items()}
    for key in ("host", "sender"):
        if not given.get(key):
            raise ValueError(f"[mail] needs {'from' if key == 'sender' else key}")
    if bool(given.get("user")) != bool(given.get("password")):
        raise ValueError("[mail] needs user and password, or neither")
    security = given.get("security", "starttls")
    if security == "none" and given.get("password") and not is_loopback(given["host"]):
        raise ValueError('[mail] would send the password in clear: use security = "starttls" or "ssl"')
    usual = {"starttls": 587, "ssl": 465, "none": 25}[security]
    return Mail(**{"port": usual, **given})


def contact(values: dict[str, Any]) -> Contact:
    """Return a contact of checked values; raises ValueError, with a sentence, for what is missing."""
    missing = [key for key in ("name", "address") if key not in values]
    if missing:
        raise ValueError(f"a contact needs {' and '.join(missing)}")
    return Contact(**values)


def is_email(value: object) -> bool:
    """Whether a text is one plain e-mail address."""
    return (
        isinstance(value, str)
        and len(value) <= 254
        and bool(re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", value))
    )


def _is_sender(value: object) -> bool:
    if not isinstance(value, str) or not value.isprintable():
        return False
    named = re.fullmatch(r"[^<>@]{1,80}<([^<>]+)>", value)
    return is_email(named[1] if named else value)


def _is_host(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9.-]{1,253}|[0-9a-fA-F:]{2,39}", value))


def _are_addresses(value: object) -> bool:
    if not isinstance(value, list) or len(value) > SUMMARY_ADDRESSES_MAX:
        return False
    good = [one for one in value if is_email(one) and len(one) <= _ADDRESS_MAX]
    return len({one.casefold() for one in good}) == len(value)


def _is_number(least: int, most: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


_is_minutes = _is_number(1, MINUTES_MAX)


def _is_line(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_name(value: object) -> bool:
    return _is_line(value) and 0 < len(str(value).strip()) <= 100


def _is_address(value: object) -> bool:
    return is_email(value) or (_is_line(value) and bool(re.match(r"[a-z0-9]+://\S", str(value))))


MAIL_KEYS: Mapping[str, _Rule] = {
    "host": (_is_host, 'the mail server\'s name, like "smtp.example.org"'),
    "port": (_is_number(1, 65535), "a whole number from 1 to 65535"),
    "security": (lambda value: value in {"starttls", "ssl", "none"}, '"starttls", "ssl" or "none"'),
    "user": (_is_line, "text: who signs in to the mail server"),
    "password": (_is_line, "text"),
    "from": (_is_sender, 'an address, like "Fairwatch <fairwatch@example.org>"'),
}
ESCALATION_KEYS: Mapping[str, _Rule] = {
    "minutes": (
        lambda value: isinstance(value, list) and 1 <= len(value) <= 10 and all(_is_minutes(one) for one in value),
        "a list of minutes, like [10, 20]: until the deputies, then until the out-of-hours contacts",
    ),
    "repeat_minutes": (_is_minutes, f"a whole number of minutes from 1 to {MINUTES_MAX}"),
}
CONTACT_KEYS: Mapping[str, _Rule] = {
    "name": (_is_name, "a name of at most 100 characters"),
    "address": (_is_address, "an e-mail address, or an apprise address like those in docs/notifications.md"),
}
SUMMARY_KEYS: Mapping[str, _Rule] = {
    "mail_to": (
        _are_addresses,
        f'a list of at most {SUMMARY_ADDRESSES_MAX} different addresses, like ["director@example.org"]',
    ),
}
