"""An archive is laid out as plain files below one folder, or refused."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile

import pytest

from agent.errors import ReleaseRefused
from agent.release import unpack as module
from agent.release.unpack import unpack


def archive(*members):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as opened:
        for member, content in members:
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return made.getvalue()


def member(name, kind=tarfile.REGTYPE, *, link="", mode=0o4777):
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode, made.uid = kind, link, mode, 1234
    return made


def test_files_and_folders_are_laid_out_readable_by_all_and_writable_by_none_else(tmp_path):
    unpack(archive((member("agent", tarfile.DIRTYPE), b""), (member("agent/a.py"), b"1")), tmp_path / "new")
    file = tmp_path / "new/agent/a.py"
    assert file.read_bytes() == b"1"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert stat.S_IMODE(file.parent.stat().st_mode) & 0o022 == 0


def test_everybody_may_read_what_an_administrator_with_a_strict_umask_took_in(tmp_path):
    before = os.umask(0o077)
    try:
        unpack(archive((member("agent", tarfile.DIRTYPE), b""), (member("a/b/c.py"), b"1")), tmp_path / "new")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new", *(tmp_path / "new").rglob("*"))}
    assert modes == {0o755, 0o644}


@pytest.mark.parametrize(
    "odd",
    [
        member("../outside"),
        member("a/../../outside"),
        member("/etc/outside"),
        member("a\\..\\outside"),
        member("C:/outside"),
        member("link", tarfile.SYMTYPE, link="/etc/passwd"),
        member("hard", tarfile.LNKTYPE, link="agent/a.py"),
        member("fifo", tarfile.FIFOTYPE),
        member("device", tarfile.CHRTYPE),
        member("a" * 500),
    ],
)
def test_anything_else_is_refused(tmp_path, odd):
    with pytest.raises(ReleaseRefused, match="other than plain files"):
        unpack(archive((odd, b"")), tmp_path / "new")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b", "a"), (".",), ("n" * 300,)])
def test_names_that_can_not_stand_together_are_the_archives_fault_and_not_the_disks(tmp_path, names):
    with pytest.raises(ReleaseRefused):
        unpack(archive(*((member(name), b"1") for name in names)), tmp_path / "new")


@pytest.mark.parametrize("name", ["FILES_MAX", "UNPACKED_MAX_BYTES"])
def test_more_than_a_version_may_hold_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr(module, name, 3)
    with pytest.raises(ReleaseRefused, match="holds more"):
        unpack(archive(*((member(str(number)), b"1234") for number in range(5))), tmp_path / "new")


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "no gzip", "flipped"])
def test_a_damaged_archive_is_refused(tmp_path, damage):
    whole = archive((member("a"), b"1" * 100_000))
    data = {
        "cut": whole[: len(whole) // 2],
        "noise": gzip.compress(b"\xff" * 4096),
        "empty": b"",
        "no gzip": b"MZ" * 512,
        "flipped": whole[:40] + bytes(255 - byte for byte in whole[40:80]) + whole[80:],
    }[damage]
    with pytest.raises(ReleaseRefused, match="can't be read"):
        unpack(data, tmp_path / "new")
