"""Where a phone asks for names, checked before it is written into any file: gateway, id, names, trusted networks.

What is refused here can't break out of a file that is made later: a host is letters, digits, dots and hyphens, an id is
26 letters and digits, an address is an address, and a name holds nothing that a plist, a script or a fleet tool would
read as its own.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.translation import gettext

from rules.errors import HostRefused
from rules.hosts import normalise_host
from server.errors import PhoneFileRefused

Platform = Literal["ios", "android", "windows", "macos", "chromeos"]

ID_CHARACTERS: Final = 26
"""As the gateway asks for: 130 random bits in base 32, so that nobody finds another phone's by trying."""

NAME_MAX_CHARS: Final = 100
"""What a phone shows of a profile's name on one screen."""

MOST_ADDRESSES: Final = 8
"""More than any organisation has gateways; bounds what a file holds."""

MOST_NETWORKS: Final = 20
"""More than an organisation names by hand; bounds what a file holds."""

SSID_MAX_BYTES: Final = 32
"""IEEE 802.11: a network's name has 32 octets at most."""

_HOST_MAX_CHARS: Final = 253 - ID_CHARACTERS - 1  # a phone's own name is ID.HOST, and a name has 253 at most
_is_id = re.compile(rf"[a-z2-7]{{{ID_CHARACTERS}}}").fullmatch
_is_plain_host = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*").fullmatch
_variable = re.compile(r"\$\{?[A-Za-z_]|\{\{|\}\}|%[A-Za-z]+%")


@dataclass(frozen=True)
class TrustedNetwork:
    """A Wi-Fi network on which the profile steps aside.

    `probe` is an https address that only answers inside it: a name alone is easily copied, and whoever called their
    hotspot like the office would then not be watched anywhere.
    """

    ssid: str
    probe: str = ""


@dataclass(frozen=True)
class Place:
    """The organisation's gateways, as phones reach them: one host name, and the addresses behind it where known.

    `failover` lets a phone ask the network's own resolver while no gateway answers. Made by `place`, which checks.
    """

    organisation: str
    host: str
    addresses: tuple[str, ...] = ()
    trusted: tuple[TrustedNetwork, ...] = ()
    failover: bool = True


@dataclass(frozen=True)
class OnePhone:
    """A phone or computer, with the id that is shown once and is its secret. Made by `one_phone`, which checks."""

    device: UUID
    name: str
    platform: Platform
    ident: str
    supervised: bool = False


def place(
    organisation: str,
    host: str,
    addresses: tuple[str, ...] = (),
    trusted: tuple[TrustedNetwork, ...] = (),
    failover: bool = True,
) -> Place:
    """Return the gateways' place, each part in its one spelling; raises PhoneFileRefused with what is wrong."""
    if len(addresses) > MOST_ADDRESSES:
        raise PhoneFileRefused(gettext("More than %(most)d addresses: name fewer.") % {"most": MOST_ADDRESSES})
    if len(trusted) > MOST_NETWORKS:
        raise PhoneFileRefused(gettext("More than %(most)d trusted networks: name fewer.") % {"most": MOST_NETWORKS})
    return Place(
        organisation=checked_name(organisation),
        host=_host(host),
        addresses=tuple(dict.fromkeys(_address(one) for one in addresses)),
        trusted=tuple(_network(one) for one in trusted),
        failover=failover,
    )


def one_phone(device: UUID, name: str, platform: Platform, ident: str, supervised: bool = False) -> OnePhone:
    """Return the phone, checked; raises PhoneFileRefused with what is wrong, never with the id in it."""
    if _is_id(ident) is None:
        raise PhoneFileRefused(
            gettext("A phone’s id is %(length)d characters of a–z and 2–7.") % {"length": ID_CHARACTERS}
        )
    return OnePhone(device, checked_name(name), platform, ident, supervised)


def checked_name(name: str) -> str:
    """Return a phone's or organisation's name with single spaces; raises PhoneFileRefused for what could do harm.

    Control characters and bidirectional marks change what a person reads; `$NAME`, `{{name}}` and `%Name%` are filled
    in by fleet tools, which would put one device's data where another name stands.
    """
    plain = re.sub(" +", " ", name).strip(" ")
    if not plain:
        raise PhoneFileRefused(gettext("The name is empty."))
    if len(plain) > NAME_MAX_CHARS:
        raise PhoneFileRefused(gettext("The name is longer than %(most)d characters.") % {"most": NAME_MAX_CHARS})
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for letter in plain):
        raise PhoneFileRefused(gettext("The name has a character that can’t be seen; type it anew."))
    if _variable.search(plain) is not None:
        raise PhoneFileRefused(
            gettext("The name holds a variable of a fleet tool ($NAME, {{name}} or %Name%); call it something else.")
        )
    return plain


def https_address(at: Place, ident: str) -> str:
    """Return where DNS over HTTPS is asked. Without `{?dns}` names are posted, so no log of addresses has any."""
    return f"https://{at.host}/d/{ident}/dns-query"


def tls_name(at: Place, ident: str) -> str:
    """Return the server name for DNS over TLS, which is the phone's own."""
    return f"{ident}.{at.host}"


def _host(host: str) -> str:
    try:
        plain = normalise_host(host)
    except HostRefused as error:
        raise PhoneFileRefused(
            gettext("The gateway’s host name can’t be used: %(why)s.") % {"why": str(error)}
        ) from None
    if _is_plain_host(plain) is None:
        raise PhoneFileRefused(
            gettext("The gateway’s host name has letters, digits, hyphens and dots only, such as dns.example.org.")
        )
    if len(plain) > _HOST_MAX_CHARS:
        raise PhoneFileRefused(
            gettext("The gateway’s host name is longer than %(most)d characters.") % {"most": _HOST_MAX_CHARS}
        )
    return plain


def _address(text: str) -> str:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise PhoneFileRefused(gettext("An address of a gateway is not an IPv4 or IPv6 address.")) from None
    zone = isinstance(found, ipaddress.IPv6Address) and found.scope_id is not None
    if zone or found.is_unspecified or found.is_multicast or found.is_loopback or found.is_link_local:
        raise PhoneFileRefused(gettext("An address of a gateway is one that phones can’t reach."))
    return str(found)


def _network(one: TrustedNetwork) -> TrustedNetwork:
    ssid = checked_name(one.ssid)
    if len(ssid.encode()) > SSID_MAX_BYTES:
        raise PhoneFileRefused(
            gettext("A Wi-Fi network’s name is longer than %(most)d bytes.") % {"most": SSID_MAX_BYTES}
        )
    if one.probe:
        _check_probe(one.probe)
    return TrustedNetwork(ssid, one.probe)


def _check_probe(probe: str) -> None:
    try:
        parts = urlsplit(probe)
        plain = parts.scheme == "https" and parts.hostname is not None and parts.username is None
        plain = plain and normalise_host(parts.hostname or "") == parts.hostname and parts.port != 0
    except (ValueError, HostRefused):
        plain = False
    if not plain or not probe.isascii() or not probe.isprintable() or " " in probe or _variable.search(probe):
        raise PhoneFileRefused(gettext("The address by which a trusted network is proven begins with https://HOST/."))
