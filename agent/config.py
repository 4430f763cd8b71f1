"""Reads `<data_dir>/agent.toml`: what this one device narrows and how fast it works.

The file can only take away (fewer browser profiles, fewer accounts) and pace. Nothing in it turns off the notice, adds
a recipient or widens what is collected: those come signed, or not at all.
"""

from __future__ import annotations

import difflib
import re
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from agent.errors import ConfigError
from agent.places import DATA_DIR

CONFIG_FILE: Final = "agent.toml"
DEFAULT_DATA_DIR: Final = DATA_DIR

SETTLE_SECONDS: Final = 1.0
_Read = TypeVar("_Read")

Pace = Annotated[float, msgspec.Meta(ge=0.05, le=3600)]
"""Seconds between two rounds of something: a twentieth for tests and demonstrations, an hour at most."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `agent.toml` may say; every key has a default, and no file at all is fine.

    `profiles`: only these browser profile folders are read (empty: all that policy allows). `users`: only these
    accounts are observed (empty: all). `sweep_seconds`: the net below the file events. `send_seconds`: how often
    totals go out; alerts go at once. `heartbeat_seconds`, `update_seconds`, `tick_seconds`, `trip_seconds`: health,
    signed rules, the pipeline's windows, whether a harmless test is wanted. `spool_max_bytes`: the spool's bound.
    `new_versions`: when this device takes a later agent that custodians signed: among the "first", "staged" with the
    others, among the "last", or "off" where IT's own tools install it.
    """

    profiles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    sweep_seconds: Pace = 300.0
    send_seconds: Pace = 60.0
    heartbeat_seconds: Pace = 900.0
    update_seconds: Pace = 900.0
    tick_seconds: Pace = 30.0
    trip_seconds: Pace = 300.0
    new_versions: Literal["first", "staged", "last", "off"] = "staged"
    spool_max_bytes: Annotated[int, msgspec.Meta(ge=1024 * 1024, le=4 * 1024**3)] = 64 * 1024 * 1024


_EXPECTED: Final = {
    "profiles": 'a list of folders, like ["/home/a/.config/chromium"]',
    "users": 'a list of account names, like ["alice"]',
    "new_versions": '"first", "staged", "last" or "off"',
    "spool_max_bytes": "a whole number from 1048576 (1 MiB) to 4294967296 (4 GiB)",
}
_EXPECTED_PACE: Final = "a number of seconds from 0.05 to 3600"


def read(data_dir: Path) -> Config:
    """Return what `<data_dir>/agent.toml` says, or the defaults when there is no such file.

    Raises ConfigError with the file, the line, what was expected, and the nearest known key.
    """
    file = data_dir / CONFIG_FILE
    try:
        text = file.read_bytes().decode()
    except FileNotFoundError:
        return Config()
    except OSError as fault:
        raise ConfigError(file, None, f"the file can't be read ({type(fault).__name__})") from fault
    except UnicodeDecodeError as fault:
        raise ConfigError(file, None, "the file is not UTF-8 text") from fault
    return parse(text, file)


def settled(read: Callable[[], _Read], seconds: float = SETTLE_SECONDS) -> _Read:
    """Return what a reader gives at a start; raises ConfigError only where a moment later it is still not understood.

    Whoever writes a file may not be done with it, and half of one would keep the device unwatched until the next boot.
    """
    try:
        return read()
    except ConfigError:
        time.sleep(seconds)
        return read()


def parse(text: str, file: Path) -> Config:
    """Return what the text says; `file` is only named in errors. Raises ConfigError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError(file, _line_told(fault, text), f"this is not TOML: {_without_place(fault)}") from fault
    known = Config.__struct_fields__
    for key, value in table.items():
        line = _line_of(key, text)
        if key not in known:
            raise ConfigError(file, line, f"«{key}» is not known; {nearest(key, known)}")
        value = float(value) if type(value) is int and key.endswith("_seconds") else value
        try:
            msgspec.convert({key: value}, Config)
        except msgspec.ValidationError as fault:
            raise ConfigError(file, line, f"«{key}» is {_EXPECTED.get(key, _EXPECTED_PACE)}") from fault
    for key in ("profiles", "users"):
        if key in table and not table[key]:
            raise ConfigError(file, _line_of(key, text), f"«{key}» is empty; leave it out to narrow nothing")
    return msgspec.convert(table, Config)


def nearest(key: str, known: tuple[str, ...]) -> str:
    """Return what to say of an unknown key: the nearest known one, else all of them."""
    near = difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.5)
    return f"the nearest known key is «{near[0]}»" if near else f"known are {', '.join(known)}"


def _line_of(key: str, text: str) -> int | None:
    """Return the line on which a top-level key or table stands."""
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), None)


def _line_told(fault: tomllib.TOMLDecodeError, text: str) -> int:
    told = re.search(r"line (\d+)", str(fault))
    return int(told.group(1)) if told is not None else max(1, len(text.splitlines()))


def _without_place(fault: tomllib.TOMLDecodeError) -> str:
    return re.sub(r" \((at line \d+, column \d+|at end of document)\)$", "", str(fault))
