"""What the tests of the Windows package share: small packages of two versions, and a Windows to install them into."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installers.windows.build import TOOLS
from tests.installers.windows import small
from tests.installers.windows.wine import Wine


@pytest.fixture(scope="session")
def builders() -> None:
    """Skip where what builds the package is not on this machine, and say what."""
    lacking = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)} (installers/setup.sh test)")


@pytest.fixture(scope="session")
def package(builders: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make the small package of a version, once."""
    made: dict[str, Path] = {}

    def of(version: str) -> Path:
        if version not in made:
            made[version] = small.package(tmp_path_factory.mktemp("small"), version)
        return made[version]

    return of


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    """A Windows of its own."""
    if shutil.which("wine") is None:
        pytest.skip("not installed: wine (installers/setup.sh test)")
    made = Wine(tmp_path_factory.mktemp("windows") / "prefix")
    yield made
    made.end()


@pytest.fixture
def clean(emulated: Wine, package: Callable[[str], Path]) -> Iterator[Wine]:
    """That Windows, with nothing of ours in it before, and nothing after."""
    emulated.clear()
    yield emulated
    for version in ("0.1.0", "0.2.0"):
        if emulated.home.exists():
            emulated.remove(package(version))
    emulated.clear()
