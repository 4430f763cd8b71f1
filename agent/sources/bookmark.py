"""Where reading of one history had got to, and where to go on: pure, no file and no clock.

Ids alone don't do: Firefox gives a deleted visit's id to the next one. Times alone don't: clocks go back. So a bookmark
holds the last rows handled, and the latest time of a visit handled. The rows are the history's identity: an inode
changes when a file is copied back, and stays when its content is replaced.
- The last row is still there: rows with a higher id are new. (Not those above another known row: then a newer copy of
  the file was put back. Not those dated well before what was handled, unless the clock went back: the same.)
- It is gone: the browser deleted it, or this is another file. Only what is later than all handled before is new.
  A visit made at that very moment while the clock was behind is lost; nothing is ever told twice.
"""

from __future__ import annotations

import msgspec

VERSION = 1
# Enough to know a file by after a few visits were deleted; few enough that a bookmark stays below 2 KiB.
TAIL_ROWS = 48
REMEMBERED_ROWS = 48
# Visits of several tabs may be written slightly out of order.
DISORDER_MICROSECONDS = 60_000_000

Row = tuple[int, int]


class Bookmark(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Rows are (id, time); all times are microseconds since the browser's own epoch.

    `tail` is newest first; its first is the last row handled. `remembered` holds earlier tails. `newest` is the latest
    time of a visit handled. Rows with an id up to `until` are new only when later than `floor`: they were there when
    reading began anew. `read_at` is the last good read.
    """

    version: int
    tail: tuple[Row, ...]
    remembered: tuple[Row, ...]
    newest: int
    until: int
    floor: int
    read_at: int

    def encode(self) -> bytes:
        """The bytes that the pipeline keeps."""
        return msgspec.msgpack.encode(self)

    def known(self) -> tuple[Row, ...]:
        """All rows by which the file may be known again."""
        return (*self.tail, *self.remembered)

    def moved(self, tail: tuple[Row, ...], plan: Plan, newest: int, read_at: int) -> Bookmark:
        """This bookmark after all rows up to the first of `tail` were handled."""
        kept = set(tail)
        remembered = tuple(row for row in self.known() if row not in kept)[:REMEMBERED_ROWS]
        return Bookmark(VERSION, tail, remembered, max(self.newest, newest), plan.until, plan.floor, read_at)


class Plan(msgspec.Struct, frozen=True):
    """Which rows are new: ids above `after`, those up to `until` only when later than `floor`, all later than `since`.

    `after` is None where it has to be looked up: from the first row later than `floor` on.
    """

    after: int | None
    until: int
    floor: int
    since: int


def beginning(at: int) -> Bookmark:
    """The bookmark of a history never read before, of which what is later than `at` may be collected."""
    return Bookmark(VERSION, (), (), at, 0, at, at)


def decode(kept: bytes) -> Bookmark | None:
    """A kept bookmark, or None where the bytes are damaged or of another version."""
    try:
        bookmark = msgspec.msgpack.decode(kept, type=Bookmark)
    except msgspec.MsgspecError:
        return None
    return bookmark if bookmark.version == VERSION else None


def plan(bookmark: Bookmark, present: frozenset[Row], highest: int, now: int) -> Plan:
    """How to go on, given which of the known rows are `present` and the `highest` id in the file."""
    if bookmark.tail and bookmark.tail[0] in present:
        after = max(number for number, _ in present)
        since = bookmark.newest - DISORDER_MICROSECONDS if bookmark.newest <= now else -(1 << 62)
        return Plan(after, bookmark.until, bookmark.floor, since)
    return Plan(None, highest, bookmark.newest, bookmark.newest)
