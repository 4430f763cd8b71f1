"""Write a report to a file, whole or not at all, or to standard output: the same for every command that makes one."""

from __future__ import annotations

import sys
from pathlib import Path

from server import files
from server.errors import SetUpError


def write(path: Path | None, data: bytes) -> None:
    """Write a report; raises SetUpError where it can't be, and then an earlier one stays as it was."""
    if path is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    try:
        files.save(path, data)
    except OSError as fault:
        stays = "; the earlier report is still there" if path.is_file() else ""
        raise SetUpError(f"{path} could not be written ({fault.strerror or type(fault).__name__}){stays}") from None
