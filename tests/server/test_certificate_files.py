"""A key and its certificate come both or neither, at whichever moment the power goes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from server import certificate_files

ENDED = """
import os, sys
from pathlib import Path
from server import certificate_files, files
left, save = int(sys.argv[2]), certificate_files.save
def counted(path, data):
    global left
    if not left:
        os._exit(9)
    left -= 1
    save(path, data)
certificate_files.save = counted
certificate_files.put(Path(sys.argv[1]), b"new key", b"new certificate")
"""
"""Ends as a power cut does, before the so many-th file is written."""


@pytest.fixture
def folder(tmp_path):
    """A data folder with a key and its certificate."""
    (tmp_path / "keys").mkdir()
    certificate_files.put(tmp_path, b"old key", b"old certificate")
    return tmp_path


def pair(folder):
    return (folder / "keys/tls.key").read_bytes(), (folder / "keys/tls.crt").read_bytes()


def names(folder):
    return sorted(each.name for each in (folder / "keys").iterdir())


def test_both_are_in_and_nothing_else(folder):
    certificate_files.put(folder, b"new key", b"new certificate")
    assert pair(folder) == (b"new key", b"new certificate")
    assert names(folder) == ["tls.crt", "tls.key"]
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in (folder / "keys").iterdir())


@pytest.mark.more
@pytest.mark.parametrize(("written", "which"), [(0, "old"), (1, "new"), (2, "new"), (3, "new")])
def test_wherever_it_was_cut_off_the_start_finds_two_that_belong_together(folder, written, which):
    done = subprocess.run([sys.executable, "-c", ENDED, folder, str(written)], timeout=30, check=False)
    assert done.returncode == (9 if written < 3 else 0)
    if written == 2:
        assert pair(folder) == (b"new key", b"old certificate"), "what no server can use"
    certificate_files.finish(folder)
    assert pair(folder) == (f"{which} key".encode(), f"{which} certificate".encode())
    assert names(folder) == ["tls.crt", "tls.key"]


def test_where_the_key_can_t_be_written_nothing_is_put_in_later(folder):
    (folder / "keys/tls.key").unlink()
    (folder / "keys/tls.key").mkdir()
    with pytest.raises(OSError, match="directory"):
        certificate_files.put(folder, b"new key", b"new certificate")
    assert names(folder) == ["tls.crt", "tls.key"]
    assert (folder / "keys/tls.crt").read_bytes() == b"old certificate"


def test_a_damaged_one_keeps_no_collector_from_starting(folder):
    (folder / certificate_files.NEXT).write_bytes(b"{")
    certificate_files.finish(folder)
    assert pair(folder) == (b"old key", b"old certificate")
    assert names(folder) == ["tls.crt", "tls.key"]
