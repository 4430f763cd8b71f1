"""A small package with everything that is special about ours: our programs, service, registry and library."""

from __future__ import annotations

from pathlib import Path

from installers.linux.closure import PYTHONS
from installers.linux.tree import settle
from installers.windows.build import SERVICE_WORDS
from installers.windows.database import make
from installers.windows.recipe import Wanted
from installers.windows.stage import browser_keys, library, programs

MOMENT = 1_700_000_000


def staged(base: Path, version: str) -> Wanted:
    """Lay a small package's files out in a new folder."""
    home = base / "Fairwatch"
    (home / "agent").mkdir(parents=True)
    (home / "agent/__init__.py").write_text(f'"""Version {version}."""\n', "utf-8")
    (home / f"fairwatch-{version}.dist-info").mkdir()
    (home / f"fairwatch-{version}.dist-info/METADATA").write_text(f"Name: fairwatch\nVersion: {version}\n", "utf-8")
    programs(home, version, PYTHONS[-1])
    settle(home, MOMENT)
    return Wanted(
        staged=home,
        library=library(base / "hand_over.dll"),
        version=version,
        words=SERVICE_WORDS,
        starts=False,
        keys=browser_keys(),
    )


def package(base: Path, version: str) -> Path:
    """Make a small package and return its file."""
    return make(staged(base, version), MOMENT, base, base / f"small-{version}.msi")
