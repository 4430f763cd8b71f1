"""A secret is written once and whole or not at all, a report is replaced whole, and a full disk leaves no half."""

from __future__ import annotations

import errno
import resource
from contextlib import contextmanager

import pytest

from server import files


@contextmanager
def room_for_a_hundred_bytes():
    """The system stops a real write there, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_a_secret_is_for_this_account_alone_and_never_replaced(tmp_path):
    path = tmp_path / "key"
    files.write_secret(path, b"one")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        files.write_secret(path, b"two")
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["key"]


def test_an_empty_file_is_no_secret_and_gives_way(tmp_path):
    path = tmp_path / "key"
    path.touch(mode=0o644)
    assert files.is_empty(path)
    files.write_secret(path, b"one")
    assert path.read_bytes() == b"one"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not files.is_empty(path)


@pytest.mark.parametrize("write", [files.write_secret, files.save])
def test_where_there_is_room_for_half_of_it_nothing_is_left(tmp_path, write):
    with room_for_a_hundred_bytes(), pytest.raises(OSError) as full:
        write(tmp_path / "file", b"x" * 200)
    assert full.value.errno == errno.EFBIG
    assert names(tmp_path) == []


def test_a_report_that_can_t_be_written_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "report"
    files.save(path, b"one")
    with room_for_a_hundred_bytes(), pytest.raises(OSError) as full:
        files.save(path, b"x" * 200)
    assert full.value.errno == errno.EFBIG
    assert path.read_bytes() == b"one"
    files.save(path, b"two")
    assert path.read_bytes() == b"two"
    assert names(tmp_path) == ["report"]
