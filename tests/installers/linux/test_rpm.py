"""The .rpm holds what the .deb holds, and its scripts run in an rpm root of their own.

It was never installed on Red Hat or its kin: there is none here. What is tried is rpm itself, without dependencies.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.installers.linux.test_build import listed

pytestmark = [pytest.mark.more, pytest.mark.timeout(900)]


def rpm(*words: str | Path) -> str:
    done = subprocess.run(["rpm", *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def package(built: Path) -> Path:
    (found,) = built.glob("fairwatch-agent-*.rpm")
    return found


def test_it_holds_the_files_of_the_deb(built, package):
    (deb,) = built.glob("fairwatch-agent_*.deb")
    files = {path for path, what in listed(deb).items() if not what.startswith("d")}
    held = set(rpm("-qpl", package).splitlines())
    assert files <= held
    # Its folders are its own alone: /usr and /etc belong to the distribution.
    more = {path for path in held - files if not path.startswith("/usr/lib/fairwatch")}
    assert more == {"/usr/lib64/mozilla/native-messaging-hosts/org.fairwatch.agent.json"}


def test_its_scripts_and_its_needs_are_said(package):
    scripts = rpm("-qp", "--scripts", package)
    for event in ("preinstall", "postinstall", "preuninstall", "postuninstall", "posttrans"):
        assert f"{event} scriptlet" in scripts
    needs = rpm("-qpR", package)
    assert "python3 >= 3.11" in needs
    assert "python3 < 3.14" in needs
    assert rpm("-qp", "--recommends", package).split() == ["python3-tkinter"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can install into a folder")
def test_its_files_come_and_go_in_a_root_of_their_own(package, tmp_path):
    root = tmp_path / "root"
    common = ("--root", root, "--nodeps", "--noscripts")
    rpm("-i", *common, package)
    assert (root / "usr/lib/fairwatch/launch.py").stat().st_mode & 0o111
    assert (root / "usr/bin/fairwatch-agent").is_symlink()
    rpm("-e", *common, "fairwatch-agent")
    left = [path for path in root.rglob("*") if not path.is_dir() and "rpm" not in str(path.relative_to(root))]
    assert left == []
