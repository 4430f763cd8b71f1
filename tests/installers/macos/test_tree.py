"""The files of the macOS package are laid out here, with every locked package for a Mac with Apple's own processor."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import pytest

from agent.installed_files import MANIFEST, read_manifest
from installers.browsers.build import MACOS_PROGRAM
from installers.browsers.policies import AGENT, MACOS_HOSTS
from installers.linux.bill import BILL
from installers.linux.closure import TOP, closure, read_lock
from installers.macos import tree

LOCK = read_lock((TOP / "requirements.lock").read_text("utf-8"))
# mach-o/loader.h, mach/machine.h: a file for one kind of Mac, or for several (big-endian).
MAGIC, FAT_MAGIC = 0xFEEDFACF, 0xCAFEBABE
KINDS = {"arm64": 0x0100000C, "x86_64": 0x01000007}


def kinds_of(library: Path) -> set[int]:
    """For which kinds of Mac a compiled library is."""
    head = library.read_bytes()[:4096]
    (fat, count), (magic, kind) = struct.unpack_from(">II", head), struct.unpack_from("<II", head)
    if magic == MAGIC:
        return {kind}
    assert fat == FAT_MAGIC
    return {struct.unpack_from(">I", head, 8 + 20 * number)[0] for number in range(count)}


def test_a_mac_gets_what_the_agent_needs_there_and_nothing_of_other_systems() -> None:
    names = {one.name for one in closure("agent", LOCK, tree.PYTHON, "Darwin")}
    assert {"pyobjc-core", "pyobjc-framework-cocoa", "cryptography", "psutil", "msgspec"} <= names
    assert not names & {"python-xlib", "django", "colorama", "ansible-core"}
    assert "pyobjc-core" not in {one.name for one in closure("agent", LOCK, tree.PYTHON, "Linux")}


@pytest.mark.more
@pytest.mark.timeout(300)
@pytest.mark.parametrize("arch", tree.ARCHITECTURES)
def test_everything_lies_where_the_page_says_for_that_kind_of_mac(
    tmp_path: Path, arch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "KEYS", tmp_path / "keys")
    (tmp_path / "keys").mkdir()
    root = tmp_path / "root"
    tree.stage(root, arch, "https://it.example/fairwatch", "1.2.3", 1_800_000_000)
    home = root / tree.HOME
    placed = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() or path.is_symlink()}
    outside = {path for path in placed if not path.startswith(f"{tree.HOME}/")}
    hosts = {f"{folder}/{AGENT}.json" for folder in MACOS_HOSTS.values()}
    assert outside == {tree.LINK[0], *hosts, *(place for place in tree.FILES.values() if "Launch" in place)}
    programs = {path.name for path in home.iterdir() if path.is_file() and path.stat().st_mode & 0o111}
    assert programs == set(tree.PROGRAMS)

    libraries = [path for path in home.rglob("*") if path.suffix in (".so", ".dylib")]
    assert len(libraries) > 10
    assert all(KINDS[arch] in kinds_of(path) for path in libraries)
    assert not list(home.rglob("*.pyd"))

    assert (home / "version").read_text() == "1.2.3\n"
    for folder in MACOS_HOSTS.values():
        assert json.loads((root / folder / f"{AGENT}.json").read_text())["path"] == MACOS_PROGRAM
    starter = (root / MACOS_PROGRAM.lstrip("/")).read_text()
    assert "exec /Library/Fairwatch/fairwatch-agent browser --extension " in starter
    subprocess.run(["sh", "-n", root / MACOS_PROGRAM.lstrip("/")], check=True)
    assert "pyobjc-core" in (home / BILL).read_text()

    assert tree.main(["--manifest", str(root)]) == 0
    listed = read_manifest(home)
    assert home / "shared/objc/_objc.cpython-313-darwin.so" in listed
    assert home / MANIFEST not in listed
