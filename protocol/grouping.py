"""Tags in a sealed heading: cases with the same entry, or the same lists, share one; no tag says what it stands for.

A tag is a keyed hash. Devices have the organisation's grouping key and make tags; whoever opens headings has the tags
and not the key, so a list of known sites can't be tried against them. The collector has the key and opens no heading.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Literal

GROUPING_KEY_BYTES = 32
TAG_BYTES = 8
"""Two of a million entries share a tag once in 37 million organisations; a longer one would not fit a small heading."""

TAGS_MAX = 32
"""Entries, and lists, of one heading. A case with more is like no other, and gets no tags of that kind."""

TagKind = Literal["entry", "list"]


def tags(key: bytes, kind: TagKind, texts: Iterable[str]) -> tuple[str, ...]:
    """Return the tags (16 hex digits each) of entries, or of the ids of lists, sorted and each once.

    None at all where there are more than TAGS_MAX: with some of them a case would pass for one that it is not.
    """
    found = sorted({_tag(key, kind, text) for text in texts})
    return tuple(found) if len(found) <= TAGS_MAX else ()


def _tag(key: bytes, kind: TagKind, text: str) -> str:
    message = f"fairwatch/v1/tag\0{kind}\0{text}".encode()
    return hmac.new(key, message, hashlib.sha256).digest()[:TAG_BYTES].hex()
