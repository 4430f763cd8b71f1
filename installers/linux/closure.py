"""Which locked packages a part of Fairwatch needs on one Python, and nothing more: the agent never carries Django."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Final, Literal

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP: Final = Path(__file__).parents[2]
PYTHONS: Final = ("3.11", "3.12", "3.13")
"""The Pythons of the distributions that are supported: Debian 12 and 13, Ubuntu 24.04 and 25.04, Fedora."""

System = Literal["Linux", "Windows", "Darwin"]
"""For which system a package is: what Python there calls `platform.system()`."""
_MARKERS: Final[dict[System, tuple[str, str, str]]] = {
    "Linux": ("posix", "x86_64", "linux"),
    "Windows": ("nt", "AMD64", "win32"),
    "Darwin": ("posix", "arm64", "darwin"),
}
"""What Python says there of `os.name`, the machine and `sys.platform`."""


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


def closure(extra: str, lock: Sequence[Locked], python: str, system: System = "Linux") -> list[Locked]:
    """Return what `fairwatch[extra]` needs on a system with one Python, sorted by name.

    What a package needs is read from its own metadata in this environment, where all of the lock for Linux is
    installed; what the lock has for another system alone is taken to need nothing, which `missing` checks once it was
    fetched. Raises PackageNotFoundError or KeyError where the environment or the lock lacks one.
    """
    environment = environment_of(python, system)
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
            waiting += _needed(_requires(of_name[name]), [of for _, of in new], environment)
    return [of_name[name] for name in sorted({name for name, _ in seen})]


def missing(folders: Sequence[Path], python: str, system: System) -> list[str]:
    """Return the requirements of the packages in these folders that none of them meets."""
    there = {canonicalize_name(one.name): one for one in distributions(path=[str(path) for path in folders])}
    asked = [
        need for one in there.values() for need in _needed(one.requires or (), [""], environment_of(python, system))
    ]
    return sorted(
        str(one)
        for one in asked
        if (held := there.get(canonicalize_name(one.name))) is None or not one.specifier.contains(held.version)
    )


def _requires(one: Locked) -> Sequence[str]:
    try:
        return distribution(one.name).requires or ()
    except PackageNotFoundError:
        if one.marker is None or one.marker.evaluate(environment_of("{}.{}".format(*sys.version_info), "Linux")):
            raise
        return ()


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


def environment_of(python: str, system: System) -> dict[str, str]:
    """Return what markers are judged by (https://packaging.python.org/specifications/dependency-specifiers/)."""
    os_name, machine, platform = _MARKERS[system]
    return {
        "extra": "",
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": system,
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": platform,
    }
