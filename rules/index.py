"""Looks names up in one compiled pack, memory-mapped: a few bytes of private memory, whatever the pack's size."""

from __future__ import annotations

import mmap
import sys
from bisect import bisect_left
from pathlib import Path
from typing import Self

import msgspec

from rules import layout
from rules.errors import PackError
from rules.layout import HEADER_BYTES, Layout

_hash_of = layout.name_hash  # bound once: lookups call it by the million

_COPIED_FILTER_BYTES = 1 << 20  # a filter up to this size is copied into memory: a byte of bytes is quicker to read
_COMPARED_SINGLY = 16  # of the hashes with one prefix; more only where somebody chose names to that end: then bisected

Pair = tuple[str, str]  # a category, and the list that put the entry there


class Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a pack says in words: every set of (category, list) that some entry has, and in small packs the names."""

    sets: tuple[tuple[Pair, ...], ...]
    names: tuple[str, ...] = ()


class Index:
    """One open pack. Lookups are safe from several threads; `close` is not safe beside them."""

    def __init__(self, name: str, mapped: mmap.mmap, header: Layout, labels: Labels) -> None:
        self.name = name
        self.sets = labels.sets
        self.names = labels.names
        self.entries = header.entries
        self._mapped = mapped
        self._header = header
        whole = memoryview(mapped)
        self._whole = whole
        self._shift = 64 - header.prefix_bits
        self._filter_shift = layout.filter_shift(header.filter_bits)
        self._table = whole[header.table_at : header.table_at + 4 * ((1 << header.prefix_bits) + 1)].cast("I")
        bits = whole[header.filter_at : header.hashes_at]
        self._filter = bytes(bits) if len(bits) <= _COPIED_FILTER_BYTES else bits
        self._hashes = whole[header.hashes_at : header.ids_at].cast("Q")
        ids = whole[header.ids_at : header.ids_at + header.id_bytes * header.entries]
        self._ids = ids if header.id_bytes == 1 else ids.cast("H" if header.id_bytes == 2 else "I")

    @classmethod
    def open(cls, path: Path) -> Self:
        """Maps a pack; raises PackError where header, labels, table or length are not as they were written."""
        if sys.byteorder != "little":
            raise PackError("packs can only be read on little-endian machines")
        try:
            with path.open("rb") as file:
                header = layout.read_header(file.read(HEADER_BYTES))
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise PackError(f"{path.name}: can't be read: {reason}") from None
        except PackError as error:
            raise PackError(f"{path.name}: {error}") from None
        try:
            return cls(path.name, mapped, header, _checked_labels(mapped, header))
        except PackError as error:
            mapped.close()
            raise PackError(f"{path.name}: {error}") from None

    def close(self) -> None:
        """Gives the mapping back; no lookup may follow."""
        for view in (self._table, self._filter, self._hashes, self._ids, self._whole):
            if isinstance(view, memoryview):
                view.release()
        self._mapped.close()

    def verify(self) -> None:
        """Reads the whole pack and raises PackError where any byte is not as it was written."""
        with self._whole[self._header.filter_at :] as body:
            if layout.checksum(body) != self._header.body:
                raise PackError(f"{self.name}: the pack is damaged (its checksum is wrong)")

    def find_app(self, identity: str) -> list[tuple[str, int]]:
        """The set of exactly this app identity: one (entry, set id), or nothing."""
        found = self._find(identity)
        return [] if found is None else [(identity, found)]

    def find_host(self, host: str) -> list[tuple[str, int]]:
        """Each entry that covers this normalised host, longest first, with its set's id.

        This is the hot path: what `_find` does stands here again, since a call an entry costs a quarter of the speed.
        A prefix has a few hashes, which are quicker compared one by one than bisected.
        """
        found: list[tuple[str, int]] = []
        bits, shift, hash_of = self._filter, self._filter_shift, _hash_of
        name = host.encode()
        while parent := name.partition(b".")[2]:
            wanted = hash_of(name)
            bit = wanted >> shift
            if bits[bit >> 3] >> (bit & 7) & 1:
                prefix = wanted >> self._shift
                hashes, table = self._hashes, self._table
                at, end = table[prefix], table[prefix + 1]
                if end - at > _COMPARED_SINGLY:
                    at = bisect_left(hashes, wanted, at, end)
                    end = min(at + 1, end)
                while at < end:
                    if hashes[at] == wanted:
                        entry = name.decode()
                        if not self.names or self.names[at] == entry:
                            found.append((entry, self._ids[at]))
                        break
                    at += 1
            name = parent
        return found

    def pairs(self, set_id: int) -> tuple[Pair, ...]:
        """The (category, list) pairs of a set; raises PackError for an id that only a damaged pack can hold."""
        if set_id >= len(self.sets):
            raise PackError(f"{self.name}: the pack is damaged (an entry without labels)")
        return self.sets[set_id]

    def _find(self, name: str) -> int | None:
        wanted = layout.name_hash(name.encode("utf-8", "surrogatepass"))
        bit = wanted >> self._filter_shift
        if not self._filter[bit >> 3] >> (bit & 7) & 1:
            return None
        prefix = wanted >> self._shift
        end = self._table[prefix + 1]
        at = bisect_left(self._hashes, wanted, self._table[prefix], end)
        if at >= end or self._hashes[at] != wanted or (self.names and self.names[at] != name):
            return None
        return self._ids[at]


def _checked_labels(mapped: mmap.mmap, header: Layout) -> Labels:
    if len(mapped) != header.length:
        raise PackError(f"the pack is {len(mapped)} bytes long where its header says {header.length}")
    with memoryview(mapped) as whole, whole[HEADER_BYTES : header.filter_at] as front:
        if layout.checksum(front) != header.front:
            raise PackError("the pack's front is damaged (its checksum is wrong)")
    try:
        labels = msgspec.json.decode(mapped[HEADER_BYTES : HEADER_BYTES + header.labels_bytes], type=Labels)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise PackError("the pack's labels can't be understood") from None
    if labels.names and len(labels.names) != header.entries:
        raise PackError("the pack's labels do not name every entry")
    return labels
