"""Builds the Windows package into `dist/`: the same bytes from the same commit, key of the extension and Python.

`python -m installers.windows.build [--python ZIP --sha256 HASH] [--sign PROGRAM] [--into DIR]`; `make installers` calls
it, without a Python and unsigned. Needs `wixl` and `msibuild` (msitools), and a compiler for Windows
(`gcc-mingw-w64-x86-64-win32`).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from installers.linux.build import epoch, version
from installers.linux.closure import TOP
from installers.windows import signing
from installers.windows.database import SummaryError, make
from installers.windows.python_zip import PythonZipError, python_of
from installers.windows.recipe import Wanted
from installers.windows.stage import COMPILER, NAME, IncompleteError, browser_keys, library, stage

TOOLS: Final = {
    "wixl": "wixl",
    "msibuild": "msitools",
    COMPILER: "gcc-mingw-w64-x86-64-win32",
}
"""The programs that the build calls, and Debian's package of each."""
SERVICE_WORDS: Final = "service"
"""The command with which Windows' service manager starts the agent."""


def main(words: Sequence[str] | None = None) -> int:
    """Build and name what was built; returns 0, or with one line 1 where a step failed, 2 where a program lacks."""
    parser = argparse.ArgumentParser(prog="installers.windows.build", description="Build the Windows package.")
    parser.add_argument("--into", type=Path, default=TOP / "dist", help="where to put it (default: dist/)")
    parser.add_argument(
        "--python", type=Path, metavar="ZIP", help="Windows' embeddable Python, 64-bit; its programs go in"
    )
    parser.add_argument("--sha256", metavar="HASH", help="what that file's SHA-256 has to be")
    parser.add_argument(
        "--sign", type=Path, metavar="PROGRAM", help="your program that signs the file which it is called with"
    )
    parser.add_argument("--if-possible", action="store_true", help="where a program lacks, say so and do nothing")
    asked = parser.parse_args(words)
    if (asked.python is None) != (asked.sha256 is None):
        parser.error("--python and --sha256 belong together")
    lacking = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if lacking:
        print(f"installers: no Windows package was built: it needs {' '.join(lacking)}", file=sys.stderr)
        return 0 if asked.if_possible else 2
    try:
        python = None if asked.python is None else (asked.python, python_of(asked.python, asked.sha256))
        sign = None if asked.sign is None else signing.by(asked.sign)
        print(build(asked.into, version(), epoch(), python, sign))
    except (PythonZipError, IncompleteError, SummaryError, signing.SigningError, OSError) as fault:
        print(f"installers: {fault}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as fault:
        print(f"installers: {Path(fault.cmd[0]).name} failed, and says why above", file=sys.stderr)
        return 1
    return 0


def build(
    into: Path, number: str, moment: int, python: tuple[Path, str] | None, sign: signing.Sign | None = None
) -> Path:
    """Build the package in place of what was there, and return its file; `stage` says what `python` is."""
    into.mkdir(parents=True, exist_ok=True)
    place = into / f"{NAME}_{number}_x64{'' if python is not None else '_without-python'}.msi"
    for former in into.glob(f"{NAME}_*_x64*.msi"):
        former.unlink()
    with TemporaryDirectory() as scratch:
        home = Path(scratch) / "Fairwatch"
        stage(home, number, moment, python, sign)
        actions = library(Path(scratch) / "hand_over.dll")
        if sign is not None:
            sign(actions)
        wanted = Wanted(
            staged=home,
            library=actions,
            version=number,
            words=SERVICE_WORDS,
            starts=python is not None,
            keys=browser_keys(),
        )
        made = make(wanted, moment, Path(scratch), place)
        if sign is not None:
            sign(made)
        return made


if __name__ == "__main__":
    sys.exit(main())
