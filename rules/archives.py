"""Walks through a tar archive as it streams by, unpacking nothing to disk and keeping nothing in memory.

The standard reader keeps every member it saw and reads extended headers of any length; this one reads what lists need
(plain files, long names), bounded, and refuses an archive that has anything outside its own folder.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Protocol

from rules.errors import ListError

MAX_MEMBERS = 20_000  # UT1's whole tree has about 300
_BLOCK_BYTES = 512
_MAX_HEADER_BYTES = 64 * 1024  # an extended header holds one long name; a greater one is an attack on memory
_SKIP_BYTES = 256 * 1024
_DAMAGED = "the archive is damaged (a header that is none)"
_EXTENDED = (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE)
_LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE)


class Stream(Protocol):
    """Something that is read from front to back."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; nothing at the end."""


class Member:
    """One file of the archive, to be read while it passes by."""

    def __init__(self, name: str, size: int, stream: Stream) -> None:
        self.name = name
        self._left = size
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; nothing at the end; raises ListError where the archive ends first."""
        block = self._stream.read(min(size, self._left))
        if not block and self._left and size:
            raise ListError("the archive is cut short")
        self._left -= len(block)
        return block

    def skip(self) -> None:
        """Passes over what was not read."""
        while self._left:
            self.read(_SKIP_BYTES)


def is_tar(start: bytes) -> bool:
    """Whether these first 512 bytes are a tar header; its checksum makes a list that looks like one unlikely."""
    try:
        return bool(tarfile.TarInfo.frombuf(start[:_BLOCK_BYTES], "utf-8", "replace").name)
    except (tarfile.HeaderError, ValueError):
        return False


def walk(stream: Stream) -> Iterator[Member]:
    """Each plain file of the archive, in order; raises ListError where the archive is not to be trusted."""
    long_name, long_link, members = None, None, 0
    while (header := _header(stream)) is not None:
        members += 1
        if members > MAX_MEMBERS:
            raise ListError(f"the archive holds more than {MAX_MEMBERS} entries")
        if header.type in _EXTENDED:
            text = _extended(stream, header)
            if header.type == tarfile.XHDTYPE:
                long_name, long_link = _pax(text, b"path") or long_name, _pax(text, b"linkpath") or long_link
            elif header.type == tarfile.GNUTYPE_LONGNAME:
                long_name = _decoded(text.rstrip(b"\0"))
            elif header.type == tarfile.GNUTYPE_LONGLINK:
                long_link = _decoded(text.rstrip(b"\0"))
            continue
        name, link = long_name or header.name, long_link or header.linkname
        long_name = long_link = None
        _refuse_what_leaves(name, link, header)
        size = 0 if header.type in _LINKS or header.isdir() else header.size
        member = Member(name, size, stream)
        if header.isreg() and header.type != tarfile.GNUTYPE_SPARSE:
            yield member
        member.skip()
        _exactly(stream, -size % _BLOCK_BYTES)
    while stream.read(_SKIP_BYTES):
        pass  # to the end, where gzip says whether all of it was whole


def _header(stream: Stream) -> tarfile.TarInfo | None:
    """The next header, or None at the block of zeros that ends every whole archive."""
    block = _exactly(stream, _BLOCK_BYTES)
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
        return None
    except (tarfile.HeaderError, ValueError):
        raise ListError(_DAMAGED) from None
    if header.size < 0:
        raise ListError(_DAMAGED)
    return header


def _extended(stream: Stream, header: tarfile.TarInfo) -> bytes:
    if header.size > _MAX_HEADER_BYTES:
        raise ListError(f"the archive has an extended header of more than {_MAX_HEADER_BYTES} bytes")
    text = _exactly(stream, header.size)
    _exactly(stream, -header.size % _BLOCK_BYTES)
    return text


def _pax(text: bytes, wanted: bytes) -> str | None:
    """The value of one keyword of a pax header, whose records are `length keyword=value` with a line end."""
    found = None
    while text:
        digits, space, _ = text.partition(b" ")
        if not space or not digits.isdigit() or len(digits) > 6 or not 0 < int(digits) <= len(text):
            raise ListError(_DAMAGED)
        record, text = text[: int(digits)], text[int(digits) :]
        keyword, _, value = record[len(digits) + 1 :].partition(b"=")
        if keyword == b"size":
            raise ListError("the archive holds a file of 8 GB or more")  # what a size outside the header is for
        if keyword == wanted:
            found = _decoded(value.rstrip(b"\n"))
    return found


def _refuse_what_leaves(name: str, link: str, header: tarfile.TarInfo) -> None:
    if _leaves(name):
        raise ListError(f"the archive has an entry that leaves its folder: {name[:80]!a}")
    if header.type in _LINKS:
        target = link if header.type == tarfile.LNKTYPE else f"{PurePosixPath(name).parent}/{link}"
        if link.startswith("/") or _leaves(target):
            raise ListError(f"the archive has a link that leaves its folder: {name[:80]!a}")


def _leaves(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    depth = 0
    for part in path.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return path.is_absolute() or name[1:2] == ":"


def _exactly(stream: Stream, size: int) -> bytes:
    found = b""
    while len(found) < size:
        block = stream.read(size - len(found))
        if not block:
            raise ListError("the archive is cut short")
        found += block
    return found


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "replace")
