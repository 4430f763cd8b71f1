"""How this very program is started again, for the processes that it starts itself, and by a later version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

_STARTER: Final = Path(__file__).parents[1] / "start.py"
"""Where a package or an update put the agent, this lies beside it and finds the packages that came with it."""

_OF_WINDOWS: Final = ("fairwatch-agent.exe", "fairwatch-session.exe")


def own_command(starter: Path = _STARTER) -> tuple[str, ...]:
    """Return the words before a command's name: the frozen program, the starter beside the code, or the interpreter."""
    if getattr(sys, "frozen", False) or _is_own(Path(sys.executable), starter.parent):
        return (sys.executable,)
    if starter.is_file():
        # -I: nothing from the environment or the folder it happened to start in; -S: no packages but its own.
        return (sys.executable, "-IS", str(starter))
    # -P: never a module that lies in the folder the program happened to start in.
    return (sys.executable, "-P", "-m", "agent")


def begin_anew() -> None:
    """Begin this program again by the very words that began it, which choose the version that is to run by now.

    It takes this process's place; on Windows, which knows no such thing, it begins beside it, and this one has to end.
    """
    if sys.platform == "win32":
        subprocess.Popen([*own_command(), *sys.argv[1:]])
    else:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell is the point


def is_installed(starter: Path = _STARTER) -> bool:
    """Whether this is a program of its own, frozen or put there by a package, rather than modules of an interpreter."""
    return getattr(sys, "frozen", False) or starter.is_file() or _is_own(Path(sys.executable), starter.parent)


def takes_versions(starter: Path = _STARTER) -> bool:
    """Whether it can put a later version in its own place; on Windows the fleet's own tools do that."""
    return sys.platform != "win32" and is_installed(starter)


def _is_own(program: Path, folder: Path) -> bool:
    """Whether a program is one of the two that the Windows package puts beside the code: with a console and without."""
    return program.parent == folder and program.name.lower() in _OF_WINDOWS
