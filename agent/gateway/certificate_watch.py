"""Notices when the certificate's files were renewed, and has them taken up: no phone waits for a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

SETTLE_SECONDS: Final = 1.0
"""A renewal writes two files; both are there a moment later."""

State = tuple[tuple[int, int] | None, ...]


class CertificateWatch(FileSystemEventHandler):
    """Calls `renewed`, in a thread of its own, once the files are other than they were."""

    def __init__(self, files: tuple[Path, ...], renewed: Callable[[], None], settle: float = SETTLE_SECONDS) -> None:
        self._files = files
        self._renewed = renewed
        self._settle = settle
        self._seen = self._look()
        self._observer = Observer()
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to watch the folders; links of a renewal tool are followed when they are looked at."""
        for folder in {file.parent for file in self._files} | {file.resolve().parent for file in self._files}:
            self._observer.schedule(self, str(folder))
        self._observer.start()

    @property
    def is_alive(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._observer.is_alive()

    def stop(self) -> None:
        """Watch no more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
        self._observer.stop()
        self._observer.join()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Look a moment later; a folder in which something happens all the time delays no look."""
        if event.event_type in ("opened", "closed_no_write"):
            return
        with self._lock:
            if self._timer is not None:
                return
            timer = threading.Timer(self._settle, self._changed)
            timer.daemon = True
            with suppress(RuntimeError):
                timer.start()
                self._timer = timer
            waits = self._timer is not None
        if not waits:
            self._changed()  # no thread can be had now, and no other event may come

    def _changed(self) -> None:
        with self._lock:
            self._timer = None  # first: what happens from here on is looked at again
        now = self._look()
        if now != self._seen and None not in now:
            self._seen = now
            self._renewed()

    def _look(self) -> State:
        found: list[tuple[int, int] | None] = []
        for file in self._files:
            try:
                said = file.stat()
            except OSError:
                found.append(None)
            else:
                found.append((said.st_mtime_ns, said.st_ino))
        return tuple(found)
