"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from agent.files import write_whole


def test_a_file_is_replaced_whole_and_only_its_owner_reads_it(tmp_path):
    file = tmp_path / "key"
    write_whole(file, b"old")
    write_whole(file, b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_leaves_the_old_text_and_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "key"
    write_whole(file, b"old")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]
