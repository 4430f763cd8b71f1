"""Follows a SQLite write-ahead log: which page's newest committed content lies where in it, checked as SQLite checks.

The format is sqlite.org/fileformat.html, "The Write-Ahead Log". A frame counts when it bears the log's salts, when its
checksum continues that of all frames before it, and when a commit mark stands on it or after it; at the first that
does not, the log ends. So a torn tail, what an earlier round of the log left behind and a damaged frame are left out.

What was committed is never written over while the log's header stays the same, so a second `follow` reads only what is
new. Held is a page number and an offset for each page in the log, and never a page.

Checking costs about a millisecond for eight pages of Firefox's 32 kB, so it is not done twice, and not where it can't
tell anything: what a browser appends before our eyes can only be torn at its end, because it writes in order. What was
already there at the first look may be the leavings of a power cut, whose order is anybody's: that is checked whole, and
so is whatever comes to stand before such leavings.
"""

from __future__ import annotations

import os
import struct
from array import array

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
# A browser folds its log in long before this; checking more would keep a core busy for a fifth of a second and more.
LOG_LIMIT_BYTES = 64 << 20
_LITTLE_ENDIAN, _BIG_ENDIAN = 0x377F0682, 0x377F0683
_VERSION = 3007000
_LOW = 0xFFFFFFFF
# So many steps grow 32 bits to less than 64.
_STEPS_UNMASKED = 16

Sums = tuple[int, int]


class WriteAheadLog:
    """The committed content of one log. Not for several threads at once.

    `pages` tells where (bytes from the log's start) a page's newest content lies; `page_bytes` is 0 for no sound log;
    `page_count` is the database's size in pages after the last commit, 0 before the first; `round` changes whenever the
    log is begun anew.
    """

    def __init__(self) -> None:
        self.round = 0
        self._begin(b"")

    def _begin(self, header: bytes) -> None:
        self.round += 1
        self._header, self._last, self._watched = header, b"", False
        self.pages: dict[int, int] = {}
        self.page_bytes, self.page_count, self._end = 0, 0, HEADER_BYTES
        self._sums: Sums = (0, 0)
        if len(header) < HEADER_BYTES:
            return
        magic, version, page_bytes, _, _, _, first, second = struct.unpack(">8I", header)
        self._swapped = magic == _BIG_ENDIAN
        sound = magic in (_LITTLE_ENDIAN, _BIG_ENDIAN) and version == _VERSION
        if sound and 512 <= page_bytes <= 65536 and not page_bytes & (page_bytes - 1):
            self._sums = checksum(header[:24], (0, 0), swapped=self._swapped)
            self.page_bytes = page_bytes if self._sums == (first, second) else 0

    def follow(self, handle: int) -> None:
        """Take in what was committed since the last call; the log must be the same file or another. Raises OSError."""
        header = os.pread(handle, HEADER_BYTES, 0)
        if header != self._header or (self._last and not self._still_there(handle)):
            self._begin(header)
        if not self.page_bytes:
            return
        headers = self._claimed(handle)
        if not (self._watched and self._ends_whole(handle, headers)):
            headers = self._checked(handle, headers)
        self._take(headers)
        if not self._watched:
            self._watched = not self._has_leavings(handle)

    def _still_there(self, handle: int) -> bool:
        """The last frame's checksum stands for all before it: a log put back from elsewhere shows here."""
        return os.pread(handle, FRAME_HEADER_BYTES, self._end - self.page_bytes - FRAME_HEADER_BYTES) == self._last

    def _claimed(self, handle: int) -> list[bytes]:
        """The headers of new frames that say they belong to this log, up to the last that says it commits."""
        frame_bytes, salts = FRAME_HEADER_BYTES + self.page_bytes, self._header[16:24]
        headers: list[bytes] = []
        commits = 0
        for at in range(self._end, LOG_LIMIT_BYTES, frame_bytes):
            header = os.pread(handle, FRAME_HEADER_BYTES, at)
            if len(header) < FRAME_HEADER_BYTES or header[8:16] != salts or not any(header[:4]):
                break
            headers.append(header)
            if any(header[4:8]):
                commits = len(headers)
        return headers[:commits]

    def _ends_whole(self, handle: int, headers: list[bytes]) -> bool:
        """Whether the last frame's checksum continues that of the one before."""
        if not headers:
            return True
        before = self._sums if len(headers) == 1 else _sums_of(headers[-2])
        at = self._end + (len(headers) - 1) * (FRAME_HEADER_BYTES + self.page_bytes)
        return self._sum(handle, at, headers[-1], before) == _sums_of(headers[-1])

    def _checked(self, handle: int, headers: list[bytes]) -> list[bytes]:
        """Those whose checksums continue unbroken."""
        sums, at = self._sums, self._end
        for number, header in enumerate(headers):
            sums = self._sum(handle, at, header, sums)
            if sums != _sums_of(header):
                return headers[:number]
            at += FRAME_HEADER_BYTES + self.page_bytes
        return headers

    def _sum(self, handle: int, at: int, header: bytes, sums: Sums) -> Sums:
        content = os.pread(handle, self.page_bytes, at + FRAME_HEADER_BYTES).ljust(self.page_bytes, b"\0")
        return checksum(content, checksum(header[:8], sums, swapped=self._swapped), swapped=self._swapped)

    def _take(self, headers: list[bytes]) -> None:
        at, pending = self._end, {}
        for header in headers:
            page, count = struct.unpack_from(">2I", header)
            pending[page] = at + FRAME_HEADER_BYTES
            at += FRAME_HEADER_BYTES + self.page_bytes
            if count:
                self.pages.update(pending)
                self.page_count, self._end, self._sums, self._last = count, at, _sums_of(header), header
                pending = {}

    def _has_leavings(self, handle: int) -> bool:
        """Whether frames of this round of the log lie behind its end, which a later one could seem to continue."""
        size = min(os.fstat(handle).st_size, LOG_LIMIT_BYTES)
        slots = range(self._end, size, FRAME_HEADER_BYTES + self.page_bytes)
        return any(os.pread(handle, 8, at + 8) == self._header[16:24] for at in slots)


def _sums_of(header: bytes) -> Sums:
    first, second = struct.unpack_from(">2I", header, 16)
    return first, second


def checksum(content: bytes, sums: Sums, *, swapped: bool) -> Sums:
    """SQLite's running checksum over whole pairs of 32-bit words; `swapped` for big-endian words.

    Each pair (x, y) turns (s, t) into (s', t') with s' = s + t + x and t' = t + s' + y: linear, so that blocks can be
    summed side by side, as the 64-bit lanes of one long integer, and joined afterwards. A plain loop takes ten times
    as long, and checking is most of what a read costs.
    """
    if swapped:
        words = array("I", content)
        words.byteswap()
        content = words.tobytes()
    pairs = len(content) // 8
    steps = min(64, 1 << (pairs.bit_length() // 2))
    if pairs < 64 or pairs % steps:
        steps = pairs
    lanes = pairs // steps
    low = int.from_bytes(b"\xff\xff\xff\xff\0\0\0\0" * lanes, "little")
    columns = array("Q", content)
    first = second = 0
    for step in range(steps):
        pair = int.from_bytes(columns[step::steps].tobytes(), "little")
        first += second + (pair & low)
        second += first + (pair >> 32 & low)
        if step % _STEPS_UNMASKED == _STEPS_UNMASKED - 1:
            first &= low
            second &= low
    layout = f"<{lanes}Q"
    firsts = struct.unpack(layout, first.to_bytes(lanes * 8, "little"))
    seconds = struct.unpack(layout, second.to_bytes(lanes * 8, "little"))
    a, b, d = _power(steps)
    one, two = sums
    for x, y in zip(firsts, seconds, strict=True):
        one, two = (a * one + b * two + x) & _LOW, (b * one + d * two + y) & _LOW
    return one, two


def _power(steps: int) -> tuple[int, int, int]:
    """What `steps` pairs of zeros do to (s, t): (a s + b t, b s + d t)."""
    a, b, d = 1, 0, 1
    for _ in range(steps):
        a, b, d = a + b, b + (a + b), d + (b + d)
    return a & _LOW, b & _LOW, d & _LOW
