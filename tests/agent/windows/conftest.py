"""What tests of the Windows modules may use: a Windows Python under wine with a screen of its own."""

from __future__ import annotations

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


@pytest.fixture(scope="session")
def screen() -> Iterator[str]:
    """A screen for wine, by its name."""
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
    yield f":{number}"
    server.terminate()
    server.wait(timeout=20)
