"""What `[[lists]]` in collector.toml may say of one list: a preset by name, or an address with all that it needs."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from rules.formats import FORMATS
from rules.model import Taxonomy
from server.list_presets import PRESETS

RESERVED = ("curated", "protected", "nameable", "allowed")
"""Packs that Fairwatch ships: no fetched list may take their place."""


@dataclass(frozen=True)
class ListSettings:
    """One list to fetch. Its id is also its pack's: `packs/<id>.pack`. The share is of the entries seen last."""

    id: str
    url: str
    format: str
    category: str
    licence: str
    checksum_url: str = ""
    sha256: str = ""
    refresh_hours: int = 24
    max_megabytes: int = 32
    held_share_percent: int = 25

    @property
    def fingerprint(self) -> str:
        """What an old answer is worth nothing without: where the list is and how it is read."""
        parts = (self.url, self.format, self.category, self.sha256, self.checksum_url)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def is_secure(url: str) -> bool:
    """Whether an address is TLS, or plain HTTP on this computer itself, which nobody on the way can change."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or not url.isascii() or re.search(r"[\x00-\x20\x7f]", url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether a host name in an address means this computer."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def list_settings(values: dict[str, Any]) -> ListSettings:
    """Return one list's settings from checked values; raises ValueError, with a sentence, for what is missing."""
    if "id" not in values:
        raise ValueError("a list needs an id, which is its pack's name")
    given = {key: value for key, value in values.items() if key != "preset"}
    if "preset" in values:
        if "url" in values:
            raise ValueError("a list has either a preset or a url")
        given = {**asdict(PRESETS[values["preset"]]), **given}
    missing = [key for key in ("url", "format", "category", "licence") if key not in given]
    if missing:
        raise ValueError(f"a list without a preset needs {', '.join(missing)} too")
    return ListSettings(**given)


@cache
def _categories() -> frozenset[str]:
    return frozenset(one.id for one in Taxonomy.shipped().categories if not one.protected)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch("[a-z][a-z0-9_]{0,39}", value)) and value not in RESERVED


def _is_url(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 1000 and is_secure(value)


def _is_words(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= 200 and value.isprintable()


def _within(least: int, most: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


KEYS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "id": (_is_id, "a letter, then letters, digits and _, lower case, at most 40, and none of " + ", ".join(RESERVED)),
    "preset": (lambda value: isinstance(value, str) and value in PRESETS, "a preset, like " + ", ".join(PRESETS)),
    "url": (_is_url, "an https address (http only on this computer), without a user name"),
    "format": (lambda value: isinstance(value, str) and value in FORMATS, "one of " + ", ".join(FORMATS)),
    "category": (
        lambda value: isinstance(value, str) and value in _categories(),
        "a category of the rules, like gambling, and not a protected one",
    ),
    "licence": (_is_words, "the list's licence in a few words"),
    "checksum_url": (_is_url, "an https address of a file that md5sum or sha256sum wrote"),
    "sha256": (
        lambda value: isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value)),
        "64 hex digits, in lower case",
    ),
    "refresh_hours": (_within(1, 24 * 90), "a whole number of hours from 1 to 2160"),
    "max_megabytes": (_within(1, 1024), "a whole number from 1 to 1024"),
    "held_share_percent": (_within(1, 1000), "a whole number from 1 to 1000"),
}
"""Each key with what it must be, in words too."""
