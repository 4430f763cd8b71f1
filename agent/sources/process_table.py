"""Which executable a process is, and whose: the system's own word, and no argument, name or open file of it.

Not `psutil.Process.exe`, which guesses from the command line where the system does not tell.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any, Final

import psutil

# proc_info.h: PROC_PIDPATHINFO_MAXSIZE
_PATH_BYTES: Final = 4096


def owner(pid: int, platform: str = sys.platform) -> int:
    """The user id with whose rights a process runs; raises OSError or psutil.Error where it has ended."""
    if platform == "darwin":
        return int(psutil.Process(pid).uids().effective)
    return Path("/proc", str(pid)).stat().st_uid


def executable(pid: int, platform: str = sys.platform) -> str:
    """The path of a process's executable; raises OSError where there is none or it may not be seen.

    On Linux the link in /proc; on macOS `proc_pidpath` (libproc.h).
    """
    if platform == "darwin":
        return path_by(ctypes.CDLL(None, use_errno=True), pid)
    return str(Path("/proc", str(pid), "exe").readlink()).removesuffix(" (deleted)")


def path_by(library: Any, pid: int) -> str:
    """Ask macOS's C library, which has libproc in it; raises OSError."""
    buffer = ctypes.create_string_buffer(_PATH_BYTES)
    length = library.proc_pidpath(pid, buffer, _PATH_BYTES)
    if length <= 0:
        raise OSError(ctypes.get_errno() or 0, "the system names no executable")
    return os.fsdecode(buffer.raw[:length])
