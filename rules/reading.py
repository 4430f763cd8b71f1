"""Reads a list line by line, plain, gzip or in a tar archive, in bounded memory whatever the file holds."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from rules import archives
from rules.archives import Member, Stream
from rules.errors import ListError

MAX_LIST_BYTES = 2 * 1024**3  # unpacked; the largest public lists are under 200 MB, a gzip bomb is far over
MAX_RATIO = 150  # domain lists pack to a fifth; what packs 150 times and more is a bomb
RATIO_FREE_BYTES = 16 * 1024 * 1024  # so little is read whatever its ratio
MAX_LINE_BYTES = 4096  # longer than any rule that names one site; bounds memory on a file of one line
_BLOCK_BYTES = 256 * 1024
_START_BYTES = 512
_GZIP_MAGIC = b"\x1f\x8b"

# What people hand over instead of a list, each with its first bytes.
_OTHER_FILES = {
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"BZh": "packed with bzip2; only gzip is read",
    b"\xfd7zXZ\0": "packed with xz; only gzip is read",
    b"\x28\xb5\x2f\xfd": "packed with zstd; only gzip is read",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it first",
    b"SQLite format 3\0": "a database, not a list",
    b"%PDF-": "a PDF document, not a list",
    b"\x89PNG": "a picture, not a list",
    b"\x7fELF": "a program, not a list",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"FWRULES\n": "a compiled pack, not a list",
}

Progress = Callable[[int, int], None]  # bytes of the file that were read, and all of them
Lines = Iterator[bytes | None]


def read_lines(path: Path, progress: Progress | None = None) -> Lines:
    """Each line without its end; None stands for a line over MAX_LINE_BYTES. Raises ListError."""
    return chain.from_iterable(_blocks_of(path, progress))  # no generator of ours in between: lines come by the million


def is_archive(path: Path) -> bool:
    """Whether the file is a tar archive, plain or gzip; raises ListError."""
    with _opened(path, None) as stream:
        return archives.is_tar(_start(stream))


def member_names(path: Path) -> list[str]:
    """The names of an archive's plain files, in order; reads it whole once. Raises ListError."""
    with _opened(path, None) as stream:
        return [member.name for member in archives.walk(stream)]


def read_members(path: Path, progress: Progress | None = None) -> Iterator[tuple[str, Lines]]:
    """Each plain file of an archive with its lines, which are there only until the next is asked for."""
    with _opened(path, progress) as stream:
        for member in archives.walk(stream):
            yield member.name, chain.from_iterable(_blocks(member))


class _Bounded:
    """A stream that says how far it is and stops at MAX_LIST_BYTES, or where little unpacks to far too much."""

    def __init__(self, raw: BinaryIO, size: int, progress: Progress | None, *, packed: bool) -> None:
        self._raw = raw
        self._size = size
        self._progress = progress
        self._unpacked = gzip.GzipFile(fileobj=raw) if packed else None
        self._total_bytes = 0

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; raises ListError over the bounds."""
        block = self._raw.read(size) if self._unpacked is None else self._unpacked.read(size)
        self._total_bytes += len(block)
        done = self._raw.tell()
        if self._total_bytes > MAX_LIST_BYTES:
            raise ListError(f"unpacks to more than {MAX_LIST_BYTES} bytes")
        if self._total_bytes > max(RATIO_FREE_BYTES, MAX_RATIO * done):
            raise ListError(f"unpacks to more than {MAX_RATIO} times its size")
        if self._progress is not None:
            self._progress(done, self._size)
        return block


@contextlib.contextmanager
def _opened(path: Path, progress: Progress | None) -> Iterator[Stream]:
    """The unpacked file, every failure told in one line with the file's name."""
    try:
        with path.open("rb") as raw:
            start = raw.read(_START_BYTES)
            raw.seek(0)
            for magic, what in _OTHER_FILES.items():
                if start.startswith(magic):
                    raise ListError(what)
            yield _Bounded(raw, path.stat().st_size, progress, packed=start.startswith(_GZIP_MAGIC))
    except ListError as error:
        raise ListError(f"{path}: {error}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ListError(f"{path}: the gzip file is cut short or damaged") from None
    except OSError as error:
        raise ListError(f"{path}: can't be read: {error.strerror or error}") from None


def _start(stream: Stream) -> bytes:
    start = b""
    while len(start) < _START_BYTES and (block := stream.read(_START_BYTES - len(start))):
        start += block
    return start


def _blocks_of(path: Path, progress: Progress | None) -> Iterator[Sequence[bytes | None]]:
    with _opened(path, progress) as stream:
        yield from _blocks(stream)


def _blocks(file: Stream | Member) -> Iterator[Sequence[bytes | None]]:
    """Lines, those of one block at a time."""
    carry, too_long = b"", False
    while block := file.read(_BLOCK_BYTES):
        first, *rest = block.split(b"\n")
        if rest:
            yield (None if too_long or len(carry) + len(first) > MAX_LINE_BYTES else carry + first,)
            carry, too_long = rest.pop(), False
            if max(map(len, rest), default=0) <= MAX_LINE_BYTES:
                yield rest
            else:
                yield [line if len(line) <= MAX_LINE_BYTES else None for line in rest]
        elif not too_long:
            carry += first
        if len(carry) > MAX_LINE_BYTES:
            carry, too_long = b"", True
    if carry or too_long:
        yield (None if too_long else carry,)
