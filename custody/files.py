"""Reads and writes the files that custodians carry: whole or not at all, private ones readable by their owner alone."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from custody.errors import CustodyError


def read(path: Path) -> bytes:
    """Return a file's bytes; raises CustodyError naming it."""
    try:
        return path.read_bytes()
    except OSError as fault:
        raise CustodyError(f"{path}: can't be read ({fault.strerror})") from None


def write(path: Path, data: bytes) -> None:
    """Write a public file."""
    _write(path, data, 0o644)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read; refuses to replace one, since it may be the only copy of a key."""
    if path.exists():
        raise CustodyError(f"{path}: there is such a file already; move it away first, it may be a key's only copy")
    _write(path, data, 0o600)


def delete(path: Path) -> None:
    """Delete a file."""
    try:
        path.unlink()
    except OSError as fault:
        raise CustodyError(f"{path}: can't be deleted ({fault.strerror})") from None


def _write(path: Path, data: bytes, mode: int) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as fault:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise CustodyError(f"{path}: can't be written ({fault.strerror})") from None
