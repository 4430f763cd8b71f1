"""Which formats of packs and policies this Fairwatch reads, and which one a file is of.

A device that meets a newer one refuses the whole set and keeps what it has. So heartbeats say what a device reads, and
whoever publishes hears which devices would stay behind.
"""

from __future__ import annotations

import struct
import tomllib
from pathlib import Path
from typing import Final

from rules import layout

PACK_FORMATS: Final = (layout.VERSION,)
POLICY_FORMATS: Final = (1,)
FIRST_FORMAT: Final = 1
"""That of a policy that names none, and what a device reads that doesn't say: both came before this was said."""
POLICY_KEY: Final = "format"


def pack_format(start: bytes) -> int | None:
    """Return the format of a pack by its first bytes; None where it is none."""
    if len(start) < len(layout.MAGIC) + 2 or not start.startswith(layout.MAGIC):
        return None
    return int(struct.unpack_from("<H", start, len(layout.MAGIC))[0])


def reads_pack(path: Path) -> bool:
    """Whether a file is a pack of a format that this Fairwatch reads, damaged or not."""
    try:
        with path.open("rb") as file:
            return pack_format(file.read(layout.HEADER_BYTES)) in PACK_FORMATS
    except OSError:
        return False


def policy_format(text: str) -> int | None:
    """Return the format that a policy says it has; None where it can't be read at all."""
    try:
        said = tomllib.loads(text).get(POLICY_KEY, FIRST_FORMAT)
    except tomllib.TOMLDecodeError:
        return None
    return said if isinstance(said, int) and not isinstance(said, bool) else None
