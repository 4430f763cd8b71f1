"""Which locked packages a part of Fairwatch needs on one Python, and nothing more: the agent never carries Django."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP: Final = Path(__file__).parents[2]
PYTHONS: Final = ("3.11", "3.12", "3.13")
"""The Pythons of the distributions that are supported: Debian 12 and 13, Ubuntu 24.04 and 25.04, Fedora."""


@dataclass(frozen=True)
class Locked:
    """One package of the lock: the marker under which it is meant, and the SHA-256 of each file that may be it."""

    name: str
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]

    def line(self) -> str:
        """Return it as pip takes it, without the marker: pip would judge that by the Python that it runs on itself."""
        return " ".join((f"{self.name}=={self.version}", *(f"--hash=sha256:{one}" for one in self.hashes)))


def read_lock(text: str) -> list[Locked]:
    """Return the packages of a lock file; one that depends on the Python is there more than once."""
    found = []
    for lines in re.findall(r"^[A-Za-z0-9][^\n\\]*(?:\\\n[^\n\\]*)*", text, re.MULTILINE):
        asked = Requirement(lines.partition("\\")[0].strip())
        (pinned,) = asked.specifier
        hashes = tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", lines))
        found.append(Locked(canonicalize_name(asked.name), pinned.version, asked.marker, hashes))
    return found


def closure(extra: str, lock: Sequence[Locked], python: str) -> list[Locked]:
    """Return what `fairwatch[extra]` needs on Linux with one Python, sorted by name.

    What a package needs is read from its own metadata in this environment, where all of the lock is installed. Raises
    PackageNotFoundError or KeyError where the environment or the lock lacks one.
    """
    environment = _environment(python)
    of_name = {one.name: one for one in lock if one.marker is None or one.marker.evaluate(environment)}
    waiting = [Requirement(line) for line in _own(extra)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        asked = waiting.pop()
        if asked.marker is not None and not asked.marker.evaluate(environment):
            continue
        name = canonicalize_name(asked.name)
        new = {(name, of) for of in ("", *asked.extras)} - seen
        seen |= new
        if new:
            waiting += _needed(distribution(name).requires or (), [of for _, of in new], environment)
    return [of_name[name] for name in sorted({name for name, _ in seen})]


def _own(extra: str) -> list[str]:
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"][extra]]


def _needed(lines: Iterable[str], extras: Sequence[str], environment: Mapping[str, str]) -> list[Requirement]:
    """Return the requirements that hold for one of these extras, without their markers."""
    needed = []
    for line in lines:
        asked = Requirement(line)
        marker = asked.marker
        if marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in extras):
            asked.marker = None
            needed.append(asked)
    return needed


def _environment(python: str) -> dict[str, str]:
    return {
        "extra": "",
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
