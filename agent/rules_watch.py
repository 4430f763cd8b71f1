"""Notices at once when somebody edits, adds or removes a file of the signed rules on this disk.

Nothing is trusted because nothing was noticed: whoever loads rules verifies every byte. This is what makes an edit be
refused, told and put right within seconds and not at the next check. Where the system gives no events, `look` is
called with the service's ticks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from watchdog.events import (
    EVENT_TYPE_CLOSED,
    EVENT_TYPE_CREATED,
    EVENT_TYPE_DELETED,
    EVENT_TYPE_MODIFIED,
    EVENT_TYPE_MOVED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from agent.rules_set import fingerprint
from agent.set_in_force import in_force

log = logging.getLogger(__name__)

SETTLE_SECONDS: Final = 0.1
"""A copy of several files brings several events; together they are looked at once."""
REST_SECONDS: Final = 0.5
"""Between two looks: an edit in a loop must not keep the processor busy."""
_CHANGES: Final = frozenset(
    (EVENT_TYPE_CLOSED, EVENT_TYPE_CREATED, EVENT_TYPE_DELETED, EVENT_TYPE_MODIFIED, EVENT_TYPE_MOVED)
)


class RulesWatch(FileSystemEventHandler):
    """Watches the set in force and calls `changed`, in a thread of its own, when it is not as it was noted."""

    def __init__(self, folder: Path, changed: Callable[[], None]) -> None:
        self._folder = folder
        self._changed = changed
        self._seen: tuple[object, ...] | None = None
        self._something = threading.Event()
        self._stopping = threading.Event()
        self._observer = Observer()
        self._watched: ObservedWatch | None = None
        self._watching = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)

    def start(self) -> None:
        """Begin to watch; where the system can't, `look` alone is left, which is logged."""
        self._folder.mkdir(mode=0o755, exist_ok=True)
        try:
            # Not all that is below it: the next set is made there, and copies for each opening.
            self._observer.schedule(self, str(self._folder), recursive=False)
            self._observer.start()
        except Exception as fault:  # noqa: BLE001 - no watch or no thread to be had: the ticks look
            log.warning("rules_watch.no_events kind=%s", type(fault).__name__)
        self._follow()
        self._thread.start()

    def stop(self) -> None:
        """End both threads."""
        self._stopping.set()
        self._something.set()
        if self._observer.is_alive():
            self._observer.stop()
            with suppress(RuntimeError):
                self._observer.join(timeout=5)
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def note(self) -> tuple[object, ...]:
        """Take what is on the disk now as known: called before it is loaded."""
        self._seen = fingerprint(in_force(self._folder))
        self._follow()
        return self._seen

    @property
    def is_as_noted(self) -> bool:
        """Whether nothing changed since."""
        return self._seen is not None and fingerprint(in_force(self._folder)) == self._seen

    def look(self) -> None:
        """Ask the disk itself, in case that no event came."""
        if self._seen is not None and not self.is_as_noted:
            self._something.set()

    def _follow(self) -> None:
        """Watch the files of the set that is in force now, instead of those of the last one."""
        with self._watching:
            if not self._observer.is_alive():
                return
            try:
                folder = str(in_force(self._folder).resolve(strict=True))
                if self._watched is not None and self._watched.path == folder:
                    return
                if self._watched is not None:
                    self._observer.unschedule(self._watched)
                    self._watched = None
                self._watched = self._observer.schedule(self, folder, recursive=True)
            except Exception as fault:  # noqa: BLE001 - nor may a watch that is not to be had keep out new rules
                log.warning("rules_watch.no_events kind=%s", type(fault).__name__)
        self.look()  # what happened before the events began

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by watchdog: note that something changed, without asking what."""
        if event.event_type in _CHANGES:
            self._something.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._something.wait()
            self._stopping.wait(SETTLE_SECONDS)
            self._something.clear()
            if self._stopping.is_set():
                return
            try:
                if self._seen is None or self.is_as_noted:
                    continue
                self._changed()
            except Exception as fault:  # noqa: BLE001 - the watch must go on, whatever went wrong this time
                log.error("rules_watch.failed kind=%s", type(fault).__name__)  # noqa: TRY400
            self._stopping.wait(REST_SECONDS)
