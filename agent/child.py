"""Runs one command of the agent in a child process, which ends when its time is over or the service stops."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Final

_LOOK_SECONDS: Final = 0.5
"""How soon a service that stops notices it while it waits for a child."""


def run(command: Sequence[str], *, limit_seconds: float, stopping: threading.Event) -> int | None:
    """Return the child's exit code, or None where `stopping` was set first; the child never outlives the call.

    Raises subprocess.TimeoutExpired at the limit, and OSError where the command can't be started.
    """
    until = time.monotonic() + limit_seconds
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        while not stopping.is_set():
            try:
                return child.wait(timeout=_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if time.monotonic() >= until:
                    raise
        return None
    finally:
        child.kill()
        child.wait()
