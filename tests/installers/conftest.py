"""The packages, built once for all the tests that look at them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from installers.linux import build
from installers.linux.contents import PACKAGES


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every package; workers that run beside each other share it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "dist"
    with (shared / "dist.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for package in PACKAGES:
                build.build(package, folder, build.version(), build.epoch())
            (folder / "complete").touch()
    return folder
