"""Holds the agent's own files against what was installed, once at the start and once a day, slowly.

The list is `MANIFEST.sha256` in the folder of the packages (or beside the program, where it is one), written at build
in the form of `sha256sum`; else what the Python installer wrote down (`RECORD`, PEP 376 and PEP 627). Who can edit the
files can edit that list as well: this shows carelessness, damage and haste, and stops nobody.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

MANIFEST: Final = "MANIFEST.sha256"
PAUSE_SECONDS: Final = 0.02
"""Between two files: a few hundred of them take some seconds, and a hundredth of a core meanwhile."""

_BLOCK_BYTES: Final = 64 * 1024


def installed() -> dict[Path, str] | None:
    """Return each installed file with its SHA-256 in hex; None where nothing says what was installed."""
    for folder in _folders():
        if (folder / MANIFEST).is_file():
            return read_manifest(folder)
    return _recorded()


def read_manifest(folder: Path) -> dict[Path, str]:
    """Return what the manifest in a folder says; raises OSError. A line that is none is of no file that is there."""
    lines = (folder / MANIFEST).read_text("utf-8").splitlines()
    return {folder / name: digest for digest, _, name in (line.partition("  ") for line in lines) if name}


def write_manifest(folder: Path) -> Path:
    """Write the manifest of all files below a folder, but for compiled ones, which Python makes anew; for builders."""
    files = sorted(one for one in folder.rglob("*") if one.is_file() and one.suffix != ".pyc" and one.name != MANIFEST)
    place = folder / MANIFEST
    place.write_text("".join(f"{_digest(one)}  {one.relative_to(folder).as_posix()}\n" for one in files), "utf-8")
    return place


def changed(files: Mapping[Path, str], pause: Callable[[], bool]) -> bool | None:
    """Whether any file is gone or other than it was; None where `pause`, called between files, said to stop."""
    for file, digest in files.items():
        try:
            if _digest(file) != digest:
                return True
        except OSError:
            return True
        if pause():
            return None
    return False


def _digest(file: Path) -> str:
    found = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK_BYTES):
            found.update(block)
    return found.hexdigest()


def _folders() -> Iterable[Path]:
    yield Path(__file__).resolve().parent.parent
    if getattr(sys, "frozen", False):
        yield Path(sys.executable).resolve().parent


def _recorded() -> dict[Path, str] | None:
    try:
        files = distribution("fairwatch").files
    except PackageNotFoundError:
        return None
    found = {
        Path(str(file.locate())): _hex(file.hash.value)
        for file in files or ()
        if file.hash is not None and file.hash.mode == "sha256"
    }
    return found or None


def _hex(value: str) -> str:
    """Turn a hash of RECORD (base64 for URLs, without padding) into hex."""
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
