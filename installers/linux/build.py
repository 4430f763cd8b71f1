"""Builds the Linux packages into `dist/`: the same bytes from the same commit and key of the extension, anywhere.

`python -m installers.linux.build [--into DIR] [PACKAGE...]`; `make installers` calls it. Needs `nfpm`, which is locked
with the rest, and fetches only what the lock names, held to its hashes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from installers.linux.closure import TOP
from installers.linux.contents import PACKAGES, Package
from installers.linux.package import bill_of, make, stage
from installers.linux.release import make_release


def main(words: Sequence[str] | None = None) -> int:
    """Build and name what was built; returns 0, or 1 with one line where a step failed."""
    parser = argparse.ArgumentParser(prog="installers.linux.build", description="Build the Linux packages.")
    parser.add_argument("--into", type=Path, default=TOP / "dist", help="where to put them (default: dist/)")
    known = {package.name: package for package in PACKAGES}
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"which (default: all): {', '.join(known)}")
    asked = parser.parse_args(words)
    unknown = [name for name in asked.packages if name not in known]
    if unknown:
        parser.error(f"«{unknown[0]}» is not known; known are {', '.join(known)}")
    try:
        for name in asked.packages or known:
            for made in build(known[name], asked.into, version(), epoch()):
                print(made)
    except subprocess.CalledProcessError as fault:
        print(f"installers: {Path(fault.cmd[0]).name} failed, and says why above", file=sys.stderr)
        return 1
    return 0


def build(package: Package, into: Path, number: str, moment: int) -> list[Path]:
    """Build a package in each of its forms, what else belongs to it, in place of what was there; return the files."""
    into.mkdir(parents=True, exist_ok=True)
    for former in [
        *into.glob(f"{package.name}_*.deb"),
        *into.glob(f"{package.name}-[0-9]*.rpm"),
        *into.glob(f"{package.name}_*.cdx.json"),
        *into.glob(f"{package.name}_*.tar.gz"),
    ]:
        former.unlink()
    with TemporaryDirectory() as scratch:
        staged = Path(scratch) / "root"
        stage(package, staged, number, moment)
        beside = into / f"{package.name}_{number}.cdx.json"
        beside.write_bytes(bill_of(package, staged).read_bytes())
        made = [make(package, staged, form, number, moment, into) for form in package.forms]
        if package.updates_itself:
            made.append(make_release(package, staged, number, moment, into))
        return [*made, beside]


def version() -> str:
    """Return the version that the project says it is."""
    return str(tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def epoch() -> int:
    """Return the time that everything in the packages is given: SOURCE_DATE_EPOCH, else the last commit's.

    https://reproducible-builds.org/specs/source-date-epoch/; without either, the time of the lock file.
    """
    told = os.environ.get("SOURCE_DATE_EPOCH")
    if told is not None:
        return int(told)
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=30, check=False)
    return int(done.stdout) if done.returncode == 0 else int((TOP / "requirements.lock").stat().st_mtime)


if __name__ == "__main__":
    sys.exit(main())
