"""Bound how many bodies are read at once, of one sender and of all: a body that never ends holds a thread for ever."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from protocol.codes import Code
from protocol.errors import Refused


class Turns:
    """Turns for senders, by any name; whoever finds none is told `busy` at once instead of waiting for a slow one."""

    def __init__(self, *, each: int, together: int) -> None:
        """At most `each` turns of one sender and `together` of all at a time."""
        self._each, self._together = each, together
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @contextmanager
    def turn(self, sender: str) -> Iterator[None]:
        """Hold a turn meanwhile. Raises Refused `busy` when there is none."""
        with self._lock:
            if self._taken.get(sender, 0) >= self._each or self._taken.total() >= self._together:
                raise Refused(Code.BUSY)
            self._taken[sender] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[sender] -= 1
                if not self._taken[sender]:
                    del self._taken[sender]
