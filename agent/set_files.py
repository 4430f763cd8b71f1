"""Brings one signed file into a new set: from the set in force, by a delta from an older version, or whole.

Wherever it comes from, it counts only once it has the length and SHA-256 that were signed for the whole file: what is
on this disk may have been edited, and a delta proves nothing. What goes wrong on the short way leads to the whole file.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tuf.api import exceptions as tuf_errors
from tuf.api.metadata import TargetFile

from agent.rules_set import place_of
from protocol.publication import delta_path, is_delta
from rules import delta
from rules.errors import RulesError

log = logging.getLogger(__name__)

Download = Callable[[TargetFile, Path], None]
"""Fetches a published file, checked against its hash, to a place. Raises the TUF client's errors."""


def bring(target: TargetFile, place: Path, current: Path, listed: Mapping[str, TargetFile], download: Download) -> None:
    """Put a signed file in its place in a new set, durably.

    `current` is the set in force, which may be missing or edited; `listed` are all files of the target's role. Raises
    the TUF client's errors when the whole file can't be had either, and OSError when the disk fails.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    here = current / place_of(target.path)
    if not (_copied(target, here, place) or _by_delta(target, here, place, listed, download)):
        download(target, place)
    with place.open("r+b") as file:  # to write: Windows makes nothing durable for who may only read
        os.fsync(file.fileno())


def _copied(target: TargetFile, here: Path, place: Path) -> bool:
    """Take the file from the set in force where it is the same; a copy, so that an edit of one reaches no other."""
    try:
        if here.is_symlink() or here.stat().st_size != target.length:
            return False
        shutil.copyfile(here, place)
    except OSError:
        return False
    return _is_signed(target, place)


def _by_delta(
    target: TargetFile, here: Path, place: Path, listed: Mapping[str, TargetFile], download: Download
) -> bool:
    way = _way(target, here, listed)
    if way is None:
        return False
    packed = place.with_name(f"{place.name}.delta")
    try:
        download(way, packed)
        with _mapped(here) as old, place.open("wb") as file:
            for piece in delta.apply(old, packed.read_bytes()):
                if file.tell() + len(piece) > target.length:
                    break
                file.write(piece)
        good = _is_signed(target, place)
    except (tuf_errors.RepositoryError, tuf_errors.DownloadError, RulesError, OSError, ValueError) as fault:
        log.warning("updates.delta_failed kind=%s", type(fault).__name__)
        return False
    finally:
        packed.unlink(missing_ok=True)
    if not good:
        log.warning("updates.delta_failed kind=hash")
    return good


def _way(target: TargetFile, here: Path, listed: Mapping[str, TargetFile]) -> TargetFile | None:
    """Return the delta from the file that is here, where there is one and it is the shorter way."""
    before = target.path.removesuffix(".pack") + "."
    if not any(is_delta(path) and path.startswith(before) for path in listed):
        return None
    try:
        with here.open("rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
    way = listed.get(delta_path(target.path, own, target.hashes["sha256"]))
    return way if way is not None and way.length < target.length else None


def _is_signed(target: TargetFile, place: Path) -> bool:
    try:
        with place.open("rb") as file:
            target.verify_length_and_hashes(file)
    except (tuf_errors.RepositoryError, OSError):
        return False
    return True


@contextmanager
def _mapped(path: Path) -> Iterator[bytes | memoryview]:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
            yield view
