"""The packages are what they say: one agent package, the same bytes each time, with the agent and no collector."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from installers.linux import build
from installers.linux.contents import AGENT

pytestmark = [pytest.mark.more, pytest.mark.timeout(900)]


def listed(package: Path) -> dict[str, str]:
    """What a .deb holds: each path without a final slash, and its mode and owner as `dpkg-deb -c` shows them."""
    told = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, timeout=60, check=True).stdout
    rows = (line.split(maxsplit=5) for line in told.splitlines())
    return {row[5].partition(" -> ")[0].lstrip(".").rstrip("/"): f"{row[0]} {row[1]}" for row in rows}


def test_there_is_exactly_one_agent_deb(built):
    (made,) = built.glob("fairwatch-agent_*.deb")
    assert made.name == f"fairwatch-agent_{build.version()}_amd64.deb"


def test_two_builds_of_the_same_commit_are_the_same_bytes(built, tmp_path):
    again = build.build(AGENT, tmp_path, build.version(), build.epoch())
    assert len(again) == len(AGENT.forms) + 2
    for made in again:
        former = built / made.name
        assert hashlib.sha256(made.read_bytes()).digest() == hashlib.sha256(former.read_bytes()).digest(), made.name


def test_the_agent_package_holds_its_own_three_folders_and_no_part_of_the_collector(built):
    (made,) = built.glob("fairwatch-agent_*.deb")
    paths = listed(made)
    home = "/usr/lib/fairwatch"
    inner = {path.split("/")[4] for path in paths if path.startswith(f"{home}/")}
    own = {
        "agent",
        "protocol",
        "rules",
        "shared",
        "cp311",
        "cp312",
        "cp313",
        "launch.py",
        "start.py",
        "enrol.sh",
        "browser",
        "MANIFEST.sha256",
    }
    assert inner == own | {f"fairwatch-{build.version()}.dist-info"}
    assert not [path for path in paths if re.search(r"/(django|server|custody|numpy)(/|$)", path)]
    assert not [path for path in paths if path.endswith(".pyc") or "__pycache__" in path]


def test_everything_is_roots_and_only_programs_and_folders_can_be_entered_or_run(built):
    (made,) = built.glob("fairwatch-agent_*.deb")
    for path, what in listed(made).items():
        mode, owner = what.split()
        assert owner == "root/root", path
        if mode[0] == "l":
            continue
        wanted = (
            "drwxr-xr-x"
            if mode[0] == "d"
            else "-rwxr-xr-x"
            if path.endswith(("launch.py", "enrol.sh", "/start.py", "/fairwatch/browser"))
            else "-rw-r--r--"
        )
        assert mode == wanted, path
