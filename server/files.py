"""Write files whole or not at all, and such as only the collector's own account may read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file for this account alone, whole or not at all, and on disk when this returns.

    Raises FileExistsError rather than replace a secret, and OSError. An empty file is none: it is what a power cut left
    of one.
    """
    with _fresh(path, content) as fresh:
        if is_empty(path):
            path.unlink()
        os.link(fresh, path)  # a link never replaces what is there


def is_empty(path: Path) -> bool:
    """Whether a file is there with nothing in it."""
    return path.is_file() and path.stat().st_size == 0


def make_private_folder(path: Path) -> None:
    """Make a folder, and those above it, that nobody else may enter; one that is there keeps its mode."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)


def save(path: Path, data: bytes) -> None:
    """Write a report whole or not at all: on a full disk an earlier one stays as it was. Raises OSError."""
    with _fresh(path, data) as fresh:
        fresh.replace(path)


@contextmanager
def _fresh(path: Path, data: bytes) -> Iterator[Path]:
    """Give a file beside `path` that has these bytes on disk; what is left of it afterwards is taken away."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file that others wrote, or the names in a folder, on disk when this returns; raises OSError."""
    if os.name == "nt":  # opens no folders, and needs no such call
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
