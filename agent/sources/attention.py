"""Lets nobody wait behind a home folder that does not answer: who looks where, and for how long already.

A call into a file system that hangs (a network home whose server has gone) can't be ended from outside. So a thread
says before each look whose home it looks into; a guard that finds it there for too long leaves it behind and lets
another thread go on with the rest. The one that was left ends by itself once it comes back, and until then nobody else
looks there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 10.0
"""A sleeping disk wakes in this time, and a look takes milliseconds."""


class LeftBehind(Exception):
    """Raised in a thread that comes back after it was left behind."""


class Attention:
    """Who looks where. Safe to use from several threads."""

    def __init__(
        self, patience_seconds: float = PATIENCE_SECONDS, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.patience_seconds = patience_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looking: dict[int, tuple[str, float]] = {}
        self._hanging: dict[str, int] = {}

    @contextmanager
    def on(self, place: str) -> Iterator[bool]:
        """Give whether this thread may look there: False where another one hangs. Raises LeftBehind at the end."""
        me = threading.get_ident()
        with self._lock:
            free = place not in self._hanging
            before = self._looking.get(me)
            if free:
                self._looking[me] = (place, self._monotonic())
        try:
            yield free
        finally:
            with self._lock:
                left = free and self._hanging.get(place) == me
                if left:
                    del self._hanging[place]
                if before is not None:
                    self._looking[me] = before
                else:
                    self._looking.pop(me, None)
            if left:
                raise LeftBehind

    def leave(self, thread: int) -> bool:
        """Leave a thread behind if it has looked at one place for too long; returns whether it is left."""
        with self._lock:
            place, since = self._looking.get(thread, ("", 0.0))
            if not place or self._monotonic() - since < self.patience_seconds:
                return False
            self._hanging[place] = thread
            return True

    def hanging(self) -> frozenset[str]:
        """Return the places that do not answer."""
        with self._lock:
            return frozenset(self._hanging)
