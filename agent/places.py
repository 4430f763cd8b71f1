"""Where the agent keeps what it has, on each system, where nobody says otherwise."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final


def data_dir(platform: str = sys.platform) -> Path:
    """Where the service keeps its identity, keys and spool, and its socket."""
    if platform == "darwin":
        return Path("/Library/Application Support/Fairwatch")
    if platform == "win32":
        from agent.windows.folders import program_data

        return program_data() / "Fairwatch"
    return Path("/var/lib/fairwatch")


DATA_DIR: Final = data_dir()
