"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from agent.files import move, write_whole


def test_a_file_is_replaced_whole_and_only_its_owner_reads_it(tmp_path):
    file = tmp_path / "key"
    write_whole(file, b"old")
    write_whole(file, b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_the_mode_is_the_one_asked_for_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        write_whole(tmp_path / "state.json", b"{}", 0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o644


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


class Held:
    """A file that another program lets go of after so many tries."""

    def __init__(self, tries: int) -> None:
        self.tries = tries

    def replace(self, target) -> None:
        self.tries -= 1
        if self.tries >= 0:
            raise PermissionError(13, "used by another process")


def test_on_windows_what_a_scanner_has_open_is_moved_once_it_lets_go(tmp_path):
    held = Held(2)
    move(held, tmp_path, "win32")
    assert held.tries == -1
    with pytest.raises(PermissionError):
        move(Held(9), tmp_path, "win32", held_seconds=0.0)


def test_elsewhere_a_move_that_is_not_allowed_is_tried_once(tmp_path):
    held = Held(1)
    with pytest.raises(PermissionError):
        move(held, tmp_path, "linux")
    assert held.tries == 0
