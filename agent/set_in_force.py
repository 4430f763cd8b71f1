"""Which set of signed rules is in force: put there in one step, whole or not at all.

A link named `current`, which takes the former one's place at once. Windows can't replace a link to a folder, so there a
file says the set's number instead.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from agent.files import write_whole

LINK: Final = "current"
FILE: Final = "current.txt"
SETS: Final = "sets"
_LONGEST: Final = 20


def in_force(folder: Path, platform: str = sys.platform) -> Path:
    """Return the place of the set in force in the rules' folder; nothing is there while none is in force."""
    if platform != "win32":
        return folder / LINK
    try:
        with (folder / FILE).open("rb") as file:
            name = file.read(_LONGEST).decode("ascii")
    except (OSError, UnicodeDecodeError):
        name = ""
    return folder / SETS / name if name.isdecimal() else folder / LINK


def put_in_force(folder: Path, number: int, platform: str = sys.platform) -> None:
    """Let the set of that number be the one in force; raises OSError and leaves the former one."""
    if platform == "win32":
        write_whole(folder / FILE, str(number).encode(), 0o644)
        return
    link = folder / f"{LINK}.new"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(SETS) / str(number))
    link.replace(folder / LINK)
