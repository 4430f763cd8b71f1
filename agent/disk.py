"""Says when the disk that the agent keeps its data on is full or can't be written to; it writes nothing to find out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from agent.health import SourceHealth

NAME: Final = "disk"
ROOM_BYTES: Final = 2 * 1024 * 1024
"""Below it the next transaction may not fit: the largest record, twice, in the database and in its log."""


def trouble(folder: Path) -> SourceHealth | None:
    """Return what is wrong with the disk under a folder, None where nothing is."""
    try:
        free_bytes = shutil.disk_usage(folder).free
        is_read_only = hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError as fault:
        return _failing(f"The disk does not answer ({type(fault).__name__}), so nothing new can be kept.")
    if is_read_only:
        return _failing("The disk is read-only, so nothing new can be kept; what waits is kept and sent.")
    if free_bytes < ROOM_BYTES:
        return _failing("The disk is full, so nothing new can be kept; browsers' visits are read once there is room.")
    return None


def _failing(reason: str) -> SourceHealth:
    return SourceHealth(name=NAME, state="failing", reason=reason)
