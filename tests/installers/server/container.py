"""Makes the collector's container on a clean system made here, and runs it as the compose example says."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from installers.linux.closure import TOP
from tests.installers.linux import clean_system

FOLDER = TOP / "installers/server"
BASE, IMAGE, NAME = "localhost/clean-base", "localhost/fairwatch-collector", "fairwatch-collector-test"
SECONDS = 400.0


def why_not() -> str:
    """Return why no container can be made and run here, or nothing."""
    missing = [one for one in ("buildah", "podman", "runc", "unshare") if shutil.which(one) is None]
    return clean_system.why_not() or (f"this machine has no {missing[0]}" if missing else "")


class Containers:
    """A store of images of its own, in which nothing is left running or mounted after `close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A socket's path in it may not be long.
        self._run = Path(tempfile.mkdtemp(prefix="fwc", dir="/tmp"))
        self._store = [
            "--root",
            str(folder / "store"),
            "--runroot",
            str(self._run / "run"),
            "--storage-driver",
            "overlay",
        ]

    def make_base(self) -> None:
        """Make an image of a clean system, in place of one that would have to be fetched."""
        system = clean_system.CleanSystem(self.folder / "root")
        system.make([])
        made = self._buildah("from", "scratch").strip()
        self._buildah("copy", "--quiet", made, str(system.root), "/")
        self._buildah("commit", "--quiet", made, BASE)
        self._buildah("rm", made)

    def build(self, packages: Path) -> None:
        """Build the image as the container file says, on that base."""
        self._buildah(
            "build", "--isolation", "chroot", "--format", "docker", "--pull-never", "--build-arg", f"BASE={BASE}",
            "--tag", IMAGE, "--file", str(FOLDER / "Containerfile"), str(packages),
        )  # fmt: skip

    def run(self, *words: str, detached: bool = False, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the image with what the compose example asks for, but on this machine's own network."""
        how = ["--detach", "--name", NAME] if detached else ["--rm"]
        # No systemd runs here, whose timers podman would ask for the container's health; the tests ask themselves.
        here = ["--network", "host", "--no-healthcheck", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        return self.podman("run", *how, *here, *asked(), IMAGE, *words, check=check)

    def podman(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman on this store."""
        own = ["--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", "runc"]
        return _said(["podman", *self._store, *own, "--tmpdir", str(self._run / "tmp"), *words], check=check)

    def close(self) -> None:
        """End what runs, and take away what is mounted and stored."""
        self.podman("rm", "--force", "--all", "--time", "5", check=False)
        self._buildah("rm", "--all", check=False)
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            where = line.split()[1]
            if where.startswith((str(self.folder), str(self._run))):
                subprocess.run(["umount", "--lazy", where], check=False)
        for folder in (self.folder, self._run):
            shutil.rmtree(folder, ignore_errors=True)

    def _buildah(self, *words: str, check: bool = True) -> str:
        return _said(["buildah", *self._store, *words], check=check).stdout


def asked() -> list[str]:
    """Return what the compose example asks for, as podman takes it."""
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["collector"]
    found = ["--read-only", "--read-only-tmpfs=false"] if service["read_only"] else []
    found += ["--user", service["user"], "--pids-limit", str(service["pids_limit"])]
    for option, key in (
        ("cap-drop", "cap_drop"),
        ("security-opt", "security_opt"),
        ("tmpfs", "tmpfs"),
        ("volume", "volumes"),
    ):
        found += [f"--{option}={one}" for one in service[key]]
    return found


def _said(command: Sequence[str], *, check: bool) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL, env=environment, check=False
    )
    assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stdout[-1500:]} {done.stderr[-1500:]}"
    return done
