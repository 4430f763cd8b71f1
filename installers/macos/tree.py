"""Lays out the files of the macOS package as they will lie on a Mac: all but Python and our own program, made there.

`python -m installers.macos.tree --into FOLDER --arch arm64 --url URL` lays out, on any system; `--manifest FOLDER` then
lists what is there, once everything in it is signed. `build-pkg.sh` calls both.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.installed_files import write_manifest
from installers.browsers.build import MACOS_PROGRAM, package_key, written
from installers.linux.bill import BILL, bill
from installers.linux.build import epoch, version
from installers.linux.closure import TOP, closure, missing, read_lock
from installers.linux.package import KEYS
from installers.linux.tree import lay_out, settle, tag

HOME: Final = "Library/Fairwatch"
PYTHON: Final = "3.13"
"""The Python that is put beside the agent; every version of its minor number will do."""
OLDEST_MACOS: Final = "12_0"
ARCHITECTURES: Final = ("arm64",)
"""Macs with Apple's own processors: `cryptography` has had no wheel for Intel's since 49."""
CODE: Final = ("agent", "protocol", "rules")
NAME: Final = "fairwatch-agent"
FILES: Final = {
    "org.fairwatch.agent.plist": "Library/LaunchDaemons/org.fairwatch.agent.plist",
    "org.fairwatch.enrol.plist": "Library/LaunchDaemons/org.fairwatch.enrol.plist",
    "org.fairwatch.session.plist": "Library/LaunchAgents/org.fairwatch.session.plist",
    "enrol.sh": f"{HOME}/enrol.sh",
    "uninstall.sh": f"{HOME}/uninstall.sh",
}
LINK: Final = ("usr/local/bin/fairwatch-agent", f"/{HOME}/fairwatch-agent")
"""So that `fairwatch-agent status` is found."""
PROGRAMS: Final = ("start.py", "enrol.sh", "uninstall.sh", "browser")


class IncompleteError(Exception):
    """The lock lacks a package that macOS needs; locking again helps."""


def main(words: Sequence[str] | None = None) -> int:
    """Lay out, or list; returns 0, or 1 with one line where something is missing."""
    parser = argparse.ArgumentParser(prog="installers.macos.tree", description="Lay out the macOS package.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--into", type=Path, help="a new folder to lay the files out in")
    what.add_argument("--manifest", type=Path, help="list what was laid out in this folder, and sign nothing after it")
    parser.add_argument("--arch", choices=ARCHITECTURES, default="arm64", help="for which Macs (default: arm64)")
    parser.add_argument("--url", default="https://it.example/fairwatch", help="where browsers fetch the extension")
    asked = parser.parse_args(words)
    if asked.manifest is not None:
        print(write_manifest(asked.manifest / HOME))
        return 0
    try:
        stage(asked.into, asked.arch, asked.url, version(), epoch())
    except IncompleteError as fault:
        print(f"installers: {fault}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as fault:
        print(f"installers: {Path(fault.cmd[0]).name} failed, and says why above", file=sys.stderr)
        return 1
    print(asked.into)
    return 0


def stage(root: Path, arch: str, url: str, number: str, moment: int) -> None:
    """Lay everything out below the new folder `root`; raises IncompleteError and CalledProcessError."""
    home = root / HOME
    home.mkdir(parents=True)
    needed = closure("agent", read_lock((TOP / "requirements.lock").read_text("utf-8")), PYTHON, "Darwin")
    lay_out(home, CODE, number, {PYTHON: needed}, (f"macosx_{OLDEST_MACOS}_{arch}",))
    # With one Python all is the same for all of them; `start.py` asks for the folder that says so.
    (home / tag(PYTHON)).mkdir(exist_ok=True)
    lacking = missing([home / "shared", home / tag(PYTHON)], PYTHON, "Darwin")
    if lacking:
        raise IncompleteError(f"requirements.lock lacks, for macOS: {', '.join(lacking)}")
    for name, place in FILES.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(TOP / "installers/macos/files" / name, root / place)
    for place, body in browser_files(url).items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(body)
    (root / LINK[0]).parent.mkdir(parents=True)
    (root / LINK[0]).symlink_to(LINK[1])
    (home / "version").write_text(f"{number}\n")
    shutil.copyfile(TOP / "LICENSE", home / "LICENSE.txt")
    (home / BILL).write_text(bill(NAME, number, home, moment), "utf-8")
    settle(root, moment, PROGRAMS)


def browser_files(url: str) -> dict[str, bytes]:
    """Return what lets browsers ask the agent, by its path under the root: the manifests, and the program they name."""
    made = written(package_key(KEYS), url=url, private_windows="as_is", signed=False, organisation="")
    found = {name.removeprefix("macos/"): body for name, body in made.items() if name.startswith("macos/Library/")}
    assert MACOS_PROGRAM.lstrip("/") in found
    return found


if __name__ == "__main__":
    sys.exit(main())
