"""Makes an enrolment token on IT's computer, and the registration that lets the collector know it by its hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.draft import Draft
from custody.errors import CustodyError
from protocol import tokens
from protocol.messages import EnrolmentToken
from protocol.publication import OFFLINE

SECRET_BYTES = 32
_SPAN = re.compile(r"([1-9][0-9]{0,4})([hd])")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Wish:
    """What the token should say. `certificate` is the SHA-256 (hex) of the collector's TLS key, empty on loopback."""

    group: str
    expires: datetime
    uses: int
    collector: str
    certificate: str


def span(text: str) -> timedelta:
    """Return a span such as `30d` or `12h`; raises CustodyError."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise CustodyError(f"«{text}» is not a time: write days or hours, such as 30d or 12h")
    return timedelta(days=int(found[1])) if found[2] == "d" else timedelta(hours=int(found[1]))


def make(
    draft: Draft, key: Ed25519PrivateKey, wish: Wish, randomness: Callable[[int], bytes]
) -> tuple[str, tokens.Registration]:
    """Return the token for devices and the registration for the collector.

    Raises CustodyError when the publication is not complete, the key is not IT's, or the address can't be trusted.
    """
    trusted = draft.trusted()
    if key.public_key().public_bytes_raw() not in trusted.packs_keys:
        raise CustodyError("this key is not IT's: only IT's key signs enrolment tokens")
    address = urlsplit(wish.collector)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise CustodyError(f"«{wish.collector}» is no collector's address; it looks like https://collector.example.org")
    if wish.certificate and re.fullmatch("[0-9a-f]{64}", wish.certificate) is None:
        raise CustodyError("the certificate pin is 64 hex digits, as «fairwatch-server init» prints it")
    if not wish.certificate and address.hostname not in _LOOPBACK:
        raise CustodyError(
            "without --certificate a device would trust anybody at that address; only loopback may do so"
        )
    version, root = draft.root_bytes()
    try:
        token = msgspec.convert(
            {
                "version": 1,
                "token": UUID(bytes=randomness(16), version=4),
                "secret": randomness(SECRET_BYTES).hex(),
                "collector": wish.collector.rstrip("/"),
                "certificate": wish.certificate,
                "root": hashlib.sha256(root).hexdigest(),
                "root_version": version,
                "group": wish.group,
                "expires": wish.expires,
                "uses": wish.uses,
                "minimum": {name: trusted.versions[name] for name in OFFLINE},
            },
            EnrolmentToken,
        )
    except msgspec.ValidationError as fault:
        raise CustodyError(f"no token can say that: {fault}") from None
    return tokens.write(token, key), tokens.register(token, key)
