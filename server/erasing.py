"""Makes deleted rows gone from the database's files: no copy of them may hold what was deleted.

SQLite overwrites what is deleted (`secure_delete`, in the settings); its write-ahead log still holds the pages as they
were, until it is emptied here. PostgreSQL only marks rows as deleted: tables are vacuumed, and those that told
of people are written anew. What its own write-ahead log and its replicas hold goes as those are recycled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from django.db import OperationalError, connection

from server import log
from server.errors import NotYetErased

TRIES = 10
"""A page that somebody reads holds the log for a moment; after so many tries something else is wrong."""

_WAIT_SECONDS = 1.0
_LOCK_TIMEOUT = "5s"
"""Writing a table anew locks it; devices and people wait no longer than this for it to begin."""


def make_gone(thorough: Iterable[str], others: Iterable[str], wait: Callable[[float], None] = time.sleep) -> None:
    """Make what was deleted from these tables gone; not inside a transaction.

    Raises NotYetErased when somebody else kept the database busy: the rows are deleted, and their bytes go next time.
    """
    if connection.vendor == "sqlite":
        _empty_write_ahead_log(wait)
    else:
        _vacuum(sorted(set(thorough)), sorted(set(others) - set(thorough)))


def _empty_write_ahead_log(wait: Callable[[float], None]) -> None:
    for _ in range(TRIES):
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()[0]
        if not busy:
            return
        wait(_WAIT_SECONDS)
    raise NotYetErased("the write-ahead log could not be emptied: something reads the database all the time")


def _vacuum(thorough: list[str], others: list[str]) -> None:
    quote = connection.ops.quote_name
    late = []
    with connection.cursor() as cursor:
        for table in others:
            cursor.execute(f"VACUUM {quote(table)}")
        cursor.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
        try:
            for table in thorough:
                try:
                    cursor.execute(f"VACUUM (FULL) {quote(table)}")
                except OperationalError as fault:  # locked, or no room for a copy
                    log.failure("vacuum_failed", fault)
                    cursor.execute(f"VACUUM {quote(table)}")
                    late.append(table)
        finally:
            cursor.execute("RESET lock_timeout")
    if late:
        raise NotYetErased("a table was busy, or there was no room to write it anew")
