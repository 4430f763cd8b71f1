"""Find a published file to serve: signed metadata and targets, and nothing else in the data folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from protocol.codes import Code
from protocol.errors import Refused

_SERVED = re.compile(r"(?:metadata|targets(?:/[a-z]+)?)/[A-Za-z0-9][A-Za-z0-9._+-]{0,250}")
_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True)
class PublishedFile:
    """A file on its way out."""

    path: Path
    size_bytes: int
    tag: str
    content_type: str

    def pieces(self) -> Iterator[bytes]:
        """Yield the content; a pack of tens of megabytes is never in memory at once."""
        left = self.size_bytes
        with self.path.open("rb") as source:
            while left > 0:
                piece = source.read(min(_PIECE_BYTES, left))
                if not piece:
                    return
                left -= len(piece)
                yield piece


def published_file(rules: Path, name: str) -> PublishedFile:
    """Return the file of that name under `metadata/` or `targets/`; raises Refused `not_found`.

    Names are matched whole against what publication writes, so that no `..`, link or odd letter leaves the folder.
    """
    path = rules / name
    if _SERVED.fullmatch(name) is None or path.is_symlink():
        raise Refused(Code.NOT_FOUND)
    try:
        found = path.stat()
    except OSError:
        raise Refused(Code.NOT_FOUND) from None
    if not path.is_file():
        raise Refused(Code.NOT_FOUND)
    content_type = "application/json" if name.endswith(".json") else "application/octet-stream"
    return PublishedFile(path, found.st_size, f'"{found.st_mtime_ns:x}-{found.st_size:x}"', content_type)
