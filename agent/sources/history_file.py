"""Opens a browser's history while the browser runs, without locking, changing or trusting it.

Two ways, by what the file itself says (bytes 18 and 19 of the SQLite header, sqlite.org/fileformat.html); both read in
place without locks and look again afterwards: when the browser wrote in between, what was read is thrown away
(`HistoryBusy`).
- A rollback journal (Chromium): SQLite opens the file itself.
- A write-ahead log (Firefox, Safari): the newest visits are in the log, so SQLite is given file and log as one
  (`live_database`). Where this Python can't do that, or the log is very long, both are copied to a fresh private
  folder, which is removed afterwards; when they are too large to copy, the file is read without its log.

The person owns these files and this may run as root, so a file may be an attack: a link or pipe in its place (refused:
it would have us read another's file, or wait for ever), a schema that computes without end (a time limit), an address
of gigabytes (a length limit).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from agent.sources.chromium import CHROMIUM
from agent.sources.dialect import Dialect, Visit, host_of_stored
from agent.sources.errors import HistoryAbsent, HistoryBusy, HistoryDamaged, HistoryHidden, HistoryRefused
from agent.sources.firefox import FIREFOX
from agent.sources.live_database import LiveDatabase, available, connected
from agent.sources.safari import SAFARI
from agent.sources.write_ahead_log import LOG_LIMIT_BYTES, WriteAheadLog

DIALECTS = (CHROMIUM, FIREFOX, SAFARI)
SIDE_FILES = ("-wal", "-journal")
# A copy of more than this would fill disks and caches; such a file shows visits once the browser folds its log in.
COPY_LIMIT_BYTES = 1 << 30
# A sound history answers in milliseconds; one made to compute for ever is given up after this.
QUERY_LIMIT_SECONDS = 20.0
# No row that we read is larger; larger ones would only be there to fill the memory.
ROW_LIMIT_BYTES = 8 << 20
# The last three are for what SQLite opens by itself. synchronous=OFF is for the copy: nobody misses it after a power
# cut, and waiting for the disk took 20 ms.
PRAGMAS = ("trusted_schema=OFF", "cell_size_check=ON", "synchronous=OFF", "mmap_size=0", "query_only=ON")
SCRATCH_PREFIX = "fairwatch-history-"
_PAUSES_SECONDS = (0.0, 0.03, 0.08, 0.2, 0.4)
_HEADER_BYTES = 100
# Whichever of these the platform has: no links, no waiting for a pipe's other end, bytes as they are.
_PLAIN_READING = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
_MAGIC = b"SQLite format 3\x00"
_WAL_VERSION = 2

_Part = tuple[int, int, int] | None
Stamp = tuple[_Part, _Part, _Part]
Result = TypeVar("Result")


class History(msgspec.Struct, frozen=True):
    """An open history: ask it for rows, then `settle` before believing them."""

    dialect: Dialect
    connection: sqlite3.Connection
    columns: frozenset[str]
    settle: Callable[[], None]

    def visits(self, after: int = -1, until: int = -1, floor: int = 0, limit: int = -1) -> Iterator[Visit]:
        """Rows with an id above `after`; those up to id `until` only when later than `floor`. -1 is no limit."""
        wanted = {"after": after, "until": until, "floor": floor, "limit": limit}
        for number, at, host, synced, own, seconds in self._rows(self.dialect.select(self.columns), wanted):
            if isinstance(number, int) and isinstance(at, int):
                yield Visit(
                    id=number,
                    at=at,
                    host=host if isinstance(host, str) else None,
                    synced=bool(synced),
                    own=bool(own),
                    seconds=float(seconds) if isinstance(seconds, int | float) else None,
                )

    def tail(self, up_to: int | None, count: int) -> tuple[tuple[int, int], ...]:
        """The (id, time) of the last rows by id, newest first, none above `up_to` (None: no bound)."""
        query = (
            f"SELECT v.id, {self.dialect.time} FROM {self.dialect.visits} v "  # noqa: S608 - the dialect's fixed words
            "WHERE :up_to IS NULL OR v.id <= :up_to ORDER BY v.id DESC LIMIT :count"
        )
        return tuple(_pairs(self._rows(query, {"up_to": up_to, "count": count})))

    def present(self, known: tuple[tuple[int, int], ...]) -> frozenset[tuple[int, int]]:
        """Which of these rows, as (id, time), are there with the same time."""
        numbers = ", ".join(str(int(number)) for number, _ in known)
        query = f"SELECT v.id, {self.dialect.time} FROM {self.dialect.visits} v WHERE v.id IN ({numbers})"  # noqa: S608
        return frozenset(known) & frozenset(_pairs(self._rows(query, {})))

    def first_after(self, floor: int) -> int | None:
        """The lowest id of the rows later than `floor`."""
        query = f"SELECT min(v.id) FROM {self.dialect.visits} v WHERE {self.dialect.time} > :floor"  # noqa: S608
        (number,) = next(self._rows(query, {"floor": floor}), (None,))
        return number if isinstance(number, int) else None

    def _rows(self, query: str, wanted: Mapping[str, int | None]) -> Iterator[tuple[object, ...]]:
        try:
            yield from self.connection.execute(query, wanted)
        except sqlite3.DatabaseError as error:
            raise _translated(error) from error


def _pairs(rows: Iterator[tuple[object, ...]]) -> Iterator[tuple[int, int]]:
    for number, at in rows:
        if isinstance(number, int) and isinstance(at, int):
            yield number, at


def stamp(file: Path) -> Stamp:
    """What changes whenever the history does: inode, size and time of the file and of each file beside it."""
    return _part(file), _part(f"{file}-wal"), _part(f"{file}-journal")


def _part(file: Path | str) -> _Part:
    try:
        seen = os.lstat(file)
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


@contextmanager
def open_history(file: Path, scratch: Path | None = None, log: WriteAheadLog | None = None) -> Iterator[History]:
    """Open a history for reading, in place or as a copy under `scratch` (the system's temporary folder when None).

    `log` is what earlier calls for the same file learned of its log: with it a call reads only what is new there.
    Raises HistoryAbsent, HistoryHidden, HistoryRefused, HistoryDamaged or HistoryBusy.
    Makes no file beside the history.
    """
    header = _header(file)
    with ExitStack() as stack:
        if _is_live(file, header):
            database, settle = _live(stack, file, WriteAheadLog() if log is None else log)
            yield _opened(stack, connected(database), settle, by_path=False)
        elif _needs_copy(file, header):
            copy = stack.enter_context(_copy(file, scratch))
            yield _opened(stack, _connected(copy), lambda: None)
        else:
            way = "?mode=ro&immutable=1" if _has_log_format(header) else "?mode=ro&nolock=1"
            yield _opened(stack, _connected(file, way), _settling(file))


@contextmanager
def open_copy(file: Path, scratch: Path | None = None) -> Iterator[History]:
    """Open a copy whatever the format: for a browser that died while writing, whose journal must be played back."""
    _header(file)
    with ExitStack() as stack:
        copy = stack.enter_context(_copy(file, scratch))
        yield _opened(stack, _connected(copy), lambda: None)


def read_steadily(
    file: Path, read: Callable[[History], Result], scratch: Path | None = None, log: WriteAheadLog | None = None
) -> Result:
    """Read a history, again when the browser wrote meanwhile, and from a copy when it never holds still.

    `read` may run several times and must keep nothing of a run that raised. Raises as `open_history` does.
    """
    _header(file)  # what has no sound first page is not torn, and waiting would not mend it
    for pause in _PAUSES_SECONDS:
        time.sleep(pause)
        with suppress(HistoryBusy, HistoryDamaged), open_history(file, scratch, log) as history:
            found = read(history)
            history.settle()
            return found
    if file.stat().st_size > COPY_LIMIT_BYTES:
        raise HistoryBusy("The history is being written all the time and is too large to copy.")
    with open_copy(file, scratch) as history:
        return read(history)


def has_log(file: Path) -> bool:
    """Whether a write-ahead log lies beside the history."""
    return _log_bytes(file) > 0


def copied_bytes(file: Path) -> int:
    """How much a read has to copy: nothing where it is read in place."""
    size, log = _part(file), _log_bytes(file)
    return size[1] + log if size is not None and log and not _is_short(log) else 0


def remove_leftovers(scratch: Path) -> None:
    """Remove private copies that a killed process left under `scratch`."""
    for folder in scratch.glob(f"{SCRATCH_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _header(file: Path) -> bytes:
    """The first bytes of a plain file; refuses what only looks like one."""
    try:
        with opened_plain(file) as opened:
            header = opened.read(_HEADER_BYTES)
    except PermissionError as error:
        raise HistoryHidden("The history may not be read by this account.") from error
    except OSError as error:
        raise HistoryRefused("The history is not a plain file.") from error
    if not header:
        raise HistoryAbsent("The history is still empty.")
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise HistoryDamaged("The history is not a sound database.")
    return header


def _has_log_format(header: bytes) -> bool:
    return _WAL_VERSION in (header[18], header[19])


def _log_bytes(file: Path) -> int:
    log = _part(f"{file}-wal")
    return 0 if log is None else log[1]


def _is_short(log_bytes: int) -> bool:
    return available() and log_bytes <= LOG_LIMIT_BYTES


def _is_live(file: Path, header: bytes) -> bool:
    """Only a log that holds something makes it worth it."""
    log = _log_bytes(file)
    return _has_log_format(header) and log > 0 and _is_short(log)


def _live(stack: ExitStack, file: Path, log: WriteAheadLog) -> tuple[LiveDatabase, Callable[[], None]]:
    """File and log as one database, and the check that they held still and were not replaced by others."""
    paths = (file, Path(f"{file}-wal"))
    try:
        handles = [stack.enter_context(opened_plain(path)).fileno() for path in paths]
    except HistoryAbsent as error:
        raise HistoryBusy("The history's log was folded in at this moment.") from error
    except PermissionError as error:
        raise HistoryHidden("The history may not be read by this account.") from error
    except OSError as error:
        raise HistoryRefused("The history's log is not a plain file.") from error
    try:
        log.follow(handles[1])
    except OSError as error:
        raise HistoryBusy("The history could not be read just now.") from error
    database = LiveDatabase(handles[0], handles[1], log)

    def settle() -> None:
        try:
            same = [os.path.samestat(os.fstat(one), os.lstat(path)) for one, path in zip(handles, paths, strict=True)]
            still = all(same) and database.held_still()
        except OSError as error:
            raise HistoryBusy("The history was replaced while it was read.") from error
        if not still:
            raise HistoryBusy("The history was written while it was read.")

    return database, settle


def _needs_copy(file: Path, header: bytes) -> bool:
    """Only a log that holds something makes a copy worth it, and only a size that can be borne makes it possible."""
    if not _has_log_format(header):
        return False
    log, size = stamp(file)[1], file.stat().st_size
    return log is not None and log[1] > 0 and size + log[1] <= COPY_LIMIT_BYTES


def _settling(file: Path) -> Callable[[], None]:
    before = stamp(file), _header(file)

    def settle() -> None:
        if (stamp(file), _header(file)) != before:
            raise HistoryBusy("The history was written while it was read.")

    return settle


@contextmanager
def _copy(file: Path, scratch: Path | None) -> Iterator[Path]:
    """A private copy (folder mode 0700), gone when the context ends. The file goes first, then its log or journal.

    The log only ever grows until the browser folds it into the file and starts it anew, with a new header: when the
    header is the same before and after, the log holds every page that may have changed in the file meanwhile.
    """
    if scratch is not None:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, dir=scratch, ignore_cleanup_errors=True) as folder:
        target = Path(folder) / "history"
        before, log_before = stamp(file), _log_header(file)
        try:
            _copy_plain(file, target)
            for name in SIDE_FILES:
                with suppress(HistoryAbsent):
                    _copy_plain(Path(f"{file}{name}"), Path(f"{target}{name}"))
        except PermissionError as error:
            raise HistoryHidden("The history may not be read by this account.") from error
        except OSError as error:
            raise HistoryBusy("There was no room for a private copy of the history.") from error
        same_log = bool(log_before) and log_before == _log_header(file)
        if not same_log and stamp(file) != before:
            raise HistoryBusy("The history was written while it was copied.")
        yield target


def _copy_plain(source: Path, target: Path) -> None:
    with opened_plain(source) as opened, target.open("xb") as copy:
        _copy_bytes(opened, copy)


def opened_plain(file: Path) -> BinaryIO:
    """A plain file opened for reading; a link, pipe or folder in its place is refused, and nothing waits for a pipe.

    Raises HistoryAbsent, HistoryRefused or OSError.
    """
    try:
        handle = _handle(file)
    except FileNotFoundError as error:
        raise HistoryAbsent("There is no history there.") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise HistoryRefused("The history is not a plain file.")
    return os.fdopen(handle, "rb")


def _handle(file: Path) -> int:
    if sys.platform == "win32":
        from agent.windows.plain_file import descriptor

        return descriptor(file)
    return os.open(file, _PLAIN_READING)


def _copy_bytes(source: BinaryIO, target: BinaryIO) -> None:
    """Inside the kernel where it can, which shares the blocks on file systems that do; else piece by piece."""
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):
            while os.copy_file_range(source.fileno(), target.fileno(), COPY_LIMIT_BYTES):
                pass
            return
    source.seek(0)
    target.seek(0)
    shutil.copyfileobj(source, target, 1 << 20)


def _log_header(file: Path) -> bytes:
    """The log's header with its salts, which change each time that the log starts anew; empty without a log."""
    try:
        with Path(f"{file}-wal").open("rb") as log:
            return log.read(32)
    except OSError:
        return b""


def _connected(file: Path, way: str = "") -> closing[sqlite3.Connection]:
    uri = f"{file.absolute().as_uri()}{way}" if way else str(file)
    return closing(sqlite3.connect(uri, uri=bool(way), isolation_level=None))


def _opened(
    stack: ExitStack,
    connecting: AbstractContextManager[sqlite3.Connection],
    settle: Callable[[], None],
    *,
    by_path: bool = True,
) -> History:
    deadline = time.monotonic() + QUERY_LIMIT_SECONDS
    try:
        connection = stack.enter_context(connecting)
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, ROW_LIMIT_BYTES)
        connection.create_function("host", 1, host_of_stored, deterministic=True)
        for pragma in PRAGMAS if by_path else PRAGMAS[:2]:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        dialect, columns = _recognise(connection)
    except sqlite3.DatabaseError as error:
        raise _translated(error) from error
    return History(dialect, connection, columns, settle)


def _recognise(connection: sqlite3.Connection) -> tuple[Dialect, frozenset[str]]:
    """Which family's history this is, by its tables, and the columns it has as `table.column`."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for dialect in DIALECTS:
        if {dialect.visits, dialect.urls} <= tables:
            known = [name for name in (dialect.visits, dialect.urls, "visit_source") if name in tables]
            columns = frozenset(
                f"{name}.{row[1]}" for name in known for row in connection.execute(f"PRAGMA table_info({name})")
            )
            return dialect, columns
    raise HistoryRefused("This is not the history of a browser that we know.")


def _translated(error: sqlite3.DatabaseError) -> Exception:
    """SQLite's own words as one of ours. A torn read looks like damage, so the caller tries again before it says so."""
    text = str(error)
    if "no such column" in text or "no such table" in text:
        return HistoryRefused("This browser keeps its history in a form that we do not know.")
    if isinstance(error, sqlite3.OperationalError) and "interrupted" not in text:
        return HistoryBusy("The history is locked or being written.")
    return HistoryDamaged("The history is damaged.")
