"""The clocks of Windows that the session part needs: one that stands still in a suspend, and one that goes on.

Python's own monotonic clock (GetTickCount64) goes on in a suspend; QueryUnbiasedInterruptTime does not.
"""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime
from typing import Any, Final

from agent.session.intervals import Moment
from agent.windows.libraries import BOOL, QWORD, declare, library

_TICKS_A_SECOND: Final = 10_000_000


class Clock:
    """Gives moments on the machine's clocks."""

    def __init__(self, kernel32: Any = None) -> None:
        """Raises OSError where there is no Windows."""
        kernel = library("kernel32") if kernel32 is None else kernel32
        self._unbiased = declare(kernel, "QueryUnbiasedInterruptTime", BOOL, ctypes.c_void_p)
        self._since_start = declare(kernel, "GetTickCount64", QWORD)

    def now(self) -> Moment:
        """This moment: seconds awake and seconds in all since the start, and aware UTC."""
        awake = QWORD()
        if not self._unbiased(ctypes.byref(awake)):
            return Moment(time.monotonic(), time.monotonic(), datetime.now(UTC))
        return Moment(awake.value / _TICKS_A_SECOND, self._since_start() / 1000, datetime.now(UTC))
