"""Reads a list, plain or gzip, line by line, in bounded memory whatever the file holds."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from rules.errors import ListError

MAX_LIST_BYTES = 2 * 1024**3  # unpacked; the largest public lists are under 200 MB, a gzip bomb is far over
MAX_LINE_BYTES = 4096  # longer than any rule that names one site; bounds memory on a file of one line
_BLOCK_BYTES = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


def read_lines(path: Path) -> Iterator[bytes | None]:
    """Each line without its end; None stands for a line over MAX_LINE_BYTES. Raises ListError."""
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == _GZIP_MAGIC
            plain.seek(0)
            if not packed:
                yield from _lines(plain, path)
                return
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield from _lines(cast("BinaryIO", unpacked), path)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ListError(f"{path}: the gzip file is cut short or damaged") from None
    except OSError as error:
        raise ListError(f"{path}: can't be read: {error.strerror or error}") from None


def _lines(file: BinaryIO, path: Path) -> Iterator[bytes | None]:
    carry, too_long, total_bytes = b"", False, 0
    while block := file.read(_BLOCK_BYTES):
        total_bytes += len(block)
        if total_bytes > MAX_LIST_BYTES:
            raise ListError(f"{path}: unpacks to more than {MAX_LIST_BYTES} bytes")
        first, *rest = block.split(b"\n")
        if rest:
            yield None if too_long or len(carry) + len(first) > MAX_LINE_BYTES else carry + first
            for line in rest[:-1]:
                yield line if len(line) <= MAX_LINE_BYTES else None
            carry, too_long = rest[-1], False
        elif not too_long:
            carry += first
        if len(carry) > MAX_LINE_BYTES:
            carry, too_long = b"", True
    if carry or too_long:
        yield None if too_long else carry
