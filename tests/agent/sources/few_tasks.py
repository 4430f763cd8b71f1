"""A control group that has room for so many tasks, as systemd's `TasksMax` makes one: no other bound holds for root."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest

# The controller's own tree (version 1), and the one tree of all controllers (version 2).
_TREES = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))


@contextmanager
def few_tasks(most: int) -> Iterator[Callable[[], None]]:
    """Give what a process calls to enter the group. Skips where no such group can be made."""
    group = _make(most)
    try:
        yield lambda: (group / "cgroup.procs").write_text(str(os.getpid())) and None
    finally:
        _remove(group)


def _make(most: int) -> Path:
    for tree in _TREES:
        group = tree / f"fairwatch-{uuid4().hex}"
        with suppress(OSError):
            group.mkdir()
            try:
                (group / "pids.max").write_text(str(most))
            except OSError:
                group.rmdir()
            else:
                return group
    pytest.skip("needs the right to make a control group that bounds the number of tasks")


def _remove(group: Path) -> None:
    end = time.monotonic() + 5
    while group.exists() and time.monotonic() < end:
        try:
            group.rmdir()
        except OSError:  # the last of its tasks is still ending
            time.sleep(0.05)
