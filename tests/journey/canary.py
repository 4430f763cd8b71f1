"""Looks for a text in files, in every encoding in which it might have leaked."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote


def encodings(text: str) -> set[bytes]:
    """Return the text as it would look plain, wide, in hexadecimal, base64 (at each offset), quoted and reversed."""
    plain = text.encode()
    forms = {plain, text.upper().encode(), plain[::-1], text.encode("utf-16-le"), text.encode("utf-16-be")}
    forms |= {plain.hex().encode(), plain.hex().upper().encode(), quote(text, safe="").encode()}
    forms |= {text.replace(".", "\\u002e").encode(), ".".join(reversed(text.split("."))).encode()}
    for offset in range(3):
        # Bits that depend on the neighbours are cut off at both ends.
        coded = base64.b64encode(bytes(offset) + plain)
        forms.add(coded[4 if offset else 0 : -4])
        forms.add(base64.urlsafe_b64encode(bytes(offset) + plain)[4 if offset else 0 : -4])
    return {form for form in forms if len(form) >= 8}


def found(text: str, folder: Path, *, leave_out: tuple[Path, ...] = ()) -> list[str]:
    """Return the files below a folder (but for those left out) that hold the text, by name or content."""
    forms = encodings(text)
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if not any(path.is_relative_to(other) for other in leave_out)
        and (any(form in str(path).encode() for form in forms) or _holds(path, forms))
    ]


def _holds(path: Path, forms: set[bytes]) -> bool:
    if not path.is_file():
        return False
    return any(form in data for data in _readings(path.read_bytes()) for form in forms)


def _readings(data: bytes) -> Iterator[bytes]:
    yield data
    for unpack in (gzip.decompress, zlib.decompress):
        try:
            yield unpack(data)
        except (OSError, EOFError, zlib.error):
            continue
