"""Checks what a policy says of one document that people are asked to acknowledge; a device shows these words."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

DOCUMENTS_MAX: Final = 20
"""Each is a window on every device; more would be clicked away unread."""
TITLE_MAX_CHARS: Final = 100
VERSION_MAX_CHARS: Final = 40
WHERE_MAX_CHARS: Final = 500
TEXT_MAX_CHARS: Final = 2000
"""A page to read in a window; what is longer belongs behind an address."""
KEYS: Final = ("id", "title", "version", "date", "where", "text", "groups")
_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def problem_of(key: str, value: Any) -> str | None:
    """Return what is wrong with a value of `id`, `title`, `version`, `where` or `text`; None where nothing is."""
    if not isinstance(value, str) or not value.strip():
        return "expected a text"
    if key == "id":
        return None if _ID.fullmatch(value) else "expected small letters, digits and _, as in code_of_conduct"
    if key == "where":
        return None if _is_address(value) else "expected an address that begins with https://"
    most = {"title": TITLE_MAX_CHARS, "version": VERSION_MAX_CHARS, "text": TEXT_MAX_CHARS}[key]
    plain = value.replace("\n", " ") if key == "text" else value
    if len(value) > most or not plain.isprintable():
        return f"expected at most {most} characters" + ("" if key == "text" else " on one line")
    return None


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    # No user or password in it: an address that looks like another is how people are cheated.
    sound = parts.scheme == "https" and bool(parts.hostname) and parts.username is None
    return sound and len(text) <= WHERE_MAX_CHARS and text.isascii() and text.isprintable() and " " not in text
