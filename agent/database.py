"""Opens the spool's SQLite file as it must be opened to keep its promises, and puts a damaged one aside."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.errors import SpoolDamagedError, SpoolUnavailableError

log = logging.getLogger(__name__)

SPOOL_FOLDER: Final = "spool"
SPOOL_FILE: Final = "spool.sqlite3"
PAGE_BYTES: Final = 4096
CHECKPOINT_PAGES: Final = 64
"""The log is written back after a quarter of a MiB: it stays small, and a start after a power cut quick."""

BUSY_SECONDS = 5.0
"""How long to wait for an agent that is just ending to let go of the file."""

_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRAGMAS: Final = (
    # One process only: two agents with one identity would look like a clone.
    "locking_mode = EXCLUSIVE",
    f"page_size = {PAGE_BYTES}",
    "journal_mode = WAL",
    "synchronous = FULL",
    f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    f"journal_size_limit = {CHECKPOINT_PAGES * PAGE_BYTES}",
    # Half a transaction never reaches the log, so the log stays within its bound.
    "cache_spill = OFF",
    "cache_size = -512",
)
_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS outbox (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  record BLOB NOT NULL UNIQUE,
  counter INTEGER NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  replaces BLOB,
  send_after REAL NOT NULL,
  peeked INTEGER NOT NULL DEFAULT 0,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_order ON outbox (rank, place);
CREATE INDEX IF NOT EXISTS outbox_replaces ON outbox (replaces) WHERE replaces IS NOT NULL;
CREATE TABLE IF NOT EXISTS aside (
  place INTEGER PRIMARY KEY,
  record BLOB NOT NULL,
  counter INTEGER NOT NULL,
  kind TEXT NOT NULL,
  code TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS state (label BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS loss (
  reason TEXT PRIMARY KEY, totals INTEGER NOT NULL, alerts INTEGER NOT NULL, since REAL NOT NULL, until REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS own (what TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
COMMIT;
"""


def file_in(data_dir: Path) -> Path:
    """Return where the spool of this data folder is, in a folder of its own that is closed to other accounts.

    The data folder is open, for the socket in it; there, even a file's size and time would tell when a flag was kept.
    Raises SpoolUnavailableError when the folder can't be made or closed.
    """
    folder = data_dir / SPOOL_FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as fault:
        raise SpoolUnavailableError(f"the spool's folder can't be used: {fault.strerror}") from fault
    return folder / SPOOL_FILE


def connect(path: Path) -> sqlite3.Connection:
    """Open the database, or begin it, for this process alone.

    Raises SpoolDamagedError when it is no sound database (put it aside and connect again), SpoolUnavailableError when
    the disk fails or another process has it.
    """
    opened = None
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        opened = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            opened.execute(f"PRAGMA {pragma}").fetchall()
        if opened.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise SpoolDamagedError("the database fails its own check")
        opened.executescript(_SCHEMA)
    except (sqlite3.Error, OSError, SpoolDamagedError) as fault:
        if opened is not None:
            opened.close()
        if isinstance(fault, SpoolDamagedError) or (isinstance(fault, sqlite3.Error) and is_damage(fault)):
            raise SpoolDamagedError("the database is damaged") from fault
        raise SpoolUnavailableError(f"the spool can't be opened: {fault}") from fault
    return opened


def is_damage(fault: sqlite3.Error) -> bool:
    """Whether an error means that the file is no sound database any more, rather than a passing trouble."""
    return getattr(fault, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def put_aside(path: Path, now: datetime) -> None:
    """Rename a damaged database and its log, so that a new one can begin; raises SpoolUnavailableError."""
    stamp = f"{now:%Y%m%dT%H%M%SZ}-{len(put_aside_files(path))}"
    try:
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(path.with_name(f"{path.name}.damaged-{stamp}{suffix}"))
    except OSError as fault:
        raise SpoolUnavailableError(f"a damaged spool can't be put aside: {fault}") from fault
    log.error("spool.damaged put_aside=%s", stamp)


def put_aside_files(path: Path) -> list[Path]:
    """Return every file that was ever put aside."""
    return list(path.parent.glob(f"{path.name}.damaged-*"))
