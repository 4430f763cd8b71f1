"""What `[phones]` in collector.toml may say: where the organisation's phones ask for names. Empty: there are none."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_is_host = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?").fullmatch
_HOST_MAX_CHARS = 226  # a phone's own name is its id of 26 characters, a dot and this one: 253 at most


@dataclass(frozen=True)
class PhoneSettings:
    """The gateways' one host name, the addresses behind it, and whether phones may ask elsewhere while none answers."""

    gateway: str = ""
    addresses: tuple[str, ...] = ()
    failover: bool = True

    @property
    def used(self) -> bool:
        """Whether phones are watched here."""
        return bool(self.gateway)


def _is_gateway(value: object) -> bool:
    return isinstance(value, str) and (not value or (len(value) <= _HOST_MAX_CHARS and _is_host(value) is not None))


def _are_addresses(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 8 and all(map(_is_address, value))


def _is_address(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


KEYS = {
    "gateway": (_is_gateway, 'a host name, like "dns.example.org"'),
    "addresses": (_are_addresses, 'a list of at most 8 addresses, like ["192.0.2.1"]'),
    "failover": (lambda value: isinstance(value, bool), "true or false"),
}
"""Key by key: whether a value is right, and what would be."""
