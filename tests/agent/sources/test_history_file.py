"""Opening histories that are locked, being written, damaged, hidden, or traps."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from datetime import UTC, datetime

import pytest

from agent.sources import history_file, live_database
from agent.sources.errors import HistoryAbsent, HistoryBusy, HistoryDamaged, HistoryHidden, HistoryRefused
from agent.sources.history_file import open_history, read_steadily
from agent.sources.write_ahead_log import WriteAheadLog

MOMENT = datetime(2026, 3, 2, 9, 15, 0, 250001, tzinfo=UTC)


def hosts(file, scratch=None):
    return read_steadily(file, lambda history: [visit.host for visit in history.visits()], scratch)


def everything_in(folder):
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


def test_a_history_locked_by_its_browser_is_read_in_place_and_unchanged(made, tmp_path):
    history = made.chromium()
    history.add("http://one.test/", MOMENT)
    history.sql("PRAGMA locking_mode=EXCLUSIVE")
    history.sql("BEGIN EXCLUSIVE")
    history.sql("COMMIT")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite3.connect(f"file:{history.file}?mode=ro", uri=True, timeout=0).execute("SELECT * FROM visits")
    before = everything_in(history.file.parent)
    assert hosts(history.file) == ["one.test"]
    assert everything_in(history.file.parent) == before


def unreachable(monkeypatch):
    """As where Python's SQLite takes no file system of ours."""
    monkeypatch.setattr(history_file, "available", lambda: False)


@pytest.fixture
def live():
    """Only where the log is read in place; elsewhere there are the copies."""
    if not live_database.available():
        pytest.skip("this Python's SQLite takes no file system of ours")


def test_a_log_that_is_exclusively_locked_is_read_in_place_without_a_copy(made, tmp_path, live):
    history = made.firefox()
    history.sql("PRAGMA locking_mode=EXCLUSIVE")
    history.sql("PRAGMA journal_mode=WAL")
    history.add("http://one.test/", MOMENT)
    before = everything_in(history.file.parent)
    scratch = tmp_path / "scratch"
    with open_history(history.file, scratch) as opened:
        assert not scratch.exists()
        assert [visit.host for visit in opened.visits()] == ["one.test"]
        opened.settle()
    assert everything_in(history.file.parent) == before


@pytest.mark.parametrize("change", ["a page of the file", "begun anew", "replaced", "gone"])
def test_what_may_mix_two_commits_is_not_believed(made, tmp_path, live, change):
    history = made.firefox()
    history.sql("PRAGMA journal_mode=WAL")
    history.add("http://one.test/", MOMENT)
    history.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    history.sql("CREATE TABLE other(word)")
    if change == "begun anew":
        history.sql("PRAGMA wal_checkpoint(FULL)")
    with open_history(history.file) as opened:
        assert len(list(opened.visits())) == 1
        opened.settle()
        if change == "replaced":
            shutil.copy(history.file, tmp_path / "other")
            (tmp_path / "other").replace(history.file)
        elif change == "gone":
            history.file.with_name("places.sqlite-wal").rename(tmp_path / "log")
        else:
            history.add("http://two.test/", MOMENT)
        with pytest.raises(HistoryBusy):
            opened.settle()


def test_a_commit_that_touches_nothing_read_from_the_file_is_no_reason_to_read_again(made, live):
    history = made.firefox()
    history.sql("PRAGMA journal_mode=WAL")
    history.add("http://one.test/", MOMENT)
    with open_history(history.file) as opened:
        history.add("http://two.test/", MOMENT)
        assert [visit.host for visit in opened.visits()] == ["one.test"]
        opened.settle()
    assert hosts(history.file) == ["one.test", "two.test"]


def test_folding_the_log_into_the_file_while_it_is_read_changes_nothing_that_is_seen(made, live):
    history = made.firefox()
    history.sql("PRAGMA journal_mode=WAL")
    for number in range(50):
        history.add(f"http://v{number}.test/", MOMENT)
    with open_history(history.file) as opened:
        rows = opened.visits()
        found = [next(rows).host]
        assert history.sql("PRAGMA wal_checkpoint(FULL)").fetchone()[0] == 0
        found += [visit.host for visit in rows]
        opened.settle()
    assert found == [f"v{number}.test" for number in range(50)]


def test_reading_beside_a_busy_log_sees_whole_transactions_only(made, live, tmp_path):
    history = made.firefox()
    history.sql("PRAGMA journal_mode=WAL")
    stop = threading.Event()

    def write():
        connection = sqlite3.connect(history.file, isolation_level=None)
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA wal_autocheckpoint=20")
        number = 0
        while not stop.wait(0.03):
            connection.execute("BEGIN IMMEDIATE")
            for _ in range(10):
                number += 1
                connection.execute("INSERT INTO moz_places(id, url) VALUES (?, ?)", (number, f"http://v{number}.test/"))
                connection.execute(
                    "INSERT INTO moz_historyvisits(place_id, visit_date, visit_type) VALUES (?, ?, 1)", (number, number)
                )
            connection.execute("COMMIT")
        connection.close()

    writer, log = threading.Thread(target=write), WriteAheadLog()
    writer.start()
    try:
        rounds, found, end = 0, [], time.monotonic() + 20
        # Rounds enough, and until the writer has had its turn: on a busy machine it may begin late.
        while (rounds < 40 or len(found) < 50) and time.monotonic() < end:
            rounds += 1
            found = read_steadily(
                history.file, lambda history: [visit.host for visit in history.visits()], tmp_path / "scratch", log
            )
            assert len(found) % 10 == 0
            assert found == [f"v{number}.test" for number in range(1, len(found) + 1)]
    finally:
        stop.set()
        writer.join()
    assert len(found) >= 50


def test_a_log_that_can_not_be_read_in_place_is_read_from_a_private_copy_that_is_removed(made, tmp_path, monkeypatch):
    unreachable(monkeypatch)
    history = made.firefox()
    history.sql("PRAGMA locking_mode=EXCLUSIVE")
    history.sql("PRAGMA journal_mode=WAL")
    history.add("http://one.test/", MOMENT)
    before = everything_in(history.file.parent)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with open_history(history.file, scratch) as opened:
        (private,) = scratch.iterdir()
        assert private.stat().st_mode & 0o777 == 0o700
        assert [visit.host for visit in opened.visits()] == ["one.test"]
    assert list(scratch.iterdir()) == []
    assert everything_in(history.file.parent) == before


def test_a_log_file_that_is_too_large_to_copy_is_read_without_its_log(made, tmp_path, monkeypatch):
    history = made.firefox()
    history.add("http://folded.test/", MOMENT)
    history.sql("PRAGMA journal_mode=WAL")
    history.add("http://logged.test/", MOMENT)
    unreachable(monkeypatch)
    monkeypatch.setattr(history_file, "COPY_LIMIT_BYTES", 1000)
    before = everything_in(history.file.parent)
    assert hosts(history.file) == ["folded.test"]
    assert everything_in(history.file.parent) == before


def test_a_browser_that_died_while_writing_leaves_a_journal_that_is_played_back(made, tmp_path):
    history = made.chromium()
    history.add("http://one.test/", MOMENT)
    history.sql("PRAGMA cache_size=1")
    history.sql("BEGIN")
    for number in range(400):
        history.add(f"http://v{number}.test/{'x' * 200}", MOMENT)
    died = tmp_path / "died"
    died.mkdir()
    for side in ("", "-journal"):
        shutil.copy(f"{history.file}{side}", died / f"History{side}")
    history.sql("ROLLBACK")
    before = everything_in(died)
    assert hosts(died / "History") == ["one.test"]
    assert everything_in(died) == before


def test_what_was_written_meanwhile_is_not_believed(made):
    history = made.chromium()
    history.add("http://one.test/", MOMENT)
    with open_history(history.file) as opened:
        history.add("http://two.test/", MOMENT)
        with pytest.raises(HistoryBusy):
            opened.settle()


def test_reading_beside_a_busy_writer_sees_whole_transactions_only(made):
    history = made.chromium()
    history.sql("PRAGMA journal_mode=TRUNCATE")
    stop = threading.Event()

    def write():
        connection = sqlite3.connect(history.file, isolation_level=None)
        connection.execute("PRAGMA synchronous=OFF")
        number = 0
        while not stop.wait(0.02):
            connection.execute("BEGIN IMMEDIATE")
            for _ in range(10):
                number += 1
                connection.execute("INSERT INTO urls(id, url) VALUES (?, ?)", (number, f"http://v{number}.test/"))
                connection.execute("INSERT INTO visits(url, visit_time) VALUES (?, ?)", (number, number))
            connection.execute("COMMIT")
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        rounds, found, end = 0, [], time.monotonic() + 20
        while (rounds < 40 or len(found) < 50) and time.monotonic() < end:
            rounds += 1
            try:
                found = hosts(history.file)
            except HistoryBusy:
                continue  # on a slow machine: what the source does then is to look again later
            assert len(found) % 10 == 0
            assert found == [f"v{number}.test" for number in range(1, len(found) + 1)]
    finally:
        stop.set()
        writer.join()
    assert len(found) >= 50


@pytest.mark.parametrize("log", [b"\x37\x7f\x06\x82" + b"\0" * 9000, b"hello", os.urandom(9000)])
def test_a_log_of_junk_is_passed_over(made, log, live):
    history = made.firefox()
    history.sql("PRAGMA journal_mode=WAL")
    history.add("http://one.test/", MOMENT)
    history.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    history.close()
    history.file.with_name("places.sqlite-wal").write_bytes(log)
    assert hosts(history.file) == ["one.test"]


@pytest.mark.parametrize("trap", ["pipe", "link", "folder"])
def test_a_trap_in_place_of_a_log_is_not_followed_and_nothing_waits(made, tmp_path, trap, live):
    history = made.firefox()
    history.sql("PRAGMA journal_mode=WAL")
    history.add("http://one.test/", MOMENT)
    history.close()
    side = history.file.with_name("places.sqlite-wal")
    (tmp_path / "secret").write_bytes(b"x" * 5000)
    {"pipe": os.mkfifo, "link": lambda at: at.symlink_to(tmp_path / "secret"), "folder": os.mkdir}[trap](side)
    if trap == "pipe":  # without a size it can't hold a log
        assert hosts(history.file) == ["one.test"]
    else:
        with pytest.raises(HistoryRefused):
            hosts(history.file)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, HistoryAbsent),
        (b"", HistoryAbsent),
        (b"hello", HistoryDamaged),
        (b"SQLite format 3\x00", HistoryDamaged),
        (b"SQLite format 3\x00" + b"\x00" * 9000, HistoryDamaged),
    ],
)
def test_what_is_no_database_is_refused(tmp_path, content, error):
    if content is not None:
        (tmp_path / "History").write_bytes(content)
    with pytest.raises(error):
        hosts(tmp_path / "History")


def test_another_database_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "History") as connection:
        connection.execute("CREATE TABLE cookies(name)")
    connection.close()
    with pytest.raises(HistoryRefused):
        hosts(tmp_path / "History")


def test_a_history_without_a_column_we_need_is_refused(made):
    history = made.chromium()
    history.sql("ALTER TABLE visits DROP COLUMN transition")
    with pytest.raises(HistoryRefused):
        hosts(history.file)


def test_pages_overwritten_with_junk_are_damage_and_no_crash(made, tmp_path):
    history = made.chromium()
    history.sql("BEGIN")
    for number in range(500):
        history.add(f"http://v{number}.test/", MOMENT)
    history.sql("COMMIT")
    content = bytearray(history.file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    (tmp_path / "History").write_bytes(content)
    with pytest.raises((HistoryDamaged, HistoryBusy)):
        hosts(tmp_path / "History")


@pytest.mark.parametrize("trap", ["pipe", "link", "folder"])
def test_a_trap_in_place_of_a_history_is_refused_at_once(made, tmp_path, trap):
    history = made.chromium(tmp_path / "other")
    file = tmp_path / "History"
    {"pipe": lambda: os.mkfifo(file), "link": lambda: file.symlink_to(history.file), "folder": file.mkdir}[trap]()
    with pytest.raises(HistoryRefused):
        hosts(file)


def test_a_schema_that_computes_for_ever_is_given_up(made, tmp_path, monkeypatch):
    monkeypatch.setattr(history_file, "QUERY_LIMIT_SECONDS", 0.1)
    monkeypatch.setattr(history_file, "_PAUSES_SECONDS", (0.0,))
    history = made.chromium()
    history.sql("ALTER TABLE visits RENAME TO real_visits")
    history.sql(
        "CREATE VIEW visits AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i AS id, 1 AS url, 1 AS visit_time, 0 AS transition FROM n"
    )
    with pytest.raises((HistoryRefused, HistoryBusy, HistoryDamaged)):
        hosts(history.file)


def test_a_history_of_someone_else_is_hidden(made, monkeypatch):
    history = made.chromium()

    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(history_file.os, "open", refused)
    with pytest.raises(HistoryHidden):
        hosts(history.file)
