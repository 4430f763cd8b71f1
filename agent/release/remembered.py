"""What is remembered of a version of the agent that could not be taken in yet: `release/fetch.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from agent.files import write_whole
from agent.release.state import FOLDER
from protocol.messages import UtcTime

FILE: Final = "fetch.json"


class Memory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often a version was tried, until when it is left alone, and why, in words that follow «can't be taken in»."""

    version: str = ""
    tries: int = 0
    not_before: UtcTime | None = None
    problem: str = ""


def remembered(data_dir: Path) -> Memory:
    """Return it; a damaged memory counts as none."""
    try:
        return msgspec.json.decode((data_dir / FOLDER / FILE).read_bytes(), type=Memory)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Memory()


def remember(data_dir: Path, memory: Memory) -> None:
    """Write it; raises OSError."""
    (data_dir / FOLDER).mkdir(mode=0o755, exist_ok=True)
    write_whole(data_dir / FOLDER / FILE, msgspec.json.encode(memory), 0o644)
