"""The role installs, enrols, changes nothing the second time, and takes all away again: run by Ansible, for real.

On a copy of this very system that lasts as long as the test (an overlay in a mount namespace of its own), beside a
collector of its own. No systemd runs there. Red Hat's side of the role was only read by Ansible, never run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installers.linux.closure import TOP
from server.children import free_port
from server.stage import Stage

ROLES = TOP / "installers/ansible/roles"
PLAYBOOK = "- hosts: all\n  gather_facts: true\n  gather_subset: [min]\n  roles: [fairwatch_agent]\n"
STATE = "/var/lib/fairwatch"
STARTS = 'mount -t tmpfs tmpfs "$1" && cd "$1" && mkdir up work root && mount -t overlay overlay -o \
lowerdir=/,upperdir=up,workdir=work root && mount -t proc proc root/proc && mount --rbind /dev root/dev && \
mount -t tmpfs tmpfs root/run && echo there && exec sleep 3600'


def can_overlay() -> bool:
    """Whether this machine lets us lay a folder over its root."""
    if os.geteuid() != 0 or shutil.which("dpkg") is None:
        return False
    probe = 'd=$(mktemp -d) && mount -t tmpfs tmpfs "$d" && cd "$d" && mkdir u w r && mount -t overlay overlay -o \
lowerdir=/,upperdir=u,workdir=w r'
    return subprocess.run(["unshare", "--mount", "sh", "-c", probe], capture_output=True, check=False).returncode == 0


class Copy:
    """A copy of this system, written to in memory alone, and Ansible in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", STARTS, "sh", folder], stdout=subprocess.PIPE)
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == b"there\n"
        # As on an image being made: no service is started, and none could be.
        self.run("sh", "-c", "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d")

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a program in it as root to its end."""
        told = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", **more}
        entered = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "chroot", str(self.folder / "root")]
        return subprocess.run(
            [*entered, "env", "-i", *(f"{name}={value}" for name, value in told.items()), *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def play(self, *words: str, **variables: str) -> dict[str, Any]:
        """Play the role on it; gives what Ansible counted, and what it said."""
        (self.folder.parent / "playbook.yml").write_text(PLAYBOOK)
        given = self.folder.parent / "given.json"
        given.write_text(json.dumps({"ansible_python_interpreter": "/usr/bin/python3", **variables}))
        done = self.run(
            sys.executable, "-m", "ansible", "playbook", "--inventory", "localhost,", "--connection", "local",
            "--extra-vars", f"@{given}", *words, str(self.folder.parent / "playbook.yml"),
            ANSIBLE_ROLES_PATH=str(ROLES), ANSIBLE_STDOUT_CALLBACK="ansible.builtin.default", ANSIBLE_NOCOLOR="1",
            ANSIBLE_HOME=str(self.folder.parent / "ansible"), ANSIBLE_PIPELINING="1",
        )  # fmt: skip
        said = done.stdout + done.stderr
        last = next((line for line in reversed(said.splitlines()) if line.startswith("localhost")), "")
        counted = {name: int(count) for name, _, count in (word.partition("=") for word in last.split()) if count}
        return {"said": said, "code": done.returncode, **counted}

    def is_there(self, path: str) -> bool:
        """Whether there is something at a path in it."""
        return self.run("test", "-e", path).returncode == 0

    def end(self) -> None:
        """Let it go, with all that was written."""
        self.holder.kill()
        self.holder.wait()
        assert self.holder.stdout is not None
        self.holder.stdout.close()


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    (tmp_path / "copy").mkdir()
    made = Copy(tmp_path / "copy")
    yield made
    made.end()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path / "stage", free_port(), unattended=True)
    try:
        made.found()
        yield made
    finally:
        made.end()


@pytest.mark.more
@pytest.mark.timeout(600)
@pytest.mark.skipif(not can_overlay(), reason="only root on a kernel with overlays can make a copy of this system")
def test_a_device_is_installed_refused_enrolled_left_alone_and_let_go(built: Path, copy: Copy, stage: Stage) -> None:
    (package,) = built.glob("fairwatch-agent_*.deb")
    token = stage.make_token().read_text()
    given = {"fairwatch_package": str(package), "fairwatch_token": token}

    tried = copy.play("--check", **given)
    assert (tried["code"], tried["failed"]) == (0, 0), tried["said"]
    assert not copy.is_there("/usr/bin/fairwatch-agent")

    refused = copy.play(**{**given, "fairwatch_token": "no token"})
    assert refused["code"] != 0
    assert "The token was refused" in refused["said"]
    assert copy.is_there("/usr/bin/fairwatch-agent")
    assert not copy.is_there(f"{STATE}/identity.json")

    enrolled = copy.play(**given)
    assert (enrolled["code"], enrolled["failed"]) == (0, 0), enrolled["said"]
    assert "Enrolled." in enrolled["said"]
    assert token.strip() not in enrolled["said"]
    assert copy.is_there(f"{STATE}/identity.json")
    for path in ("/etc/fairwatch/token", "/etc/fairwatch/token.refused"):
        assert not copy.is_there(path), path

    before = copy.run("cat", f"{STATE}/identity.json").stdout
    again = copy.play(**given)
    assert (again["code"], again["changed"]) == (0, 0), again["said"]
    assert copy.run("cat", f"{STATE}/identity.json").stdout == before

    purged = copy.play(fairwatch_state="purged")
    assert purged["code"] == 0, purged["said"]
    for path in (
        "/usr/bin/fairwatch-agent",
        STATE,
        "/etc/fairwatch",
        "/usr/lib/fairwatch",
        f"/var/cache/{package.name}",
    ):
        assert not copy.is_there(path), path


@pytest.mark.more
def test_the_example_is_understood(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("[laptops]\nlaptop-1\n")
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "--syntax-check", "-i", tmp_path / "hosts",
         TOP / "installers/ansible/laptops.yml"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "laptops.yml" in done.stdout
