"""The phones that the gateway knows: by an unguessable id, of which only the hash is kept.

Sources: the id of DNS over HTTPS is in the path, inside TLS; that of DNS over TLS is in the server name, which the
network between can read and copy. So what comes by the latter is marked as of an unproven identity.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

ID_CHARACTERS: Final = 26
"""130 random bits in base 32, lower case: fits one label of a server name (63), and can't be guessed."""

is_id = re.compile(rf"[a-z2-7]{{{ID_CHARACTERS}}}").fullmatch

RATE_PER_SECOND: Final = 50.0
"""What one phone may ask: a page asks for under a hundred names, once."""

RATE_BURST: Final = 600.0
"""And at once: a phone that wakes up, or restores its tabs, asks for hundreds."""


class Phone(NamedTuple):
    """One phone: the device that it is in the records, its group, and the account of who has it (`""` for nobody).

    `since` is from when on it may be observed, in seconds since 1970.
    """

    device: UUID
    group: str
    person: str
    since: float = 0.0


class _Bucket:
    """How much a phone may still ask."""

    __slots__ = ("at", "left")

    def __init__(self, now: float) -> None:
        self.left, self.at = RATE_BURST, now


class Phones:
    """All phones that are known, when each last asked, and what was refused."""

    def __init__(self) -> None:
        self._by_hash: dict[bytes, Phone] = {}
        self._known: dict[str, Phone] = {}
        self._groups: dict[UUID, str] = {}
        self._buckets: dict[UUID, _Bucket] = {}
        self.last_asked: dict[UUID, float] = {}
        self.refused: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._by_hash)

    def group_of(self, device: UUID) -> str | None:
        """Return a phone's group; None for one that is not known (any more)."""
        return self._groups.get(device)

    def groups(self) -> set[str]:
        """Return the groups that have phones; from any thread."""
        return set(self._groups.copy().values())

    def replace(self, phones: Iterable[tuple[bytes, Phone]]) -> None:
        """Know these phones (by the SHA-256 of their id) and no others from now on."""
        self._by_hash = dict(phones)
        self._known = {}
        # Groups of phones that were withdrawn stay: what was seen of them before is still on its way.
        self._groups.update((phone.device, phone.group) for phone in self._by_hash.values())
        there = {phone.device for phone in self._by_hash.values()}
        for old in self._buckets.keys() - there:
            del self._buckets[old]
        for old in self.last_asked.keys() - there:
            del self.last_asked[old]

    def find(self, text: str) -> Phone | None:
        """Return the phone of an id, None (counted) for one that is unknown or revoked."""
        phone = self._known.get(text)
        if phone is None:
            phone = self._by_hash.get(hash_of(text)) if is_id(text) is not None else None
            if phone is None:
                self.refused["unknown"] += 1
                return None
            self._known[text] = phone
        return phone

    def may_ask(self, phone: Phone, now: float) -> bool:
        """Whether a phone may ask once more (False is counted), and note that it did."""
        self.last_asked[phone.device] = now
        bucket = self._buckets.get(phone.device)
        if bucket is None:
            bucket = self._buckets[phone.device] = _Bucket(now)
        bucket.left = min(RATE_BURST, bucket.left + max(now - bucket.at, 0.0) * RATE_PER_SECOND)
        bucket.at = now
        if bucket.left < 1.0:
            self.refused["too_many"] += 1
            return False
        bucket.left -= 1.0
        return True


def hash_of(text: str) -> bytes:
    """The SHA-256 of an id: what the collector and gateways keep of it."""
    return hashlib.sha256(text.encode("ascii")).digest()
