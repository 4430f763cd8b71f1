"""Reads a pipe that Windows can't wait for, in a thread that waits in its stead and reads no further than asked.

An anonymous pipe's reads always block, and no event is told of them: so the pipe of a browser that starts a program.
"""

from __future__ import annotations

import os
import threading

from agent.windows.libraries import last_error
from agent.windows.pipe_end import Calls


class Reading:
    """What comes by a descriptor; `fileno` is an event."""

    def __init__(self, descriptor: int, chunk_bytes: int, calls: Calls | None = None) -> None:
        """Begin to read; raises OSError where there is no Windows, or no event can be made."""
        self._descriptor, self._chunk_bytes = descriptor, chunk_bytes
        self._calls = calls or Calls()
        self._event = self._calls.event(None, 1, 0, None)
        if not self._event:
            raise OSError(last_error(), "no event can be made")
        self._come: bytes | None = None
        self._changing = threading.Lock()
        self._taken = threading.Semaphore()
        threading.Thread(target=self._run, name="reading", daemon=True).start()

    def fileno(self) -> int:
        """The event: told while there is something, or the other end has gone."""
        return int(self._event)

    def read(self) -> bytes | None:
        """What has come, empty once the other end has gone (and ever after), None while nothing has."""
        with self._changing:
            come = self._come
            if come:
                self._calls.reset_event(self._event)
                self._come = None
                self._taken.release()
        return come

    def _run(self) -> None:
        come = b"."
        while come:
            self._taken.acquire()
            try:
                come = os.read(self._descriptor, self._chunk_bytes)
            except OSError:
                come = b""  # how Windows says that the other end broke off
            with self._changing:
                self._come = come
                self._calls.set_event(self._event)
