"""A clean Debian or Ubuntu in a folder, made by debootstrap from this machine's own apt sources, to install into."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SET_UP_SECONDS = 400.0
NOT_LOOKED_AT = ("dev", "proc", "sys", "tmp", "root", "home", "var/log", "var/cache", "var/lib/apt", "var/lib/dpkg")
"""What installing anything changes, and what is the test's own."""


def why_not() -> str:
    """Return why no clean system can be made here, or nothing."""
    if os.geteuid() != 0:
        return "only root can make a system in a folder and enter it"
    if shutil.which("debootstrap") is None or not main_sources():
        return "this machine has no debootstrap, or no apt sources of a distribution"
    return ""


def main_sources() -> list[tuple[str, str]]:
    """Return the address and the suite of each of the distribution's own main archives that apt knows here."""
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    rows = [line.split() for line in told.splitlines()]
    return [(row[0], row[1]) for row in rows if len(row) == 4 and row[2:] in (["main", "Debian"], ["main", "Ubuntu"])]


class CleanSystem:
    """The folder, and how to run something in it; mounts are the running program's own and go with it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self, packages: Sequence[str]) -> None:
        """Make the system, with the distribution's Python and these packages; raises CalledProcessError."""
        sources = main_sources()
        address, suite = min(sources, key=lambda one: len(one[1]))
        options = ["--variant=minbase", "--include=python3,ca-certificates"]
        _quietly(["debootstrap", *options, suite, self.root, address], self.root.parent / "debootstrap.log")
        lines = "".join(f"deb {where} {which} main\n" for where, which in sources)
        (self.root / "etc/apt/sources.list").write_text(lines)
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, timeout=30, check=True).stdout
        # Proxies and the like; what each list is made of is the system's own.
        own = [line for line in dump.splitlines() if line.startswith("Acquire::") and "IndexTargets" not in line]
        (self.root / "etc/apt/apt.conf.d/99machine").write_text("\n".join(own) + "\n")
        for path in ("etc/resolv.conf", "etc/hosts"):
            shutil.copyfile(f"/{path}", self.root / path)
        # As on an image being made: no service is started, and none could be.
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        self.apt("update", "-q")
        self.apt("install", "-y", "-q", "--no-install-recommends", *packages)

    def apt(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run apt-get in it; raises CalledProcessError with what was said."""
        return self.run("apt-get", *words, environment=environment, check=True)

    def run(
        self, *words: str, environment: Mapping[str, str] = {}, check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in it as root to its end, and return what it printed, errors with it."""
        command = self.command(words, environment)
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=SET_UP_SECONDS, check=False,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout[-2000:]}")
        return done

    def command(
        self, words: Sequence[str], environment: Mapping[str, str] = {}, *, user: str = "root", writable: str = ""
    ) -> list[str]:
        """Return the words that run a program in it. With `writable` all but that folder and /tmp can only be read."""
        root = str(self.root)
        steps = ["set -e", f"mount --bind {root} {root}", f"mount --bind /proc {root}/proc"]
        if writable:
            steps += [f"mount --bind {root}{writable} {root}{writable}", f"mount -t tmpfs tmpfs {root}/tmp"]
            steps += [f"mount -o remount,bind,ro {root}"]
        home = "/root" if user == "root" else f"/home/{user}"
        told = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "LC_ALL": "C.UTF-8", **environment}
        told |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        told |= {"DEBIAN_FRONTEND": "noninteractive"}
        entered = ["chroot", f"--userspec={user}:{user}", root, "env", "-i", *(f"{k}={v}" for k, v in told.items())]
        steps += ['exec "$@"']
        return ["unshare", "--mount", "sh", "-c", "; ".join(steps), "sh", *entered, *words]

    def paths(self) -> set[str]:
        """Return every file and folder in it, but for `NOT_LOOKED_AT`."""
        found: set[str] = set()
        for folder, folders, files in os.walk(self.root):
            here = os.path.relpath(folder, self.root)
            base = "" if here == "." else f"{here}/"
            folders[:] = [name for name in folders if f"{base}{name}" not in NOT_LOOKED_AT]
            found |= {f"/{base}{name}" for name in (*folders, *files)}
        return found


def _quietly(command: Sequence[str | Path], log: Path) -> None:
    with log.open("wb") as output:
        words = [str(word) for word in command]
        subprocess.run(words, stdout=output, stderr=output, timeout=SET_UP_SECONDS, check=True)
