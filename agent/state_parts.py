"""Keeps a state that is larger than the spool takes as one: in numbered parts, of which all or none are there.

To be called inside the transaction that changes the state, so that parts of two versions never lie side by side; a
part that is missing or of another version counts as never saved all the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

PART_BYTES: Final = 512 * 1024
"""Half of what the spool takes as one (`agent.spool.STATE_MAX_BYTES`)."""

Load = Callable[[str], bytes | None]
Save = Callable[[str, bytes | None], None]

_NUMBER_BYTES: Final = 4
_DIGEST_BYTES: Final = 16


def save_parts(save: Save, load: Load, key: str, value: bytes) -> None:
    """Save a value of any size under `key` and `key 1`, `key 2`, …; parts of a longer one before are forgotten.

    The first begins with how many parts there are, and a checksum of all. Raises what `save` raises.
    """
    parts = [value[at : at + PART_BYTES] for at in range(0, len(value), PART_BYTES)] or [b""]
    before = _count(load(key))
    head = len(parts).to_bytes(_NUMBER_BYTES, "big") + _digest(value)
    save(key, head + parts[0])
    for number, part in enumerate(parts[1:], 1):
        save(f"{key} {number}", part)
    for number in range(len(parts), before):
        save(f"{key} {number}", None)


def load_parts(load: Load, key: str) -> bytes | None:
    """Return what was saved, or None where it was not or not all of it is there."""
    first = load(key)
    if first is None or len(first) < _NUMBER_BYTES + _DIGEST_BYTES:
        return None
    value = first[_NUMBER_BYTES + _DIGEST_BYTES :]
    for number in range(1, _count(first)):
        part = load(f"{key} {number}")
        if part is None:
            return None
        value += part
    return value if _digest(value) == first[_NUMBER_BYTES : _NUMBER_BYTES + _DIGEST_BYTES] else None


def _count(first: bytes | None) -> int:
    return 0 if first is None else min(int.from_bytes(first[:_NUMBER_BYTES], "big"), 1000)


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()[:_DIGEST_BYTES]
