"""Writes a pack in little memory: entries go into sorted partitions as numbers, never as a table of names."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from rules import layout
from rules.errors import PackError
from rules.index import Labels, Pair
from rules.layout import Layout

MAX_LISTS = 65_536  # a list's number is 16 bits wide while a pack is built
_PARTITION_BITS = 8
_ENTRIES_PER_PREFIX = 24  # about what one bisection step more would cost against a larger table


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the entries: kept, merged (named by several lists or twice), covered by a parent in their list.

    `shared` counts the entries that each pair of lists has in common.
    """

    entries: int
    merged: int
    covered: int
    by_list: tuple[int, ...]
    shared: dict[tuple[int, int], int]


class _Partition:
    """The records of one range of hashes: three arrays beside each other, later two sorted ones."""

    def __init__(self) -> None:
        self.hashes = array("Q")
        self.lists = array("H")
        self.sums = array("I")
        self.ids = array("I")
        self.dropped: set[int] = set()

    def sort(self, *, one_list: bool) -> None:
        """Orders the records by hash, then list, each once."""
        if one_list:
            self.hashes = array("Q", sorted(set(self.hashes)))
            self.lists = array("H", bytes(2 * len(self.hashes)))
            return
        records = sorted({key << 16 | number for key, number in zip(self.hashes, self.lists, strict=True)})
        self.hashes = array("Q", [record >> 16 for record in records])
        self.lists = array("H", [record & 0xFFFF for record in records])

    def find(self, wanted: int, number: int) -> int | None:
        """Where the record of this hash and list is."""
        at = bisect_left(self.hashes, wanted)
        while at < len(self.hashes) and self.hashes[at] == wanted:
            if self.lists[at] == number:
                return at
            at += 1
        return None


class PackWriter:
    """Takes entries, each from a numbered list, and writes them as one pack; use it as a context manager.

    `pairs[n]` is the (category, list id) of list n. The result depends only on the entries and on `pairs`.
    """

    def __init__(self, pairs: Sequence[Pair], scratch: Path) -> None:
        if len(pairs) > MAX_LISTS:
            raise PackError(f"more than {MAX_LISTS} lists in one pack")
        self._pairs = pairs
        self._partitions = [_Partition() for _ in range(1 << _PARTITION_BITS)]
        self._deep = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 (closed by __exit__)
        self._adders = [(part.hashes.append, part.lists.append, part.sums.append) for part in self._partitions]

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._deep.close()

    def add(self, name: str, number: int) -> None:
        """One entry of list `number`: a normalised host, or an app identity."""
        key = name.encode("utf-8")
        digest = layout.name_hash(key)
        add_hash, add_list, add_sum = self._adders[digest >> 64 - _PARTITION_BITS]
        add_hash(digest)
        add_list(number)
        add_sum(zlib.crc32(key))
        if key.count(b".") > 1 and b":" not in key:
            self._deep.write(b"%d %b\n" % (number, key))

    def write(self, path: Path) -> Written:
        """Writes the pack atomically, replacing what was there, and ends the writer; raises PackError or OSError."""
        self._adders.clear()
        added = sum(len(partition.hashes) for partition in self._partitions)
        for partition in self._partitions:
            partition.sort(one_list=len(self._pairs) == 1)
        records = sum(len(partition.hashes) for partition in self._partitions)
        filter_bits = max(64, layout.FILTER_BITS_PER_ENTRY * records)
        bits = self._fill_filter(filter_bits)
        covered = self._drop_covered(bits, filter_bits)
        sets, uses = self._merge()
        entries = sum(uses)
        if entries > layout.MAX_ENTRIES:
            raise PackError(f"more than {layout.MAX_ENTRIES} entries in one pack")
        self._write_file(path, sets, entries, bits, filter_bits)
        by_list = [0] * len(self._pairs)
        shared: dict[tuple[int, int], int] = {}
        for numbers, count in zip(sets, uses, strict=True):
            for at, number in enumerate(numbers):
                by_list[number] += count
                for other in numbers[at + 1 :]:
                    shared[number, other] = shared.get((number, other), 0) + count
        return Written(
            entries=entries,
            merged=added - covered - entries,
            covered=covered,
            by_list=tuple(by_list),
            shared=dict(sorted(shared.items())),
        )

    def _fill_filter(self, filter_bits: int) -> bytearray:
        bits = bytearray((filter_bits + 7) // 8)
        for partition in self._partitions:
            for crc in partition.sums:
                bit = crc % filter_bits
                bits[bit >> 3] |= 1 << (bit & 7)
            partition.sums = array("I")
        return bits

    def _drop_covered(self, bits: bytearray, filter_bits: int) -> int:
        """Drops each entry that a parent in the same list covers, so that the answer stays what the list says."""
        covered = 0
        self._deep.seek(0)
        for line in self._deep:
            number_text, _, name = line[:-1].partition(b" ")
            parent = name.partition(b".")[2]
            while b"." in parent:
                bit = zlib.crc32(parent) % filter_bits
                if bits[bit >> 3] >> (bit & 7) & 1:
                    number = int(number_text)
                    if self._find(parent, number) is not None:
                        covered += self._drop(name, number)
                        break
                parent = parent.partition(b".")[2]
        return covered

    def _find(self, name: bytes, number: int) -> int | None:
        wanted = layout.name_hash(name)
        return self._partitions[wanted >> 64 - _PARTITION_BITS].find(wanted, number)

    def _drop(self, name: bytes, number: int) -> int:
        at = self._find(name, number)
        dropped = self._partitions[layout.name_hash(name) >> 64 - _PARTITION_BITS].dropped
        if at is None or at in dropped:
            return 0
        dropped.add(at)
        return 1

    def _merge(self) -> tuple[list[tuple[int, ...]], list[int]]:
        """Leaves one record a hash, its lists as the id of a set; returns the sets and how many entries use each."""
        ids: dict[tuple[int, ...], int] = {}
        uses: list[int] = []
        for partition in self._partitions:
            if len(self._pairs) == 1 and not partition.dropped:  # the common case: nothing to merge
                ids[(0,)] = 0
                uses = [sum(uses) + len(partition.hashes)]
                partition.ids, partition.lists = array("I", bytes(4 * len(partition.hashes))), array("H")
                continue
            hashes, set_ids = array("Q"), array("I")
            for wanted, numbers in _grouped(partition):
                set_id = ids.setdefault(numbers, len(ids))
                if set_id == len(uses):
                    uses.append(0)
                uses[set_id] += 1
                hashes.append(wanted)
                set_ids.append(set_id)
            partition.hashes, partition.ids, partition.lists = hashes, set_ids, array("H")
        return list(ids), uses

    def _write_file(
        self, path: Path, sets: list[tuple[int, ...]], entries: int, bits: bytearray, filter_bits: int
    ) -> None:
        labels = msgspec.json.encode(Labels(sets=tuple(tuple(self._pairs[n] for n in numbers) for numbers in sets)))
        prefix_bits = _prefix_bits(entries)
        id_bytes = 1 if len(sets) <= 1 << 8 else 2 if len(sets) <= 1 << 16 else 4
        plan = Layout(
            id_bytes=id_bytes,
            prefix_bits=prefix_bits,
            entries=entries,
            labels_bytes=len(labels),
            filter_bits=filter_bits,
            front=b"",
            body=b"",
        )
        front = _padded(labels, plan.table_at - layout.HEADER_BYTES)
        front += _padded(self._table(prefix_bits), plan.filter_at - plan.table_at)
        code = {1: "B", 2: "H", 4: "I"}[id_bytes]
        pieces: list[bytes | memoryview] = [_padded(bytes(bits), plan.hashes_at - plan.filter_at)]
        pieces += [_little(partition.hashes) for partition in self._partitions]
        pieces += [_little(array(code, partition.ids)) for partition in self._partitions]
        pieces.append(bytes(plan.length - plan.ids_at - id_bytes * entries))
        header = msgspec.structs.replace(plan, front=layout.checksum(front), body=layout.checksum(*pieces))
        write_atomically(path, [header.to_bytes(), front, *pieces])

    def _table(self, prefix_bits: int) -> bytes:
        table, shift, before = array("I"), 64 - prefix_bits, 0
        for number, partition in enumerate(self._partitions):
            first = number << prefix_bits >> _PARTITION_BITS
            after = (number + 1) << prefix_bits >> _PARTITION_BITS
            table.extend(before + bisect_left(partition.hashes, prefix << shift) for prefix in range(first, after))
            before += len(partition.hashes)
        table.append(before)
        return bytes(_little(table))


def write_atomically(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    """Writes a file beside its place, makes it durable, and moves it there: readers see the old one or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with beside.open("xb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # Windows can't open a folder; there the move itself is durable
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _grouped(partition: _Partition) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Each hash that was not dropped everywhere, with the lists that keep it."""
    last, numbers = -1, ()  # type: int, tuple[int, ...]
    dropped = partition.dropped
    for at, wanted in enumerate(partition.hashes):
        if dropped and at in dropped:
            continue
        if wanted == last:
            numbers += (partition.lists[at],)
            continue
        if numbers:
            yield last, numbers
        last, numbers = wanted, (partition.lists[at],)
    if numbers:
        yield last, numbers


def _prefix_bits(entries: int) -> int:
    return min(layout.MAX_PREFIX_BITS, max(_PARTITION_BITS, (entries // _ENTRIES_PER_PREFIX).bit_length()))


def _padded(data: bytes, length: int) -> bytes:
    return data.ljust(length, b"\0")


def _little(numbers: array[int]) -> memoryview:
    """The array's bytes, little-endian whatever the machine."""
    if sys.byteorder != "little":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return memoryview(numbers).cast("B")
