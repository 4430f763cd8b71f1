"""SQLite reading a file and its log through our handles: nothing is written, and what goes wrong is an error."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from agent.sources.live_database import LiveDatabase, available, connected
from agent.sources.write_ahead_log import WriteAheadLog

pytestmark = pytest.mark.skipif(not available(), reason="this Python's SQLite takes no file system of ours")


@pytest.fixture
def pair(tmp_path):
    """A writer of 400 rows in the file and one in the log, the file, and its database as we see it."""
    file = tmp_path / "db"
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; CREATE TABLE t(word);")
        writer.execute("BEGIN")
        writer.executemany("INSERT INTO t VALUES (hex(randomblob(?)))", [(400,)] * 400)
        writer.execute("COMMIT")
        writer.executescript("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES ('last');")
        handles, known = [os.open(f"{file}{side}", os.O_RDONLY) for side in ("", "-wal")], WriteAheadLog()
        known.follow(handles[1])
        yield writer, file, LiveDatabase(*handles, known)
        for handle in handles:
            os.close(handle)


def test_file_and_log_are_one_sound_database(pair):
    with connected(pair[2]) as connection:
        assert connection.execute("SELECT count(*), max(rowid) FROM t").fetchall() == [(401, 401)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert pair[2].held_still()


def test_only_a_later_commit_of_a_page_read_from_the_file_mixes_two(pair):
    writer, _, database = pair
    with connected(database) as connection:
        connection.execute("SELECT word FROM t WHERE rowid = 401").fetchall()
        writer.execute("UPDATE t SET word = 'again' WHERE rowid = 401")
        assert database.held_still()
        connection.execute("SELECT word FROM t WHERE rowid = 1").fetchall()
        writer.execute("UPDATE t SET word = 'changed' WHERE rowid = 1")
        assert not database.held_still()


def test_nothing_can_be_written_through_it(pair):
    _, file, database = pair
    log = file.with_name("db-wal")
    before = file.read_bytes(), log.read_bytes()
    with connected(database) as connection:
        for query in ("INSERT INTO t VALUES ('x')", "DROP TABLE t", "PRAGMA user_version=7", "VACUUM"):
            with pytest.raises(sqlite3.DatabaseError):
                connection.execute(query)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    assert (file.read_bytes(), log.read_bytes()) == before


def test_a_file_cut_short_while_it_is_read_is_an_error_and_no_crash(pair):
    _, file, database = pair
    with connected(database) as connection:
        os.truncate(file, 5000)
        with pytest.raises(sqlite3.DatabaseError):
            connection.execute("SELECT sum(length(word)) FROM t").fetchall()
