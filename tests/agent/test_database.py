"""The spool's file is opened as its promises need, and a damaged one is told apart from a passing trouble."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from agent import database
from agent.errors import SpoolDamagedError, SpoolUnavailableError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_every_commit_is_flushed_and_one_process_has_the_file(tmp_path):
    with closing(database.connect(tmp_path / "spool")) as opened:
        read = {
            name: opened.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("synchronous", "journal_mode", "locking_mode", "cache_spill")
        }
    assert read == {"synchronous": 2, "journal_mode": "wal", "locking_mode": "exclusive", "cache_spill": 0}
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0


def test_a_file_that_is_no_database_is_damage(tmp_path):
    (tmp_path / "spool").write_bytes(b"once upon a time" * 1000)
    with pytest.raises(SpoolDamagedError):
        database.connect(tmp_path / "spool")


def test_a_folder_that_is_not_there_is_no_damage(tmp_path):
    with pytest.raises(SpoolUnavailableError):
        database.connect(tmp_path / "nowhere" / "spool")


def test_what_is_put_aside_keeps_its_content_and_its_log(tmp_path):
    for name in ("spool", "spool-wal"):
        (tmp_path / name).write_bytes(name.encode())
    database.put_aside(tmp_path / "spool", NOW)
    database.put_aside(tmp_path / "spool", NOW)
    found = sorted(file.name for file in tmp_path.iterdir())
    assert found == ["spool.damaged-20260302T090000Z-0", "spool.damaged-20260302T090000Z-0-wal"]
    assert sorted(database.put_aside_files(tmp_path / "spool")) == sorted(tmp_path.iterdir())


def test_only_sqlites_own_word_for_damage_counts(tmp_path):
    with closing(sqlite3.connect(tmp_path / "other")) as opened, pytest.raises(sqlite3.Error) as caught:
        opened.execute("SELECT * FROM nothing")
    assert not database.is_damage(caught.value)
