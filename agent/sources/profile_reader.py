"""Reads one profile's history from where it had got to, and hands on what is new with the new bookmark."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec

from agent.observation import Batch, Observation
from agent.sources import bookmark as bookmarks
from agent.sources.bookmark import Bookmark
from agent.sources.browsers import Profile
from agent.sources.errors import HistoryAbsent, HistoryBusy, HistoryHidden, SourceError
from agent.sources.history_file import History, Stamp, copied_bytes, has_log, read_steadily, stamp
from agent.sources.write_ahead_log import WriteAheadLog

SOURCE = "browser_history"
# One batch is one transaction of the pipeline, and is held in memory.
ROWS_PER_BATCH = 500
# A browser that writes at the moment of reading is no failure; one that does so each time is.
BUSY_READS_TOLD = 4
# FAT's steps, the coarsest of the file systems that homes lie on, are 2 s; the common ones are below 10 ms.
FILE_TIME_STEP_NANOSECONDS = 2_000_000_000

State = Literal["working", "waiting", "unknown", "failing"]


class Chunk(msgspec.Struct, frozen=True):
    """What one look gave: the new visits, where reading has got to, and whether there is more."""

    visits: tuple[tuple[str, datetime], ...]
    bookmark: Bookmark
    more: bool


class ProfileReader:
    """Reads one profile. Not for several threads at once.

    `seconds` of what it hands on is always None: a visit is told when it begins, and what browsers store later is the
    time until the next page in the tab, whether or not anybody looked.
    """

    def __init__(
        self,
        device: UUID,
        profile: Profile,
        load: Callable[[str], bytes | None],
        emit: Callable[[Batch], None],
        clock: Callable[[], datetime],
        *,
        scratch: Path | None = None,
        rows_per_batch: int = ROWS_PER_BATCH,
    ) -> None:
        self.profile = profile
        self.state: State = "waiting"
        self.reason = ""
        self._device, self._load, self._emit, self._clock = device, load, emit, clock
        self._scratch, self._rows_per_batch = scratch, rows_per_batch
        self._key = bookmark_key(profile)
        self._bookmark: Bookmark | None = None
        self._seen: Stamp | None = None
        self._busy_reads = 0
        self._log = WriteAheadLog()

    def read(self, collect_from: datetime | None) -> float:
        """Hand on what is new since `collect_from`; None is not yet, and then nothing is opened. Returns seconds spent.

        Never raises: how it went is in `state` and `reason`.
        """
        began = time.monotonic()
        if collect_from is None:
            self.state, self.reason = "waiting", "The notice has not been shown yet, so nothing is read."
            return 0.0
        try:
            self._read(collect_from)
        except HistoryBusy as error:
            self._busy_reads += 1
            if self._busy_reads >= BUSY_READS_TOLD:
                self.state, self.reason = "failing", str(error)
            return time.monotonic() - began
        except HistoryAbsent as error:
            self.state, self.reason = "waiting", str(error)
        except HistoryHidden as error:
            self.state, self.reason = "unknown", str(error)
        except SourceError as error:
            self.state, self.reason = "failing", str(error)
        except Exception as error:  # noqa: BLE001 - one profile's unknown fault must not end the watching of others
            self.fail(error)
        else:
            self.state, self.reason = "working", ""
        self._busy_reads = 0
        return time.monotonic() - began

    def fail(self, error: Exception) -> None:
        """Say that it is not read now, since something went wrong."""
        self.state, self.reason = "failing", f"Reading or keeping it failed ({type(error).__name__})."

    @property
    def busy(self) -> bool:
        """Whether the browser was writing at the last read, so that it is worth trying again at once."""
        return self._busy_reads > 0

    def copied_bytes(self) -> int:
        """How much a read has to copy: nothing where it is read in place."""
        return copied_bytes(self.profile.history_file)

    def has_log(self) -> bool:
        """Whether the browser writes a log, of which each read has to check what is new."""
        return has_log(self.profile.history_file)

    def _read(self, collect_from: datetime) -> None:
        file = self.profile.history_file
        before = stamp(file)
        if before[0] is None:
            raise HistoryAbsent("There is no history yet.")
        if before == self._seen and self._bookmark is not None:
            # Nothing was written since: whatever comes later came later, which tells imported rows apart.
            read_at = self.profile.dialect.microseconds(self._clock())
            self._bookmark = msgspec.structs.replace(self._bookmark, read_at=read_at)
            return
        more = True
        while more:
            chunk = read_steadily(file, lambda history: self._look(history, collect_from), self._scratch, self._log)
            self._hand_on(chunk)
            more = chunk.more
        self._seen = before if _is_settled(before) else None

    def _hand_on(self, chunk: Chunk) -> None:
        """Give the visits and the bookmark to the pipeline, which keeps both or neither, and only then go on."""
        known = self._bookmark
        if known is None or chunk.visits or known.tail != chunk.bookmark.tail:
            observations = tuple(
                Observation(
                    device=self._device,
                    kind="host",
                    name=host,
                    started=started,
                    seconds=None,
                    person=self.profile.person,
                    source=SOURCE,
                    browser=self.profile.dialect.family,
                )
                for host, started in chunk.visits
            )
            self._emit(Batch(observations=observations, bookmark=(self._key, chunk.bookmark.encode())))
        self._bookmark = chunk.bookmark

    def _begin(self, history: History, collect_from: datetime, now: int) -> Bookmark:
        beginning = bookmarks.beginning(history.dialect.microseconds(collect_from) - 1)
        known = self._bookmark
        if known is None:
            kept = self._load(self._key)
            if kept is None:
                return beginning
            # A bookmark that can't be understood says that some visits were told, not which: begin from now.
            known = bookmarks.decode(kept) or bookmarks.beginning(now)
        # An empty history that was read while the clock was ahead: no visit was told, and all will be older than that.
        return beginning if not known.known() and known.newest > now else known

    def _look(self, history: History, collect_from: datetime) -> Chunk:
        dialect = history.dialect
        now = dialect.microseconds(self._clock())
        known = self._begin(history, collect_from, now)
        highest = next(iter(history.tail(None, 1)), (0, 0))[0]
        plan = bookmarks.plan(known, history.present(known.known()), highest, now)
        after = plan.after
        if after is None:
            first = history.first_after(plan.floor)
            after = highest if first is None else first - 1
        rows = list(history.visits(after, plan.until, plan.floor, self._rows_per_batch))
        more = len(rows) == self._rows_per_batch
        visits, newest = [], known.newest
        for row in rows:
            if not row.own or row.at <= plan.since or dialect.foreign(row.at, known.read_at, now):
                continue
            if row.id <= plan.until and row.at > now + bookmarks.DISORDER_MICROSECONDS:
                continue  # made before reading began, by a clock that was ahead: nobody knows when
            newest = max(newest, row.at)
            started = dialect.moment(row.at)
            if row.host is not None and started is not None and started >= collect_from:
                visits.append((row.host, started))
        tail = history.tail(rows[-1].id if more else None, bookmarks.TAIL_ROWS)
        # What is left for the next look was there at this one: it is not late.
        read_at = known.read_at if more else now
        return Chunk(tuple(visits), known.moved(tail, plan, newest, read_at), more)


def _is_settled(seen: Stamp) -> bool:
    """Whether a further write would show in the stamp: file times move in steps, so two quick writes may share one."""
    now = time.time_ns()
    return all(part is None or abs(now - part[2]) > FILE_TIME_STEP_NANOSECONDS for part in seen)


def bookmark_key(profile: Profile) -> str:
    """The name of a profile's bookmark: a hash, because the path holds a person's name."""
    place = f"{profile.dialect.family}\0{profile.person}\0{profile.path}".encode("utf-8", "surrogateescape")
    return f"{SOURCE}/{hashlib.blake2b(place, digest_size=16).hexdigest()}"
