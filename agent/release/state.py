"""Which version of the agent this device starts: `release/state.json`, which the starting program reads too.

The file is written whole and only ever by the service's account: by the starting program, which counts the starts of a
version on probation, by the check for new ones while none is on probation, and by the service that shows it is well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from agent.files import write_whole
from protocol.version_order import order

FOLDER: Final = "release"
FILE: Final = "state.json"
BAD_MAX: Final = 20
"""Versions remembered as bad; older ones are below the one that runs and are never asked for."""


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`version` is the fetched one to start ("" is the package's), `before` the fetched one to go back to.

    `starts` are those on probation, `well` whether that is over; `bad` are versions never to be tried again, and why.
    """

    version: str = ""
    before: str = ""
    starts: int = 0
    well: bool = True
    bad: dict[str, str] = {}


def read(data_dir: Path) -> State:
    """Return the state; one that is not there or can't be read is that of a device that never fetched any."""
    try:
        return msgspec.json.decode((data_dir / FOLDER / FILE).read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return State()


def write(data_dir: Path, state: State) -> None:
    """Write the state; raises OSError and leaves the old one."""
    newest = sorted(state.bad, key=order)[-BAD_MAX:]
    kept = msgspec.structs.replace(state, bad={version: state.bad[version] for version in newest})
    write_whole(data_dir / FOLDER / FILE, msgspec.json.encode(kept), 0o644)


def chosen(state: State, version: str, running: str) -> State:
    """Return the state that tries a newly laid out version; `running` is a fetched one that runs now, or ""."""
    return State(version=version, before=running, starts=0, well=False, bad=state.bad)


def refused(state: State, version: str, why: str) -> State:
    """Return the state that never tries this version again."""
    return msgspec.structs.replace(state, bad={**state.bad, version: why})


def fallen(state: State, why: str) -> State:
    """Return the state that goes back to the version before, and never tries this one again."""
    return State(version=state.before, bad={**state.bad, state.version: why})
