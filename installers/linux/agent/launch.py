#!/usr/bin/python3 -IS
"""The program `fairwatch-agent` of the package: chooses which version of the agent to start, and starts it.

The version that the package installed lies in the folder of this file. A later one that the agent fetched by itself,
signed, lies in `release/VERSION` of the data folder; `release/state.json` says which (see `agent/release/state.py`).
Until that one has shown that it is well, it is on probation: the third start that ends badly brings back the version
before it, and it is never tried again. Only the standard library: this file must outlive every version.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from runpy import run_path
from typing import Any

INSTALLED = Path(__file__).resolve().parent
DATA = Path("/var/lib/fairwatch")
STARTS_MAX = 3
BEGIN_ANEW_STATUS = 75
"""What the service's keeper starts again (`RestartForceExitStatus`)."""
NOTHING: dict[str, Any] = {"version": "", "before": "", "starts": 0, "well": True, "bad": {}}


def order(version: str) -> tuple[int, ...]:
    """Return a version so that a later one is greater; one that is none is less than all."""
    if re.fullmatch(r"\d{1,6}(\.\d{1,6}){0,3}", version, re.ASCII) is None:
        return ()
    numbers = [int(part) for part in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return (0, *numbers)


def decide(
    state: dict[str, Any], installed: str, usable: frozenset[str], *, counts: bool
) -> tuple[str, dict[str, Any]]:
    """Return the version to start ("" is the installed one), and the state after it.

    `usable` are the fetched versions whose files are there for this Python. `counts` is true for the service, whose
    starts are counted while a version is on probation; all else starts what the service would and changes nothing.
    """
    version = state["version"]
    if order(version) <= order(installed):
        return "", state
    if version in usable and (state["well"] or state["starts"] < STARTS_MAX):
        started = state["starts"] + (1 if counts and not state["well"] else 0)
        return version, {**state, "starts": started}
    back = fallback(state, installed, usable)
    if version not in usable and state["well"]:
        return back, state
    why = "its files are not there" if version not in usable else f"it ended badly {STARTS_MAX} times in a row"
    fallen = {**state, "version": back, "before": "", "starts": 0, "well": True, "bad": {**state["bad"], version: why}}
    return back, fallen if counts else state


def fallback(state: dict[str, Any], installed: str, usable: frozenset[str]) -> str:
    """Return the version before the chosen one, or "" for the installed one where that is as new, or it is gone."""
    before: str = state["before"]
    return before if before in usable and order(before) > order(installed) else ""


def read(folder: Path) -> dict[str, Any]:
    """Return the state; one that can't be read, or that others than the service's owner can write, is none."""
    try:
        for path in (folder.parent, folder, folder / "state.json"):
            found = path.stat()
            if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
                return NOTHING
        state = json.loads((folder / "state.json").read_bytes())
        kinds = {"version": str, "before": str, "starts": int, "well": bool, "bad": dict}
        sound = all(isinstance(state[name], kind) for name, kind in kinds.items())
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return NOTHING
    return state if sound else NOTHING


def usable_in(folder: Path) -> frozenset[str]:
    """Return the fetched versions that can be started by this Python."""
    own = "cp{}{}".format(*sys.version_info)
    try:
        return frozenset(path.name for path in folder.iterdir() if (path / own).is_dir() and order(path.name))
    except OSError:
        return frozenset()


def write(folder: Path, state: dict[str, Any]) -> bool:
    """Write the state whole; returns False where the disk refuses."""
    fresh = folder / f".state.json.{os.getpid()}.new"
    try:
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(0o644)
        fresh.replace(folder / "state.json")
    except OSError:
        return False
    return True


def installed_version() -> str:
    """Return the version that the package put beside this file: the newest, for a moment of an upgrade has two."""
    names = (path.name for path in INSTALLED.glob("fairwatch-*.dist-info"))
    return max((name.removeprefix("fairwatch-").removesuffix(".dist-info") for name in names), key=order, default="")


def data_of(words: list[str]) -> Path:
    """Return the data folder that the command was told, else the usual one."""
    for at, word in enumerate(words):
        if word == "--data-dir" and at + 1 < len(words):
            return Path(words[at + 1])
        if word.startswith("--data-dir="):
            return Path(word.partition("=")[2])
    return DATA


def chosen(words: list[str]) -> tuple[Path, bool]:
    """Return the folder of the version to start, and whether it is a service's start on probation."""
    folder = data_of(words) / "release"
    state, usable, installed = read(folder), usable_in(folder), installed_version()
    service = words[:1] == ["run"]
    version, after = decide(state, installed, usable, counts=service)
    if after != state and not write(folder, after):
        # What can't be counted must not be tried: it could begin anew for ever.
        version = fallback(state, installed, usable)
        after = NOTHING
    return folder / version if version else INSTALLED, service and bool(version) and not after["well"]


def main() -> int:
    """Start what was chosen; a service on probation that ends badly is always one to be started again."""
    folder, probation = chosen(sys.argv[1:])
    try:
        run_path(str(folder / "start.py"), run_name="__main__")
    except SystemExit as end:
        if not probation or end.code in (0, None):
            raise
        return BEGIN_ANEW_STATUS
    return 0


if __name__ == "__main__":
    sys.exit(main())
