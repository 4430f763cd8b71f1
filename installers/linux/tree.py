"""Lays out a version's folder: our own code, and its locked packages, once for all Pythons or once for each."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from installers.linux.closure import PYTHONS, TOP, Locked, System, closure

PLATFORMS: Final = (
    *(f"manylinux_2_{minor}_x86_64" for minor in range(34, 16, -1)),
    "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64",
)  # fmt: skip
"""Wheels that run on glibc 2.34 and later: Debian 12, Ubuntu 22.04, Red Hat 9, and what followed them."""
PIP_SECONDS: Final = 600.0
_OF_PIP: Final = frozenset({"INSTALLER", "REQUESTED", "RECORD"})
"""What pip writes of its own into a package's metadata: of no use to a program that pip does not manage."""


def lay_out(
    folder: Path,
    code: Sequence[str],
    version: str,
    packages: dict[str, list[Locked]],
    platforms: Sequence[str] = PLATFORMS,
) -> None:
    """Make a version's folder: `code` are our own folders, `packages` what each Python needs on these platforms.

    A package whose files are the same for every Python goes into `shared`, any other into `cp311` and so on. Raises
    CalledProcessError where a locked file can't be had.
    """
    for name in code:
        shutil.copytree(TOP / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copyfile(TOP / "installers/linux/start.py", folder / "start.py")
    own = folder / f"fairwatch-{version}.dist-info"
    own.mkdir()
    (own / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fairwatch\nVersion: {version}\n")
    with TemporaryDirectory() as scratch:
        fetched = {python: Path(scratch) / python for python in packages}
        for python, target in fetched.items():
            _fetch(packages[python], python, target, platforms)
        _sort_in(fetched, folder)


def settle(folder: Path, epoch: int, programs: Sequence[str] = ()) -> None:
    """Give every file and folder the same mode and time, so that the same sources make the same package."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.name in programs else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def tag(python: str) -> str:
    """Return a Python's folder: `cp311` for 3.11."""
    return f"cp{python.replace('.', '')}"


def _fetch(packages: Sequence[Locked], python: str, target: Path, platforms: Sequence[str]) -> None:
    """Install the locked packages for one Python, each held to its hashes; nothing of them is run or compiled."""
    target.mkdir()
    lock = target.parent / f"{python}.lock"
    lock.write_text("".join(f"{one.line()}\n" for one in packages))
    named = [word for platform in platforms for word in ("--platform", platform)]
    for_python = ["--python-version", python, "--implementation", "cp", *named]
    only = ["--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile", "--no-warn-conflicts"]
    # The lock chose by the Python that it is for; pip would judge by the one that it runs on.
    only.append("--ignore-requires-python")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command = [*pip, *only, *for_python, "--target", str(target), "--requirement", str(lock)]
    subprocess.run(command, check=True, timeout=PIP_SECONDS)


def _sort_in(fetched: dict[str, Path], folder: Path) -> None:
    found = {python: {one.name: one for one in distributions(path=[str(path)])} for python, path in fetched.items()}
    for python, path in fetched.items():
        for name, one in found[python].items():
            records = {_record(of.get(name)) for of in found.values()}
            place = "shared" if len(records) == 1 else tag(python)
            _take(one, path, folder / place)


def _record(one: Distribution | None) -> str:
    return (one.read_text("RECORD") or "") if one is not None else ""


def _take(one: Distribution, base: Path, place: Path) -> None:
    """Copy what a package's own record says is its; its commands are left out, for the program has its own."""
    for name, *_ in csv.reader(_record(one).splitlines()):
        source, target = base / name, place / name
        if ".." in Path(name).parts or Path(name).parts[0] == "bin" or source.name in _OF_PIP or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def packages_of(extra: str, lock: Sequence[Locked], system: System = "Linux") -> dict[str, list[Locked]]:
    """Return what an extra needs for each Python that is supported."""
    return {python: closure(extra, lock, python, system) for python in PYTHONS}
