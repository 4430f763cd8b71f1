"""Makes and applies deltas: what turns one file into the next, so that a changed pack need not be sent whole.

A delta knows nothing of packs. It is a list of steps, each of which takes bytes of the old file, changed by small
differences (mostly zeros), and then adds new ones; packs are sorted, so nearly all of them stay where they were. After
Colin Percival, "Naive differences of executable code" (2003), with a search that looks nearby first. All numbers are
little-endian:

    header   magic, length of the old file, length of the new one, lengths of the three streams, checksum of the streams
    steps    deflated: i64 how far to move in the old file, u64 bytes taken from there, u64 bytes added
    changes  deflated: for each byte taken, what to add to it (modulo 256)
    added    deflated: the bytes added

Nothing here says that the result is right: whoever applies a delta checks the result against the signed hash of the
whole file. Memory while applying is a few hundred KiB whatever the sizes, and no more comes out than the header says.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import Final

from rules.errors import PackError

MAGIC: Final = b"FWDELTA1"
_header = struct.Struct("<8sQQQQQ16s")
_step = struct.Struct("<qQQ")
_SUM_BYTES: Final = 16
_PIECE_BYTES: Final = 64 * 1024

_BLOCK: Final = 32
"""Bytes compared at once where the files differ: four hashes of a pack, or eight numbers of its table."""
_PROBE: Final = 16
"""Bytes that must be found whole to go on elsewhere in the old file: two hashes, which chance does not repeat."""
_NEAR_BYTES: Final = 4096
"""How far on the old file is searched at each difference: some hundred entries removed in a row."""
_FAR_EVERY_BYTES: Final = 4096
"""How often, where nothing nearby fits, the whole of the old file is searched: a section may have moved."""
_SHIFTS: Final = (8, -8, 1, -1, 2, -2, 4, -4)
"""Widths of one entry in a section of a pack: what one entry more or less moves all that follows by."""

Data = bytes | bytearray | memoryview
"""What bytes may be in: a mapped file is a memoryview."""


def make(old: Data, new: Data) -> bytes:
    """Return the delta from one file to the next; it may be larger than the new file where they have little in common.

    Takes about the memory of both files and twice that of the difference: for whoever signs, not for devices.
    """
    old, new = bytes(old), bytes(new)
    steps, changes, added = zlib.compressobj(9), zlib.compressobj(6), zlib.compressobj(9)
    streams = [bytearray(), bytearray(), bytearray()]
    position = 0
    for start, taken_at, taken_bytes, added_bytes in _steps(old, new):
        streams[0] += steps.compress(_step.pack(taken_at - position, taken_bytes, added_bytes))
        for at in range(0, taken_bytes, _PIECE_BYTES):
            size = min(_PIECE_BYTES, taken_bytes - at)
            piece = _difference(new[start + at : start + at + size], old[taken_at + at : taken_at + at + size])
            streams[1] += changes.compress(piece)
        streams[2] += added.compress(new[start + taken_bytes : start + taken_bytes + added_bytes])
        position = taken_at + taken_bytes
    for stream, packer in zip(streams, (steps, changes, added), strict=True):
        stream += packer.flush()
    lengths = [len(stream) for stream in streams]
    body = b"".join(streams)
    return _header.pack(MAGIC, len(old), len(new), *lengths, _checksum(body)) + body


def apply(old: Data, delta: Data) -> Iterator[bytes]:
    """Yield the new file in pieces, each of at most 64 KiB; raises PackError where the delta is malformed.

    What was yielded counts only once the last piece came and the whole was checked against its signed hash.
    """
    with memoryview(delta) as whole, memoryview(old) as source:
        if len(whole) < _header.size or bytes(whole[: len(MAGIC)]) != MAGIC:
            raise PackError("this is not a delta of this Fairwatch")
        _, old_bytes, new_bytes, *lengths, checksum = _header.unpack_from(whole)
        if old_bytes != len(source):
            raise PackError("the delta is for another file than the one that is here")
        if sum(lengths) != len(whole) - _header.size or checksum != _checksum(whole[_header.size :]):
            raise PackError("the delta is damaged (its checksum is wrong)")
        ends = [_header.size + sum(lengths[: at + 1]) for at in range(3)]
        streams = [_Stream(whole[end - size : end]) for end, size in zip(ends, lengths, strict=True)]
        yield from _applied(source, new_bytes, *streams)


def _applied(source: memoryview, new_bytes: int, steps: _Stream, changes: _Stream, added: _Stream) -> Iterator[bytes]:
    position, left = 0, new_bytes
    while left > 0:
        move, taken_bytes, added_bytes = _step.unpack(steps.read(_step.size))
        position += move
        if not 0 <= position <= position + taken_bytes <= len(source) or not 0 < taken_bytes + added_bytes <= left:
            raise PackError("the delta is malformed (a step leaves the file)")
        left -= taken_bytes + added_bytes
        for size in _pieces(taken_bytes):
            change = changes.read(size)
            here = bytes(source[position : position + size])
            yield here if change.count(0) == size else _sum(here, change)
            position += size
        for size in _pieces(added_bytes):
            yield added.read(size)
    if not all(stream.ended for stream in (steps, changes, added)):
        raise PackError("the delta is malformed (it goes on after its end)")


class _Stream:
    """One deflated stream, unpacked as far as it is asked for and no further."""

    def __init__(self, packed: memoryview) -> None:
        self._packed = packed
        self._at = 0
        self._unpack = zlib.decompressobj()
        self._ready = bytearray()

    def read(self, size: int) -> bytes:
        """Return exactly so many bytes; raises PackError where there are fewer."""
        while len(self._ready) < size:
            if not self._more():
                raise PackError("the delta is malformed (it ends too early)")
        piece = bytes(self._ready[:size])
        del self._ready[:size]
        return piece

    @property
    def ended(self) -> bool:
        """Whether everything was read, and the stream says so itself."""
        while not self._ready and self._more():
            pass
        return not self._ready and self._unpack.eof and not self._unpack.unused_data and self._at == len(self._packed)

    def _more(self) -> bool:
        given = self._unpack.unconsumed_tail
        if not given and not self._unpack.eof:
            given = bytes(self._packed[self._at : self._at + _PIECE_BYTES])
            self._at += len(given)
        if self._unpack.eof:
            return False
        try:
            made = self._unpack.decompress(given, _PIECE_BYTES)
        except zlib.error:
            raise PackError("the delta is malformed (a stream can't be unpacked)") from None
        self._ready += made
        return bool(given or made)


# --- finding what stayed -----------------------------------------------------------------------------------------


def _steps(old: bytes, new: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield (place in the new file, place in the old file, bytes taken, bytes added) until the new file is told."""
    start = taken_at = 0  # where this step began, in both files
    at, shift = 0, 0  # how far the new file is told, and old place minus new place
    searched_at = -_FAR_EVERY_BYTES
    added = 0  # bytes since anything fitted
    while at < len(new):
        same = _same_bytes(old, at + shift, new, at) if added == 0 else 0
        at += same
        if at >= len(new):
            break
        found = _fits(old, new, at, shift) if added == 0 else None
        if found is not None:
            if found == shift:  # a changed byte or more amid what stayed: goes into the differences
                at = min(at + 8, len(new), len(old) - shift)
                continue
            if at > start:
                yield start, taken_at, at - start, 0
            start, shift = at, found
            taken_at = at + shift
            continue
        # What was added may have replaced as much of the old file, or nothing of it.
        place = _near(old, new, at, shift) or (_near(old, new, at, shift - added) if added > 0 else None)
        if place is None and at - searched_at >= _FAR_EVERY_BYTES:
            searched_at = at
            far = old.find(new[at : at + 2 * _PROBE]) if len(new) - at >= 2 * _PROBE else -1
            place = (at, far) if far >= 0 else None
        if place is None:
            told = min(_BLOCK, len(new) - at)
            at, added = at + told, added + told
            continue
        upto, there = place
        matched = at - added - start
        if upto > start:
            yield start, taken_at, matched, upto - start - matched
        start, taken_at = upto, there
        at, shift, added = upto, there - upto, 0
    if len(new) > start:
        matched = at - added - start
        yield start, taken_at, matched, len(new) - start - matched


def _same_bytes(old: bytes, there: int, new: bytes, here: int) -> int:
    """Return how many bytes are the same from these two places on."""
    begun, size = here, _BLOCK
    if there < 0:
        return 0
    while size >= 1:
        piece = new[here : here + size]
        if piece and len(piece) == size and old[there : there + size] == piece:
            here, there, size = here + size, there + size, min(size * 2, 1 << 20)
        else:
            size //= 2
    return here - begun


def _fits(old: bytes, new: bytes, here: int, shift: int) -> int | None:
    """Return the shift under which most of the next block is the same; the present one where that is good enough."""
    best, equal = _equal(old, new, here, shift), shift
    if best < _BLOCK * 7 // 8:
        for by in _SHIFTS:
            other = _equal(old, new, here, shift + by)
            if other > best + 2:
                best, equal = other, shift + by
    return equal if best >= _BLOCK // 2 else None


def _equal(old: bytes, new: bytes, here: int, shift: int) -> int:
    there = here + shift
    one, other = new[here : here + _BLOCK], old[there : there + _BLOCK] if there >= 0 else b""
    if len(one) != len(other):
        return 0
    return _xor(one, other).count(0)


def _near(old: bytes, new: bytes, at: int, shift: int) -> tuple[int, int] | None:
    """Return where both files go on alike a little further: (place in the new file, place in the old file)."""
    there = max(0, at + shift)
    window = old[there : there + _NEAR_BYTES]
    for more in range(_BLOCK):
        probe = new[at + more : at + more + _PROBE]
        if len(probe) < _PROBE:
            return None
        found = window.find(probe)
        if found >= 0:
            return at + more, there + found
    return None


# --- arithmetic on many bytes at once ----------------------------------------------------------------------------

_ODD: Final = bytes([0, 255]) * (_PIECE_BYTES // 2)
_EVEN: Final = bytes([255, 0]) * (_PIECE_BYTES // 2)


def _xor(one: bytes, other: bytes) -> bytes:
    size = len(one)
    return (int.from_bytes(one, "little") ^ int.from_bytes(other, "little")).to_bytes(size, "little")


def _sum(one: bytes, other: bytes) -> bytes:
    """Add byte by byte, modulo 256: every other byte at a time, so that what is carried falls into an empty place."""
    size = len(one)
    first, second = int.from_bytes(one, "little"), int.from_bytes(other, "little")
    even, odd = int.from_bytes(_EVEN[:size], "little"), int.from_bytes(_ODD[:size], "little")
    total = (((first & even) + (second & even)) & even) | (((first & odd) + (second & odd)) & odd)
    return total.to_bytes(size, "little")


def _difference(one: bytes, other: bytes) -> bytes:
    """Subtract byte by byte, modulo 256."""
    if one == other:
        return bytes(len(one))
    size = len(one)
    negative = _sum(bytes(other).translate(_NEGATED), bytes(size))
    return _sum(one, negative)


_NEGATED: Final = bytes(-value % 256 for value in range(256))


def _pieces(size: int) -> Iterator[int]:
    while size > 0:
        yield min(size, _PIECE_BYTES)
        size -= _PIECE_BYTES


def _checksum(data: Data) -> bytes:
    return hashlib.blake2b(data, digest_size=_SUM_BYTES).digest()
