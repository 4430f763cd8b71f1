"""Files written whole or not at all: what is read after a power cut is the old text or the new, never half of one."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Final

HELD_SECONDS: Final = 5.0
"""For how long another program may hold on to what was just written: on Windows a scanner does, for a moment."""
_LOOK_SECONDS: Final = 0.05


def write_whole(path: Path, text: bytes, mode: int = 0o600) -> None:
    """Write a file so that it is on disk when this returns; raises OSError and leaves the old text when it can't be."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(mode)  # an administrator's shell may have a umask that would keep others out
        move(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def move(source: Path, target: Path, platform: str = sys.platform, held_seconds: float = HELD_SECONDS) -> None:
    """Put a file in another's place, or a folder where none is; raises OSError and leaves both as they were.

    On Windows nothing can be moved that another program has open, so there it is tried for a while.
    """
    until = time.monotonic() + held_seconds
    while True:
        try:
            source.replace(target)
        except PermissionError:
            if platform != "win32" or time.monotonic() >= until:
                raise
            time.sleep(_LOOK_SECONDS)
        else:
            return


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable. Windows can't open folders and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
