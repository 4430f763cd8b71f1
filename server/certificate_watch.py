"""Look whether another certificate was put in while the collector runs, and have it taken up without a stop."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from server import log

LOOK_SECONDS = 10.0
"""A look is one stat."""


class CertificateWatch:
    """A thread that calls `take_up` when the certificate's file is another one and loads with its key."""

    def __init__(self, certificate: Path, key: Path, take_up: Callable[[], None]) -> None:
        """Remember what is served now."""
        self._certificate, self._key, self._take_up = certificate, key, take_up
        self._seen = self._mark()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="certificate", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        self._thread.join()

    def look(self) -> bool:
        """Look once; returns whether another one was taken up. One that does not load is left, and looked at again."""
        mark = self._mark()
        if mark == self._seen:
            return False
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._certificate, self._key, lambda: "")
        except (OSError, ValueError) as fault:  # an SSLError is the first; a passphrase is asked for from nobody
            log.failure("certificate_unusable", fault)
            return False
        self._seen = mark
        self._take_up()
        log.event("certificate_taken_up")
        return True

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            self.look()

    def _mark(self) -> tuple[int, int, int]:
        try:
            found = self._certificate.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_ino, found.st_mtime_ns, found.st_size)
