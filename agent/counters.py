"""Numbers records so that no number ever comes twice, whatever happens to the spool's database.

A number that came twice would look like a cloned device, and both would be held. So numbers are given out of blocks,
and a file beside the database names the end of the block before its first number is used. Each start begins a new
block: a power cut that took the last records with it can't bring their numbers back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.errors import SpoolUnavailableError
from agent.files import write_whole

COUNTER_BLOCK: Final = 1024
"""One more file write for so many records; so many numbers at most are skipped at a start."""


class Counters:
    """Gives out rising numbers; `ceiling` is the end of the block that is in use."""

    def __init__(self, spool: Path, ceiling: int | None, clock: Callable[[], datetime]) -> None:
        """Go on after the highest ceiling known: `ceiling` from the database, or the file's beside `spool`.

        With neither, it is the time in milliseconds: nobody puts a thousand records a second, so a device whose whole
        spool was deleted does not look like a clone of itself.
        """
        self._file = spool.with_name(spool.name + ".counter")
        known = [] if ceiling is None else [ceiling]
        with suppress(OSError, ValueError):
            known.append(int(self._file.read_bytes()))
        self._last = max(known) if known else max(0, int(clock().timestamp() * 1000))
        self.ceiling = self._last

    def next(self) -> int:
        """Return the next number; raises SpoolUnavailableError when the disk does not take a new block's end."""
        if self._last >= self.ceiling:
            ceiling = self._last + COUNTER_BLOCK
            try:
                write_whole(self._file, b"%d\n" % ceiling)
            except OSError as fault:
                raise SpoolUnavailableError(f"no number can be given out ({type(fault).__name__})") from fault
            self.ceiling = ceiling
        self._last += 1
        return self._last
