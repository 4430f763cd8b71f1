"""The time since the device began to run, asleep or not: what a clock that somebody moves is held against."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def seconds() -> float:
    """Return the seconds since the device began to run, time asleep included.

    Linux `CLOCK_BOOTTIME`; on macOS `CLOCK_MONOTONIC` goes on while it sleeps, on Windows `time.monotonic` does.
    """
    return time.clock_gettime(_CLOCK) if _CLOCK is not None else time.monotonic()


def run_id() -> str:
    """Return what is the same until the device begins to run anew.

    Where the system has no id for that, it is the minute in which the device began by its own clock: a clock that is
    moved looks like a new run, so that nothing is told of the time before rather than something wrong.
    """
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return str(int(psutil.boot_time() // 60))
