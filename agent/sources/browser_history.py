"""Watches the histories of all profiles and hands on each new visit: by the file system's word, and by slow sweeps.

The browser's own write wakes a reader at once. Every few seconds a look finds the profiles that have come or gone,
tries again what could not be read and reads what is not listened to; a slow sweep reads whatever changed without a word
of it. Own reads wake nobody: only writes are listened to.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from watchdog.events import FileSystemEvent, FileSystemEventHandler

from agent.health import SourceHealth
from agent.observation import Batch
from agent.sources.attention import Attention, LeftBehind
from agent.sources.browsers import Profile
from agent.sources.history_file import SIDE_FILES, remove_leftovers
from agent.sources.listening import Listening
from agent.sources.profile_reader import SOURCE, ProfileReader

log = logging.getLogger(__name__)

HANGS = "A home folder does not answer, so the browsers in it are not read; all others are."
CROWDED = "Somebody has more browser profiles than are looked at, so not all of theirs are read; all others are."
ENDED = "A fault ended the reading of histories, which is begun again every few seconds."
# A net for file systems that tell nothing (some network homes).
SWEEP_SECONDS = 60.0
# A look costs a few file lookups for each known place: cheap enough to find a new profile soon.
LOOK_SECONDS = 5.0
# A browser writes one visit in several steps: wait for the last of them.
DEBOUNCE_SECONDS = 0.2
# Rests between two reads of one profile: Firefox writes some 300 kB of log for a page, in several goes, and checking
# them once costs less; a slow read is a sign of a busy machine; and a large copy must not be made each second.
LOG_REST_SECONDS = 1.0
REST_SECONDS = 0.2
REST_FACTOR = 4.0
COPIED_BYTES_A_SECOND = 50_000_000
# Where the service must spare, a page's several writes are read together.
PACED_REST_SECONDS = 2.0
# After a failure try again by itself, since no write may follow.
RETRY_SECONDS = 5.0
BUSY_RETRY_SECONDS = 0.5


class BrowserHistory(FileSystemEventHandler):
    """The source. `start` it, ask its `health`, `stop` it; `sweep` may be called at any time, started or not.

    `profiles` is asked at each sweep. `collect_from(person)` is the instant from which visits of that account may be
    collected, None for not yet. `emit` keeps a batch durably or raises, in which case the same visits come again.
    `attention` is that of `profiles` too: whose home does not answer is left alone, and the others go on.
    `pace()` is by how much it has to rest longer, from 1 to 8.
    """

    name = SOURCE

    def __init__(
        self,
        device: UUID,
        profiles: Callable[[], Iterable[Profile]],
        load: Callable[[str], bytes | None],
        emit: Callable[[Batch], None],
        collect_from: Callable[[str], datetime | None],
        clock: Callable[[], datetime],
        *,
        scratch: Path | None = None,
        sweep_seconds: float = SWEEP_SECONDS,
        attention: Attention | None = None,
        pace: Callable[[], int] = lambda: 1,
    ) -> None:
        super().__init__()
        self._device, self._profiles, self._load, self._emit = device, profiles, load, emit
        self._collect_from, self._clock = collect_from, clock
        self._scratch, self._sweep_seconds = scratch, sweep_seconds
        self._readers: dict[Profile, ReaderTurn] = {}
        self._finding = ""
        self._crowded, self._noted = frozenset[str](), set[str]()
        self._attention = attention or Attention()
        self._pace = pace
        self._knowing = threading.Lock()
        self._wake = threading.Condition()
        self._due: dict[str, float] = {}
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._guard: threading.Thread | None = None
        self._guarding = threading.Event()
        self._listening = Listening(self, self._attention)
        self._faulty = False

    def start(self) -> None:
        """Begin to watch in threads of its own."""
        if self._scratch is not None:
            remove_leftovers(self._scratch)
        self._stopped = self._faulty = False
        for turn in self._readers.values():
            turn.rest_until = 0.0  # what was written before we listened, only this first read can find
        self._listening.start()
        self._begin_thread()
        self._guarding.clear()
        self._guard = threading.Thread(target=self._stand_guard, name=f"{SOURCE} guard", daemon=True)
        self._guard.start()

    def stop(self) -> None:
        """End watching, and wait until the threads have gone; one that hangs in a home's file system is left."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        self._guarding.set()
        patience = self._attention.patience_seconds
        if self._guard is not None:
            self._guard.join()
        if self._thread is not None:
            self._thread.join(patience)
        self._listening.stop()
        self._thread = self._guard = None

    def _begin_thread(self) -> None:
        thread = threading.Thread(target=self._run, name=SOURCE, daemon=True)
        thread.start()
        self._thread = thread

    def _stand_guard(self) -> None:
        """Put another thread in the place of one that hangs in a home's file system, or that has ended."""
        while not self._guarding.wait(self._attention.patience_seconds / 2):
            try:
                self._replace_thread()
            except Exception as fault:  # noqa: BLE001 - where no thread can be had now, one can be later
                log.warning("history.not_begun_again kind=%s", type(fault).__name__)

    def _replace_thread(self) -> None:
        thread = self._thread
        if thread is None or self._stopped:
            return
        if self._attention.leave(thread.ident or 0):
            log.warning("history.home_does_not_answer")
            self._begin_thread()
        elif not thread.is_alive():
            log.warning("history.begun_again")
            self._begin_thread()

    def sweep(self) -> None:
        """Find the profiles there are now and read each that changed."""
        self._sweep(rested=False, every=True)

    def _sweep(self, *, rested: bool, every: bool) -> None:
        """Read every profile, or else those of which nothing would be heard; `rested` leaves out those at rest."""
        self._find()
        for turn in list(self._readers.values()):
            reader = turn.reader
            wanted = every or reader.state != "working" or str(reader.profile.path) not in self._listening
            if wanted and (not rested or time.monotonic() >= turn.rest_until):
                self._read(turn)

    def health(self) -> SourceHealth:
        """How watching goes, as a whole: the worst of the profiles, in words that name no more than a browser."""
        readers = [turn.reader for turn in list(self._readers.values())]
        if self._faulty or (self._thread is not None and not self._thread.is_alive()):
            return SourceHealth(name=SOURCE, state="failing", reason=ENDED)
        if self._finding:
            return SourceHealth(name=SOURCE, state="failing", reason=self._finding)
        if self._attention.hanging():
            return SourceHealth(name=SOURCE, state="failing", reason=HANGS)
        if self._crowded:
            return SourceHealth(name=SOURCE, state="failing", reason=CROWDED)
        for state in ("failing", "unknown"):
            told = sorted({f"{r.profile.browser}: {r.reason}" for r in readers if r.state == state})
            if told:
                return SourceHealth(
                    name=SOURCE, state="failing" if state == "failing" else "unknown", reason=" ".join(told)
                )
        if any(reader.state == "working" for reader in readers):
            return SourceHealth(name=SOURCE, state="working")
        if readers:
            return SourceHealth(name=SOURCE, state="unknown", reason=readers[0].reason or "Nothing was read yet.")
        return SourceHealth(name=SOURCE, state="unknown", reason="No browser profile was found.")

    def note_crowded(self, person: str) -> None:
        """Hear, while profiles are listed, that somebody has more than are looked at."""
        self._noted.add(person)

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by watchdog: note that a history was written, and by when it is to be read."""
        for path in (event.src_path, event.dest_path):
            folder, name = os.path.split(os.fsdecode(path))
            if _history_name(name) in _HISTORY_NAMES:
                with self._wake:
                    if folder not in self._due:
                        self._due[folder] = time.monotonic() + DEBOUNCE_SECONDS
                        self._wake.notify()

    def _run(self) -> None:
        while not self._stopped:
            try:
                self._go_round()
            except LeftBehind:
                return
            except Exception as fault:  # noqa: BLE001 - no fault ends it for ever: it would end for everybody's browsers
                self._faulty = True
                log.error("history.failed kind=%s", type(fault).__name__)  # noqa: TRY400 - a trace could hold a name
                self._guarding.wait(RETRY_SECONDS)

    def _go_round(self) -> None:
        next_look = next_sweep = time.monotonic()
        while not self._stopped:
            now = time.monotonic()
            if now >= min(next_look, next_sweep):
                self._sweep(rested=True, every=now >= next_sweep)
                pace = self._pace()
                next_look = now + LOOK_SECONDS * pace
                next_sweep = now + self._sweep_seconds * pace if now >= next_sweep else next_sweep
            for turn in self._turns_due():
                self._read(turn)
            self._faulty = False
            self._wait(min(next_look, next_sweep))

    def _wait(self, next_look: float) -> None:
        """Sleep until the next file or look is due, or until an event comes."""
        with self._wake:
            due = [max(at, self._rest_until(folder)) for folder, at in self._due.items()]
            pause = min([next_look, *due]) - time.monotonic()
            if pause > 0 and not self._stopped:
                self._wake.wait(pause)

    def _rest_until(self, folder: str) -> float:
        return max((turn.rest_until for turn in self._turns_of(folder)), default=0.0)

    def _turns_of(self, folder: str) -> list[ReaderTurn]:
        return [turn for turn in list(self._readers.values()) if str(turn.reader.profile.path) == folder]

    def _turns_due(self) -> list[ReaderTurn]:
        now = time.monotonic()
        with self._wake:
            ready = [folder for folder, at in self._due.items() if max(at, self._rest_until(folder)) <= now]
            for folder in ready:
                del self._due[folder]
        return [turn for folder in ready for turn in self._turns_of(folder)]

    def _find(self) -> None:
        self._noted.clear()
        try:
            wanted = dict.fromkeys(self._profiles())
        except LeftBehind:
            raise
        except Exception as error:  # noqa: BLE001 - what is watched already goes on being watched
            self._finding = f"The browser profiles could not be listed ({type(error).__name__})."
            return
        self._finding, self._crowded = "", frozenset(self._noted)
        with self._knowing:
            hanging = self._attention.hanging()
            for profile in [known for known in self._readers if known not in wanted and known.person not in hanging]:
                del self._readers[profile]
            for profile in wanted:
                if profile not in self._readers:
                    reader = ProfileReader(
                        self._device, profile, self._load, self._emit, self._clock, scratch=self._scratch
                    )
                    self._readers[profile] = ReaderTurn(reader)
        self._listening.to({str(profile.path): profile.person for profile in list(self._readers)})

    def _read(self, turn: ReaderTurn) -> None:
        with self._attention.on(turn.reader.profile.person) as may_look:
            if may_look:
                with turn.lock:
                    self._read_now(turn)

    def _read_now(self, turn: ReaderTurn) -> None:
        reader = turn.reader
        spent = self._read_since(reader)
        copied = reader.copied_bytes()
        rest = LOG_REST_SECONDS if reader.has_log() else REST_SECONDS
        rest = max(rest, REST_FACTOR * spent, copied / COPIED_BYTES_A_SECOND)
        if (pace := self._pace()) > 1:
            rest = max(rest, PACED_REST_SECONDS) * pace
        if reader.busy:
            with self._wake:
                self._due.setdefault(str(reader.profile.path), time.monotonic() + BUSY_RETRY_SECONDS)
        turn.rest_until = time.monotonic() + (max(rest, RETRY_SECONDS) if reader.state == "failing" else rest)

    def _read_since(self, reader: ProfileReader) -> float:
        """Read a profile from when its person may be watched; returns seconds spent. How it went, the reader says."""
        try:
            collect_from = self._collect_from(reader.profile.person)
        except Exception as error:  # noqa: BLE001 - the spool was found damaged, or the disk does not answer now
            reader.fail(error)
            return 0.0
        return reader.read(collect_from)


class ReaderTurn:
    """A reader, until when (monotonic) it has to rest, and its lock: it is not for several threads at once."""

    def __init__(self, reader: ProfileReader) -> None:
        self.reader = reader
        self.rest_until = 0.0
        self.lock = threading.Lock()


_HISTORY_NAMES = frozenset({"History", "places.sqlite", "History.db"})


def _history_name(name: str) -> str:
    for side in SIDE_FILES:
        name = name.removesuffix(side)
    return name
