"""Looks for a text in files, in every encoding in which it might have leaked."""

from __future__ import annotations

import base64
import re
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
    """Yield the bytes as they are, and what is packed in them (gzip, zlib, zip, pg_dump), wherever it begins."""
    yield data
    whole = memoryview(data)
    for number, match in enumerate(_PACKED.finditer(data)):
        if number == _PACKED_MAX:
            return
        wanted = 47 if match[0].startswith(b"\x1f") else -15 if match[0].startswith(b"PK") else 15
        start = match.start()
        if wanted == -15:  # a zip's member begins after its header, name and extra field
            sizes = data[start + 26 : start + 30]
            start += 30 + int.from_bytes(sizes[:2], "little") + int.from_bytes(sizes[2:], "little")
        found = _unpacked(whole[start:], wanted)
        if len(found) >= _SHORTEST:
            yield found


def _unpacked(packed: memoryview, window: int) -> bytes:
    """Return what comes out before the packed data ends or goes wrong."""
    opened, found = zlib.decompressobj(window), bytearray()
    for at in range(0, len(packed), _PIECE):
        try:
            found += opened.decompress(packed[at : at + _PIECE])
        except zlib.error:
            break
        if opened.eof or len(found) > _UNPACKED_MAX_BYTES:
            break
    return bytes(found)


_PIECE = 4096
_PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]|PK\x03\x04")
_PACKED_MAX = 20_000
_UNPACKED_MAX_BYTES = 64 * 1024 * 1024
_SHORTEST = 8
