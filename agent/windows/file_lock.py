"""Keeps two programs from doing the same at once, by the first byte of a file that both have open.

Source: docs.python.org, msvcrt.locking; Microsoft Learn, _locking.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LONGEST_SECONDS: Final = 3600.0
"""Whoever has the lock fetches what is signed, which takes minutes at worst; then something else is wrong."""
_LOOK_SECONDS: Final = 0.2


@contextmanager
def held(descriptor: int, longest_seconds: float = LONGEST_SECONDS) -> Iterator[None]:
    """Wait until nobody else has the lock, and have it within; Windows gives it back where the program ends.

    Raises OSError where it can't be had for so long.
    """
    if sys.platform == "win32":
        import msvcrt

        until = time.monotonic() + longest_seconds
        while True:
            os.lseek(descriptor, 0, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
                break
            except OSError:  # with one number for another's lock and for whatever else
                if time.monotonic() >= until:
                    raise
            time.sleep(_LOOK_SECONDS)
        try:
            yield
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        raise OSError("this lock is Windows'")
