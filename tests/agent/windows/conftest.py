"""What tests of the Windows modules may use: a Windows Python under wine, without a screen and with one."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.agent.windows.wine_python import WinePython


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> WinePython:
    """A Windows Python, built once for all of this run's test processes."""
    from tests.agent.windows import wine_python

    if reason := wine_python.why_not():
        pytest.skip(reason)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return wine_python.build(shared / "wine")


@pytest.fixture
def nobody_else(wine: WinePython) -> Iterator[None]:
    """While a test has this, no other of these has: for what is one for the whole machine, as a service's name is."""
    with (wine.folder / "nobody-else").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def wine_on_screen(wine: WinePython, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WinePython]:
    """The same with a screen, and with nobody else on it."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
        pass_fds=(writing,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        number = told.readline().strip()
    yield wine.on_screen(tmp_path_factory.mktemp("wine") / "prefix", f":{number}")
    server.terminate()
    server.wait(timeout=20)
