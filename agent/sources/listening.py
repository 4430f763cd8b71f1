"""Listens to profile folders for writes: to so many that threads are left for all else, and to each person's alike.

watchdog takes a thread for each folder, and anybody may make as many profile folders as they like. What is not listened
to loses nothing: whoever uses this looks there by itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from watchdog.events import FileCreatedEvent, FileModifiedEvent, FileMovedEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from agent.sources.attention import Attention

log = logging.getLogger(__name__)

FOLDERS_MOST: Final = 24
"""The service has some 25 threads besides, and its unit lets it have 128 with those of its children."""
TRY_AGAIN_SECONDS: Final = 60.0
"""How soon to listen to more after the system would not let us. A try that fails half-way leaves a little behind."""
_WANTED: Final = (FileModifiedEvent, FileCreatedEvent, FileMovedEvent)


class Listening:
    """Which folders are listened to; `handler` is called in watchdog's thread. `to` in one thread at a time."""

    def __init__(self, handler: FileSystemEventHandler, attention: Attention) -> None:
        self._handler, self._attention = handler, attention
        self._observer: BaseObserver | None = None
        self._watches: dict[str, tuple[ObservedWatch, int]] = {}
        self._stopped = True
        self._rest_until = 0.0

    def start(self) -> None:
        """Begin; where the system can't now, it is tried again with each `to`."""
        self._stopped = False
        self._rest_until = 0.0
        self._begin()

    def stop(self) -> None:
        """Listen to nothing any more; waits for what hangs in a home's file system no longer than it is patient."""
        self._stopped = True
        observer, self._observer = self._observer, None
        self._watches.clear()
        if observer is not None:
            observer.stop()
            observer.join(self._attention.patience_seconds)

    def __contains__(self, folder: str) -> bool:
        """Whether writes in that folder are told."""
        return folder in self._watches

    def to(self, folders: Mapping[str, str]) -> None:
        """Listen to these folders (each with whose it is), or to a fair choice of too many, and to no others."""
        if self._stopped or not self._can_listen():
            return
        chosen = fair_choice(folders, FOLDERS_MOST)
        for folder in [known for known in self._watches if known not in chosen]:
            self._leave(folder)
        for folder, person in chosen.items():
            with self._attention.on(person) as may_look:
                if may_look:
                    self._listen(folder)

    def _can_listen(self) -> bool:
        if self._observer is not None and self._observer.is_alive():
            return True
        self._watches.clear()
        if time.monotonic() >= self._rest_until:
            self._begin()
        return self._observer is not None

    def _begin(self) -> None:
        self._observer = made = None
        try:
            made = Observer()
            made.start()
            self._observer = made
        except Exception as fault:  # noqa: BLE001 - no thread or no watch to be had: sweeps still read everything
            self._rest(fault)
            with suppress(Exception):
                if made is not None:
                    made.stop()

    def _listen(self, folder: str) -> None:
        """Listen to a folder; to one that was replaced anew."""
        inode = _inode(folder)  # asked first: where it hangs, it must not be while the observer is locked
        known = self._watches.get(folder)
        if known is not None and known[1] != inode:
            self._leave(folder)
        if folder in self._watches or self._observer is None or time.monotonic() < self._rest_until:
            return
        try:
            _spare_thread()
            watch = self._observer.schedule(self._handler, folder, recursive=False, event_filter=list(_WANTED))
        except OSError:
            return  # it has gone, or its file system tells nothing
        except Exception as fault:  # noqa: BLE001 - whatever it is, it must not end the reading
            self._rest(fault)
            return
        self._watches[folder] = (watch, inode)

    def _leave(self, folder: str) -> None:
        watch, _ = self._watches.pop(folder)
        with suppress(Exception):  # the folder may have gone, and its watch with it
            if self._observer is not None:
                self._observer.unschedule(watch)

    def _rest(self, fault: Exception) -> None:
        log.warning("history.not_listening kind=%s", type(fault).__name__)
        self._rest_until = time.monotonic() + TRY_AGAIN_SECONDS


def fair_choice(folders: Mapping[str, str], most: int) -> dict[str, str]:
    """Of these folders (each with whose it is) at most so many: in turn one of each person's, in their order."""
    of_each: dict[str, list[str]] = {}
    for folder, person in folders.items():
        of_each.setdefault(person, []).append(folder)
    ranks = [(rank, folder) for own in of_each.values() for rank, folder in enumerate(own)]
    ranks.sort(key=lambda one: one[0])
    return {folder: folders[folder] for _, folder in ranks[:most]}


def _spare_thread() -> None:
    """Raise RuntimeError where no thread can be had: watchdog asks for one only when the watch is there already."""
    thread = threading.Thread(target=lambda: None, name="spare", daemon=True)
    thread.start()
    thread.join()


def _inode(folder: str) -> int:
    try:
        return Path(folder).stat().st_ino
    except OSError:
        return 0
