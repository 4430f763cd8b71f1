"""The spool: what waits to be sent and what the agent must remember, durable, bounded and encrypted at rest.

One SQLite file. A transaction is on the disk before it returns (WAL, synchronous=FULL), so kill -9 and power loss at
any point lose nothing that was promised. Bodies and state are sealed under the spool key (AES-256-GCM). That stops who
takes the disk or a backup without the key; it does not stop root on this machine, who can read the key as the agent
does.

The bound is in bytes on disk. When it is reached the oldest totals go first, then routine alerts, urgent alerts last;
each drop is counted in the same transaction and reported in a Loss record, for which room is kept.

A record's counter never repeats, whatever happens to the database (see `counters.py`). A database that is damaged is
put aside, never deleted; a new one begins, and the loss is reported.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import msgspec

from agent import database
from agent.counters import Counters
from agent.errors import RecordTooLargeError, SealedTextError, SpoolDamagedError, SpoolUnavailableError
from agent.keys import Cipher
from protocol.limits import MESSAGE_VERSION
from protocol.messages import Loss, Parcel, RecordKind, encode

log = logging.getLogger(__name__)

Level = Literal["normal", "filling", "full"]
LossReason = Literal["spool_full", "refused_by_collector", "spool_damaged"]
Make = Callable[[UUID, int], bytes]

DEFAULT_MAX_BYTES: Final = 64 * 1024 * 1024
"""Months of totals and thousands of alerts; small beside any disk."""

LEAST_MAX_BYTES: Final = 1024 * 1024
"""Below this the log, the index pages and one alert would leave no room to work in."""

RECORD_MAX_BYTES: Final = 256 * 1024
"""The largest record, 500 rows of totals, is under 150 KB; an alert is under 60 KB."""

STATE_MAX_BYTES: Final = 1024 * 1024
"""A bookmark is a few bytes, a day's tally of a shared laptop under 200 KB."""

LONGEST_DELAY: Final = timedelta(days=2)
"""Nothing is put off longer: a `send_after` beyond this means that the clock was set back, and is not waited for."""

LONGEST_POSTPONEMENT: Final = timedelta(hours=1)
"""The same for what the sender leaves out for a while."""

_SPARE_PAGES: Final = 16  # for what must always fit: the loss counts, a Loss record of each reason, page splits
_ALERT_PAGES: Final = 20  # a large alert: without room for one more, something would have to go
_FILLING_SHARE: Final = 0.5
_RANKS: Final[dict[str, int]] = {"loss": 2, "heartbeat": 3, "totals": 4, "trial": 4, "trip": 4}
_URGENT, _ROUTINE, _LOSS, _TOTALS = 0, 1, 2, 4

ACKNOWLEDGEMENT_LOST: Final = "acknowledgement lost"
"""The state that says when one was last lost (ISO 8601): what was acknowledged until then is asked for again."""


class _Row(msgspec.Struct, frozen=True):
    """What the outbox knows of a record beside its body. `due` is in seconds since 1970, 0 for at once."""

    place: int | None
    record: UUID
    counter: int
    kind: str
    rank: int
    replaces: bytes | None
    due: float


class Spool:
    """The outbox and the agent's memory, in one file; safe to use from several threads, by one process at a time."""

    def __init__(
        self,
        path: Path,
        key: bytes,
        *,
        device: UUID,
        clock: Callable[[], datetime],
        max_bytes: int = DEFAULT_MAX_BYTES,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        """Open or begin the spool at `path` under a 32-byte key.

        A damaged database, or one that this key does not open, is put aside and a new one begun. Raises
        SpoolUnavailableError when the disk fails or another process has the spool.
        """
        self._path = path
        self._cipher = Cipher(key)
        self._device = device
        self._clock = clock
        self._new_id = new_id
        self._lock = threading.RLock()
        self._depth = 0
        self._damaged = self._alert_put = False
        self.alert_waits = threading.Event()
        """Set whenever an alert that is due at once has been put; whoever sends waits for it and clears it."""
        self._postponed: dict[UUID, datetime] = {}
        set_aside = sum(file.stat().st_size for file in database.put_aside_files(path))
        # What was put aside counts too, down to half: it may be needed to see what happened, and is never deleted.
        self._max_bytes = max(LEAST_MAX_BYTES, max_bytes // 2, max_bytes - set_aside)
        # The log can grow to as much as the database in one large transaction, so each gets half.
        page_bytes, frame_bytes = database.PAGE_BYTES, database.PAGE_BYTES + 24
        log_bytes = (database.CHECKPOINT_PAGES + 2) * frame_bytes
        self._max_pages = (self._max_bytes - log_bytes) // (page_bytes + frame_bytes)
        self._open()

    # --- putting ---------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is put and saved inside is on disk afterwards, or, after any exception, none of it.

        Transactions may be nested; the outermost decides. Raises SpoolUnavailableError (nothing was changed) or
        SpoolDamagedError (nothing was changed, and a new database has begun).
        """
        with self._lock:
            if self._depth:
                yield
                return
            if self._damaged:
                self._begin_anew()
            self._depth = 1
            self._alert_put = False
            try:
                self._run("BEGIN IMMEDIATE")
                yield
                self._run("COMMIT")
                if self._alert_put:
                    self.alert_waits.set()
            except BaseException:
                with suppress(sqlite3.Error):
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0
                if self._damaged:
                    self._db.close()
                    self._begin_anew()

    def _run(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """Run one statement and return its rows; the one border at which SQLite's errors become ours."""
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as fault:
            if not database.is_damage(fault):
                raise SpoolUnavailableError(f"the spool can't be used now: {fault}") from fault
            self._damaged = True
            raise SpoolDamagedError("the spool was damaged; a new one begins") from fault

    def _run_one(self, statement: str, values: Sequence[object] = ()) -> Any:
        """Run one statement and return its first row, or None."""
        rows = self._run(statement, values)
        return rows[0] if rows else None

    def put(
        self,
        kind: RecordKind,
        make: Make,
        *,
        urgent: bool = False,
        replaces: str | None = None,
        send_after: datetime | None = None,
    ) -> UUID | None:
        """Put a record in the outbox and return its id, or None when it had to be dropped for lack of room (counted).

        `make` gets the record's id and counter and returns its body as JSON. A record that waits under the same
        `replaces` and was never handed out is overwritten: it keeps its id and counter, and the earlier of both
        `send_after`. Raises RecordTooLargeError.
        """
        rank = _RANKS.get(kind, _URGENT if urgent else _ROUTINE)
        due = send_after.timestamp() if send_after is not None else 0.0
        label = self._cipher.label(replaces) if replaces is not None else None
        with self.transaction():
            waiting = self._take_waiting(label)
            if waiting is not None:
                place, record, counter, rank, due = (
                    waiting.place,
                    waiting.record,
                    waiting.counter,
                    min(rank, waiting.rank),
                    min(due, waiting.due),
                )
            else:
                place, record, counter = None, self._new_id(), self._next_counter()
            row = _Row(place, record, counter, kind, rank, label, due)
            return record if self._insert(row, make(record, counter)) else None

    def _take_waiting(self, label: bytes | None) -> _Row | None:
        """Take out the row that may be overwritten, so that making room for its successor can't drop it."""
        if label is None:
            return None
        found = self._run_one(
            "SELECT place, record, counter, kind, rank, replaces, send_after FROM outbox"
            " WHERE replaces = ? AND peeked = 0",
            (label,),
        )
        if found is None:
            return None
        self._run("DELETE FROM outbox WHERE place = ?", found[:1])
        return _Row(found[0], UUID(bytes=found[1]), *found[2:])

    def _insert(self, row: _Row, body: bytes) -> bool:
        """Insert a row, or count it as lost when only what matters more is left; returns whether it is in."""
        if len(body) > RECORD_MAX_BYTES:
            raise RecordTooLargeError(f"a record has {len(body)} bytes, more than {RECORD_MAX_BYTES}")
        sealed = self._cipher.seal(body, _place_of(row.record, row.counter))
        if not self._make_room(len(sealed), row.rank):
            self._count_loss("spool_full", row.kind)
            return False
        self._run(
            "INSERT INTO outbox (place, record, counter, kind, version, rank, replaces, send_after, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.place,
                row.record.bytes,
                row.counter,
                row.kind,
                MESSAGE_VERSION,
                row.rank,
                row.replaces,
                row.due,
                sealed,
            ),
        )
        if row.kind in ("alert", "trip") and row.due <= self._clock().timestamp():
            self._alert_put = True
        return True

    # --- sending ---------------------------------------------------------------------------------------------------

    def peek(self, limit_bytes: int, limit_records: int) -> list[Parcel]:
        """Return what is due, urgent alerts first, then routine ones, losses, health and totals, each oldest first.

        At most `limit_records`, and no more than `limit_bytes` of bodies beyond the first. What is returned stays in
        the spool until `ack`; from now on it is never overwritten, since the collector may have it already.
        """
        with self._lock:
            now = self._clock()
            self._postponed = {record: until for record, until in self._postponed.items() if _ahead(until, now)}
            with self.transaction():
                self._put_losses()
                found, spoilt = self._due(now, limit_bytes, limit_records)
                for record, kind in spoilt:
                    self._move_aside(record, "damaged")
                    self._count_loss("spool_damaged", kind)
                for parcel in found:
                    self._run(
                        "UPDATE outbox SET peeked = 1 WHERE record = ? AND peeked = 0 AND replaces IS NOT NULL",
                        (parcel.record.bytes,),
                    )
            return found

    def _due(self, now: datetime, limit_bytes: int, limit_records: int) -> tuple[list[Parcel], list[tuple[UUID, str]]]:
        rows = self._run(
            "SELECT place, record FROM outbox WHERE send_after <= ? OR send_after > ? ORDER BY rank, place LIMIT ?",
            (now.timestamp(), (now + LONGEST_DELAY).timestamp(), limit_records + len(self._postponed)),
        )
        found: list[Parcel] = []
        spoilt: list[tuple[UUID, str]] = []
        size_bytes = 0
        for place, record_bytes in rows:
            record = UUID(bytes=record_bytes)
            if record in self._postponed:
                continue
            counter, kind, version, sealed = self._run_one(
                "SELECT counter, kind, version, body FROM outbox WHERE place = ?", (place,)
            )
            if len(found) >= limit_records or (found and size_bytes + len(sealed) > limit_bytes):
                break
            try:
                body = self._cipher.open(sealed, _place_of(record, counter))
            except SealedTextError:
                spoilt.append((record, kind))
                continue
            size_bytes += len(sealed)
            found.append(Parcel(record, counter, kind, version, msgspec.Raw(body)))
        return found, spoilt

    def ack(self, records: Iterable[UUID]) -> None:
        """Delete records for which the collector gave a receipt."""
        with self.transaction():
            for record in records:
                self._run("DELETE FROM outbox WHERE record = ?", (record.bytes,))

    def postpone(self, records: Iterable[UUID], until: datetime) -> None:
        """Leave records out of `peek` until then (or until a restart), so that one wedged record blocks no other."""
        with self._lock:
            self._postponed.update(dict.fromkeys(records, until))

    def quarantine(self, record: UUID, code: str) -> None:
        """Put aside a record that the collector refused for good; it is counted and reported as a loss."""
        with self.transaction():
            kind = self._move_aside(record, code)
            if kind is not None:
                self._count_loss("refused_by_collector", kind)

    def _move_aside(self, record: UUID, code: str) -> str | None:
        row = self._run_one("SELECT counter, kind, body FROM outbox WHERE record = ?", (record.bytes,))
        if row is None:
            return None
        counter, kind, body = row
        self._run("DELETE FROM outbox WHERE record = ?", (record.bytes,))
        self._run(
            "INSERT INTO aside (record, counter, kind, code, body) VALUES (?, ?, ?, ?, ?)",
            (record.bytes, counter, kind, code, body),
        )
        return str(kind)

    # --- remembering -----------------------------------------------------------------------------------------------

    def load(self, key: str) -> bytes | None:
        """Return what was saved under a key, or None. What does not open any more counts as never saved."""
        label = self._cipher.label(key)
        with self.transaction():
            row = self._run_one("SELECT value FROM state WHERE label = ?", (label,))
        if row is None:
            return None
        try:
            return self._cipher.open(row[0], b"state" + label)
        except SealedTextError:
            log.warning("spool.state_spoilt")
            return None

    def save(self, key: str, value: bytes | None) -> None:
        """Remember a value under a key; None forgets it.

        Raises RecordTooLargeError, or SpoolUnavailableError when even with every record dropped there is no room.
        """
        label = self._cipher.label(key)
        with self.transaction():
            if value is None:
                self._run("DELETE FROM state WHERE label = ?", (label,))
                return
            if len(value) > STATE_MAX_BYTES:
                raise RecordTooLargeError(f"a state has {len(value)} bytes, more than {STATE_MAX_BYTES}")
            sealed = self._cipher.seal(value, b"state" + label)
            if not self._make_room(len(sealed), _URGENT):
                raise SpoolUnavailableError("the spool has no room for the agent's own state")
            self._run(
                "INSERT INTO state VALUES (?, ?) ON CONFLICT (label) DO UPDATE SET value = excluded.value",
                (label, sealed),
            )

    # --- how full, and what is lost --------------------------------------------------------------------------------

    def level(self) -> Level:
        """Return how full the spool is, in one of three words: a count would tell whoever looks how much is flagged."""
        room = self._max_pages - _SPARE_PAGES
        with self.transaction():
            used = self._used_pages()
        return "full" if used + _ALERT_PAGES > room else "filling" if used > _FILLING_SHARE * room else "normal"

    def _used_pages(self) -> int:
        (pages,), (free,) = (self._run_one(f"PRAGMA {what}") for what in ("page_count", "freelist_count"))
        return int(pages) - int(free)

    def _make_room(self, size_bytes: int, rank: int) -> bool:
        """Drop what matters least until a row of that size fits; False when only what matters more is left.

        Refused records go first (their loss is reported already), then the oldest record of the highest rank.
        """
        needed = size_bytes // (database.PAGE_BYTES - 100) + 4
        while self._used_pages() + needed > self._max_pages - _SPARE_PAGES:
            oldest = self._run_one("SELECT place FROM aside ORDER BY place LIMIT 1")
            if oldest is not None:
                self._run("DELETE FROM aside WHERE place = ?", oldest)
                continue
            victim = self._run_one(
                "SELECT place, kind FROM outbox WHERE rank >= ? AND rank <> ? ORDER BY rank DESC, place LIMIT 1",
                (rank, _LOSS),
            )
            if victim is None:
                return rank == _LOSS
            self._run("DELETE FROM outbox WHERE place = ?", victim[:1])
            self._count_loss("spool_full", victim[1])
        return True

    def _count_loss(self, reason: LossReason, kind: str) -> None:
        """Count a lost record; health and loss records themselves are not counted: the next says what they said.

        Nor are trial counts: a day on which the device was off lacks them too; nor tests, of which a lost one fails and
        is told so; nor acknowledgements, for which people are asked again.
        """
        totals, alerts = int(kind == "totals"), int(kind == "alert")
        if kind == "acknowledgement":
            self._note_lost_acknowledgement()
        if kind in ("loss", "heartbeat", "trial", "trip", "acknowledgement"):
            log.warning("spool.lost kind=%s reason=%s", kind, reason)
            return
        self._add_loss(reason, totals, alerts)

    def _note_lost_acknowledgement(self) -> None:
        # Without making room, which may be what loses it: a few bytes, for which pages are kept free.
        label = self._cipher.label(ACKNOWLEDGEMENT_LOST)
        sealed = self._cipher.seal(self._clock().isoformat().encode(), b"state" + label)
        self._run(
            "INSERT INTO state VALUES (?, ?) ON CONFLICT (label) DO UPDATE SET value = excluded.value", (label, sealed)
        )

    def _add_loss(self, reason: LossReason, totals: int, alerts: int) -> None:
        now = self._clock().timestamp()
        self._run(
            "INSERT INTO loss VALUES (?, ?, ?, ?, ?) ON CONFLICT (reason) DO UPDATE SET totals = totals"
            " + excluded.totals, alerts = alerts + excluded.alerts, until = max(until, excluded.until)",
            (reason, totals, alerts, now, now),
        )

    def _put_losses(self) -> None:
        """Turn the counts into Loss records, one of each reason at a time, so that they can never fill the spool."""
        for reason, totals, alerts, since, until in self._run("SELECT * FROM loss"):
            label = self._cipher.label(f"loss {reason}")
            if self._run_one("SELECT 1 FROM outbox WHERE replaces = ?", (label,)) is not None:
                continue
            first, last = datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC)
            body = encode(Loss(self._device, first, last, totals, alerts, reason))
            self._insert(_Row(None, self._new_id(), self._next_counter(), "loss", _LOSS, label, 0.0), body)
            self._run("DELETE FROM loss WHERE reason = ?", (reason,))

    def _next_counter(self) -> int:
        counter = self._counters.next()
        # The same mark in the database, should the file beside it be lost.
        self._run(
            "INSERT INTO own VALUES ('ceiling', ?) ON CONFLICT (what) DO UPDATE SET value = excluded.value"
            " WHERE value <> excluded.value",
            (b"%d" % self._counters.ceiling,),
        )
        return counter

    # --- opening, and damage ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the database; another process may open it afterwards."""
        with self._lock:
            self._db.close()

    def _open(self) -> None:
        try:
            self._db = database.connect(self._path)
        except SpoolDamagedError:
            self._begin_anew()
            return
        try:
            self._prove_key()
            row = self._run_one("SELECT value FROM own WHERE what = 'ceiling'")
            self._counters = Counters(self._path, int(row[0]) if row is not None else None, self._clock)
        except (SpoolDamagedError, SealedTextError):
            self._db.close()
            self._begin_anew()

    def _prove_key(self) -> None:
        """Raise SealedTextError when the database was made under another key: then none of it can be read."""
        row = self._run_one("SELECT value FROM own WHERE what = 'proof'")
        if row is not None:
            self._cipher.open(row[0], b"proof")
        else:
            self._run("INSERT INTO own VALUES ('proof', ?)", (self._cipher.seal(b"", b"proof"),))

    def _begin_anew(self) -> None:
        """Put the damaged database aside, begin a new one and report the loss (how much is not known)."""
        self._damaged = True
        database.put_aside(self._path, self._clock())
        self._db = database.connect(self._path)
        self._damaged = False
        self._prove_key()
        self._counters = Counters(self._path, None, self._clock)
        self._add_loss("spool_damaged", 0, 0)


def _place_of(record: UUID, counter: int) -> bytes:
    return b"record" + record.bytes + counter.to_bytes(8, "big")


def _ahead(until: datetime, now: datetime) -> bool:
    """Whether a time is still to come; one too far ahead means that the clock was set back."""
    return now < until <= now + LONGEST_POSTPONEMENT
