"""The log of deletions stands in the database and beside it, says nothing of what was deleted, and survives a cut."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from server import deletion_log
from server.errors import SetUpError
from server.store.models import Deletion

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(days=30)


@pytest.fixture
def file(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path / deletion_log.FILE_NAME


def test_a_run_is_one_row_that_counts_up_and_one_line_without_a_count(database, file):
    deletion_log.note("people", 30, BEFORE, 3, NOW)
    deletion_log.note("people", 30, BEFORE, 4, NOW)
    assert Deletion.objects.get().count == 7
    (line,) = file.read_text().splitlines()
    assert set(json.loads(line)) == {"at", "kind", "days", "before"}
    assert file.stat().st_mode & 0o077 == 0
    assert deletion_log.in_file(file) == deletion_log.in_database()


def test_a_line_that_a_power_cut_left_unfinished_is_passed_over(database, file):
    deletion_log.note("people", 30, BEFORE, 3, NOW)
    with file.open("ab") as half:
        half.write(b'{"at":"2026-')
    assert len(deletion_log.in_file(file)) == 1
    deletion_log.note("people", 30, BEFORE, 3, NOW + timedelta(days=1))
    assert [line.at for line in deletion_log.in_file(file)] == [NOW, NOW + timedelta(days=1)]


def test_a_file_that_is_half_a_line_alone_is_begun_anew(database, file):
    file.write_bytes(b'{"at":"2026-')
    deletion_log.note("people", 30, BEFORE, 3, NOW)
    assert [line.at for line in deletion_log.in_file(file)] == [NOW]


@pytest.mark.parametrize(
    "line",
    [
        b"rubbish\n",
        b"[]\n",
        b'{"at":"2026-11-22T12:00:00Z","kind":"odd","days":1,"before":"2026-11-22T12:00:00Z"}\n',
        b'{"at":"2026-11-22T12:00:00","kind":"people","days":1,"before":"2026-11-22T12:00:00"}\n',
        b'{"at":"2026-11-22T12:00:00Z","kind":"people","days":1,"before":"2026-11-22T12:00:00Z","more":1}\n',
    ],
)
def test_another_file_is_refused_with_its_line(file, line):
    file.write_bytes(line)
    with pytest.raises(SetUpError, match="line 1"):
        deletion_log.in_file(file)


def test_what_another_log_knows_is_taken_in_once(database, file):
    line = deletion_log.Line(NOW, "cases", 730, BEFORE)
    for _ in range(2):
        deletion_log.take_in([line, line])
    assert deletion_log.in_database() == [line]
    assert deletion_log.in_file(file) == [line]
    assert Deletion.objects.get().count == 0


def test_old_lines_leave_the_file_too(database, file):
    for at in (NOW - timedelta(days=400), NOW):
        deletion_log.note("people", 30, at, 1, at)
    deletion_log.trim(NOW - timedelta(days=100))
    assert [line.at for line in deletion_log.in_file(file)] == [NOW]


def test_it_says_whether_a_run_began_to_delete_what_was_over_by_then(database, file):
    deletion_log.note("usage", 45, BEFORE, 1, NOW)
    assert deletion_log.begun("usage", BEFORE)
    assert not deletion_log.begun("usage", BEFORE + timedelta(seconds=1))
    assert not deletion_log.begun("cases", BEFORE)
