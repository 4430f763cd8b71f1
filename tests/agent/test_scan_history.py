"""The command `scan-history`, as a person runs it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import datetime

import pytest

CHROMIUM = """
CREATE TABLE urls(id INTEGER PRIMARY KEY, url, title);
CREATE TABLE visits(id INTEGER PRIMARY KEY, url, visit_time, transition, visit_duration, originator_cache_guid);
CREATE TABLE visit_source(id INTEGER PRIMARY KEY, source);
INSERT INTO urls VALUES (1, 'https://one.test/path?q=secret', 'secret'), (2, 'http://framed.test/', 'secret'),
  (3, 'chrome://settings/', 's'), (4, 'http://Redirecting.test:81/', 's');
INSERT INTO visits VALUES (1, 1, 13416916500250001, 805306369, 1500000, ''),
  (2, 2, 13416916500250001, 805306371, 0, ''),
  (3, 3, 13416916500250001, 805306369, 0, ''), (4, 4, 13416916500250001, 268435457, 0, ''),
  (5, 1, 13416916500250001, 805306369, 0, 'phone'), (6, 1, 13416916500250001, 805306369, 0, '');
INSERT INTO visit_source VALUES (6, 3);
"""
FIREFOX = """
PRAGMA journal_mode=WAL;
CREATE TABLE moz_places(id INTEGER PRIMARY KEY, url, title, hidden);
CREATE TABLE moz_historyvisits(id INTEGER PRIMARY KEY, from_visit, place_id, visit_date, visit_type);
INSERT INTO moz_places VALUES (1, 'https://one.test/path?q=secret', 'secret', 0);
INSERT INTO moz_historyvisits VALUES (1, 0, 1, 1772442900250001, 1);
"""


def scan(*words):
    command = [sys.executable, "-m", "agent", "scan-history", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def make(tmp_path):
    opened = []

    def write(tables, name):
        connection = sqlite3.connect(tmp_path / name, isolation_level=None)
        connection.executescript(tables)
        opened.append(connection)
        return tmp_path / name

    yield write
    for connection in opened:
        connection.close()


def test_every_visit_is_printed_frames_redirects_imports_and_synced_ones_too(make):
    done = scan(make(CHROMIUM, "History"), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["name"], line["seconds"], line["synced"]) for line in lines] == [
        ("one.test", 1.5, False),
        ("framed.test", None, False),
        ("redirecting.test", None, False),
        ("one.test", None, True),
        ("one.test", None, False),
    ]
    assert all(set(line) == {"name", "started", "seconds", "browser", "synced"} for line in lines)
    assert {line["browser"] for line in lines} == {"Chromium"}
    assert datetime.fromisoformat(lines[0]["started"]).isoformat() == "2026-03-02T09:15:00.250001+00:00"
    assert "secret" not in done.stdout


def test_a_profile_folder_is_scanned_and_a_live_log_is_read(make, tmp_path):
    make(FIREFOX, "places.sqlite")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = scan(tmp_path, "--json")
    assert [json.loads(line)["browser"] for line in done.stdout.splitlines()] == ["Firefox"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_locked_file_under_another_name_is_scanned(make):
    file = make(CHROMIUM, "History-kept.db")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    done = scan(file, "--json")
    holder.close()
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 5)


def test_a_link_to_a_history_is_followed_by_hand(make, tmp_path):
    (tmp_path / "link").symlink_to(make(CHROMIUM, "History"))
    assert len(scan(tmp_path / "link", "--json").stdout.splitlines()) == 5


def test_without_json_it_is_a_plain_table(make):
    done = scan(make(CHROMIUM, "History"))
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split() == ["2026-03-02", "09:15:00", "UTC", "Chromium", "one.test", "2", "s"]


@pytest.mark.parametrize("content", [None, b"", b"hello", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_bad_input_ends_with_2_and_one_line(tmp_path, content):
    if content is not None:
        (tmp_path / "History").write_bytes(content)
    done = scan(tmp_path / "History", "--json")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_a_folder_without_a_history_ends_with_2(tmp_path):
    done = scan(tmp_path, "--json")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
