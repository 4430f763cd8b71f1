"""Answers kept for as long as they say, in memory alone; some a little longer, while no fresh one is to be had.

The cache knows what was asked, by anybody, and never by whom. Sources: RFC 1035, RFC 2308 (negative answers, kept for
their SOA's time), RFC 8767 (stale answers).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from agent.gateway.wire import Answer

CACHE_MAX_BYTES: Final = 24 * 1024 * 1024
"""Some 60,000 answers: what a thousand phones ask in a day. The memory of the whole gateway is bounded by 90 MB."""

KEEP_MAX_SECONDS: Final = 86_400
"""RFC 8767, section 4: no answer is kept as fresh for longer than a day, whatever it says."""

NEGATIVE_MAX_SECONDS: Final = 3_600
"""RFC 2308, section 5: a name that is not there may be there in an hour."""

STALE_SECONDS: Final = 86_400
"""How long after its time an answer may be given while no resolver answers: names for the day of an outage."""

STALE_TTL_SECONDS: Final = 30
"""RFC 8767, section 4: how long a client may keep a stale answer."""

_ENTRY_BYTES: Final = 700
"""What one entry costs beside its answer: the key, the tuples, and its place in the table."""

Key = tuple[bytes, int, int, bool, bool]


class Kept(NamedTuple):
    """An answer with the clock's reading (seconds) at which it came and until which it is fresh."""

    answer: Answer
    at: float
    until: float

    def age(self, now: float) -> int:
        """Whole seconds since it came, never less than none."""
        return max(int(now - self.at), 0)


class Cache:
    """The answers, the one longest unused first to go. Not for several threads."""

    def __init__(self, max_bytes: int = CACHE_MAX_BYTES) -> None:
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._bytes = 0
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key, now: float) -> Kept | None:
        """Return what is kept, fresh or stale; `Kept.until` tells which. None for what is too old or not there."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if now >= kept.until + STALE_SECONDS:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def put(self, key: Key, answer: Answer, now: float) -> None:
        """Keep an answer, if it is one to keep: a failure never takes the place of an answer."""
        if not answer.keeps:
            return
        longest = KEEP_MAX_SECONDS if answer.rcode == 0 else NEGATIVE_MAX_SECONDS
        if key in self._kept:
            self._drop(key)
        self._kept[key] = Kept(answer, now, now + min(answer.keeps, longest))
        self._bytes += _size(answer)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        self._bytes -= _size(self._kept.pop(key).answer)


def _size(answer: Answer) -> int:
    return len(answer.data) + _ENTRY_BYTES
