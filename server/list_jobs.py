"""Asks for each list when it is due, in a process of its own: its memory and its hangs end with it."""

from __future__ import annotations

import subprocess
import threading
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from server import log
from server.list_settings import ListSettings
from server.program import own_command
from server.schedule import LEASE, TimedJob

LOOK_EVERY = timedelta(hours=1)
"""How often it is looked whether a list is due; also the least wait after a failure."""

_MOST = LEASE - timedelta(minutes=5)
"""What a refresh may take in all, before another collector could take the claim over."""

_LOOK_SECONDS = 0.2


def timed_jobs(lists: tuple[ListSettings, ...], data_dir: Path, stopping: threading.Event) -> tuple[TimedJob, ...]:
    """Return a job for each list; they end early once `stopping` is set."""
    return tuple(TimedJob(f"list:{one.id}", LOOK_EVERY, partial(_refresh, one.id, data_dir, stopping)) for one in lists)


def _refresh(list_id: str, data_dir: Path, stopping: threading.Event, now: datetime) -> None:
    from server import lists

    if stopping.is_set() or not lists.is_due(list_id, now):
        return
    words = [*own_command(), "lists", "refresh", list_id, "--data-dir", str(data_dir)]
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + _MOST.total_seconds()
    while child.poll() is None and time.monotonic() < deadline and not stopping.wait(_LOOK_SECONDS):
        pass
    if child.poll() is None:
        child.kill()
        log.event("list_stopped", list=list_id)
    child.wait()
