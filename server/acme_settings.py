"""What `[acme]` in collector.toml may say: from which authority the certificate comes, and who is written to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


@dataclass(frozen=True)
class AcmeSettings:
    """Without an `email` nothing is asked for.

    `directory` is where the authority is asked (RFC 8555, 7.1.1), `listen` where its question to us is answered, which
    must be what the internet reaches as port 80, and `authority` a file with who vouches for the authority's own
    address, where that is one of the organisation's.
    """

    email: str = ""
    agreed: bool = False
    directory: str = LETS_ENCRYPT
    listen: str = "0.0.0.0:80"
    authority: str = ""

    @property
    def wanted(self) -> bool:
        """Whether certificates are asked for."""
        return bool(self.email)


def acme_settings(values: dict[str, Any]) -> AcmeSettings:
    """Return the settings; raises ValueError where nobody agreed to the authority's terms."""
    made = AcmeSettings(**values)
    if not made.wanted:
        raise ValueError("[acme] needs an email, which the authority writes to")
    if not made.agreed:
        raise ValueError("[acme] needs agreed = true: read the authority's terms first")
    return made


def is_email(value: object) -> bool:
    """Whether this is an address that mails go to."""
    return isinstance(value, str) and bool(re.fullmatch(r"[^@\s<>,;:\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", value))


def _is_directory(value: object) -> bool:
    try:
        return isinstance(value, str) and urlsplit(value).scheme == "https" and bool(urlsplit(value).hostname)
    except ValueError:
        return False


def is_listen(value: object) -> bool:
    """Whether this is an address and a port."""
    return isinstance(value, str) and bool(re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5}", value))


KEYS = {
    "email": (is_email, 'an address, like "it@example.org"'),
    "agreed": (lambda value: isinstance(value, bool), "true or false"),
    "directory": (_is_directory, f'an https address, like "{LETS_ENCRYPT}"'),
    "listen": (is_listen, 'an address and port, like "0.0.0.0:80"'),
    "authority": (lambda value: isinstance(value, str) and Path(value).is_absolute(), "the whole path of a PEM file"),
}
"""Key by key: whether a value is right, and what would be."""
