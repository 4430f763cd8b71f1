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


def owner(pid: int, platform: str = sys.platform) -> int | str:
    """The user id with whose rights a process runs, on Windows the SID.

    Raises OSError or psutil.Error where it has ended.
    """
    if platform == "win32":
        from agent.windows.processes import table

        return table().owner(pid)
    if platform == "darwin":
        return int(psutil.Process(pid).uids().effective)
    return Path("/proc", str(pid)).stat().st_uid


def person_behind(pid: int, platform: str = sys.platform) -> int | str:
    """Whose a process is where it may run with another's rights (the real user id); raises like `owner`."""
    return owner(pid, platform) if platform == "win32" else int(psutil.Process(pid).uids().real)


def executable(pid: int, platform: str = sys.platform) -> str:
    """The path of a process's executable; raises OSError where there is none or it may not be seen.

    On Linux the link in /proc; on macOS `proc_pidpath` (libproc.h); on Windows `QueryFullProcessImageNameW`.
    """
    if platform == "win32":
        from agent.windows.processes import table

        return table().executable(pid)
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
