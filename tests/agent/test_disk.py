"""A full and a read-only disk are named, end nothing, and are as if they had never been once they are put right."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import config, disk
from agent.core import Core
from tests.agent.devices import enrolled, until


@pytest.fixture
def small(tmp_path):
    """A disk of 8 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"needs the right to mount ({made.stderr.strip()})")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True, capture_output=True)


@pytest.fixture
def core(small):
    made = Core(
        enrolled(small / "agent"),
        config.Config(update_seconds=3600, heartbeat_seconds=3600),
        lambda: datetime.now(UTC),
        remind=lambda *_one: None,
        on_rules=lambda _bundle: None,
        notice_shown=lambda: False,
    )
    yield made
    made.spool.close()


def states(core):
    return {one.name: one.reason for one in core.health.report().sources if one.state == "failing"}


def remount(folder, way):
    subprocess.run(["mount", "-o", f"remount,{way}", folder], check=True, capture_output=True)


def test_a_disk_with_room_is_no_trouble(tmp_path):
    assert disk.trouble(tmp_path) is None


def test_a_folder_that_has_gone_is_said(tmp_path):
    assert "does not answer (FileNotFoundError)" in disk.trouble(tmp_path / "gone").reason


def test_a_full_disk_is_named_ends_nothing_and_is_over_once_there_is_room(core, small):
    ballast = small / "ballast"
    with ballast.open("wb") as file:
        file.write(b"x" * (os.statvfs(small).f_bavail * os.statvfs(small).f_frsize))
    core._life.began()
    core.every(0.05, core.tick, first=datetime.now(UTC))
    core.every(0.05, core.beat, first=datetime.now(UTC))
    core.scheduler.start()
    until(lambda: "The disk is full" in states(core).get("disk", ""))
    assert core.spool.peek(1_000_000, 10) == []
    ballast.unlink()
    until(lambda: core.spool.peek(1_000_000, 10))
    until(lambda: not states(core))
    core.scheduler.shutdown()


def test_a_read_only_disk_is_named_and_is_over_once_it_is_put_right(core, small):
    core.spool.close()  # a file that is open for writing keeps the system from making a disk read-only
    remount(small, "ro")
    try:
        assert "read-only" in disk.trouble(Path(small)).reason
        core._note_disk()
        assert "disk" in states(core)
    finally:
        remount(small, "rw")
    core._note_disk()
    assert states(core) == {}
