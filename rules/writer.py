"""Writes a pack in little memory: names become hashes at once, which are merged range by range."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from rules import layout
from rules.errors import PackError
from rules.index import Labels, Pair
from rules.layout import Layout
from rules.merging import GatheredHashes, ListNumbers, MergedHashes
from rules.plain import PlainHosts

MAX_LISTS = 65_536  # one number a list; far more than anybody names in one pack
MAX_NAMED = 100_000  # entries of a pack that holds their names: they are read into memory when it is opened
_HELD_NAMES = 1 << 17  # before they become hashes: about 20 MB
_ENTRIES_PER_PREFIX = 3  # fewer gain nothing that the larger table doesn't cost


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the entries: kept, merged (named by several lists or twice), covered by a parent in their list.

    `shared` counts the entries that each pair of lists has in common.
    """

    entries: int
    merged: int
    covered: int
    by_list: tuple[int, ...]
    shared: dict[tuple[int, int], int]


class PackWriter:
    """Takes entries, each from a numbered list, and writes them as one pack; use it as a context manager.

    `pairs[n]` is the (category, list id) of list n. The result depends only on the entries and on `pairs`, never on
    the order in which they come. A `named` pack holds its entries' names, as one must that takes sites out of reach.
    """

    def __init__(self, pairs: Sequence[Pair], scratch: Path, *, named: bool = False) -> None:
        if len(pairs) > MAX_LISTS:
            raise PackError(f"more than {MAX_LISTS} lists in one pack")
        self._pairs = pairs
        self._waiting: dict[int, list[bytes]] = {}
        self._deep_waiting: dict[int, list[bytes]] = {}
        self._room = _HELD_NAMES
        self._gathered = GatheredHashes()
        self._names: dict[int, bytes] | None = {} if named else None
        self._deep = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 (closed by __exit__)

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._deep.close()

    def add(self, name: str, number: int) -> None:
        """One entry of list `number`: a normalised host, or an app identity."""
        names = self._waiting.get(number)
        if names is None:
            names = self._waiting[number] = []
        raw = name.encode("utf-8")
        names.append(raw)
        if name.count(".") > 1 and ":" not in name:
            self._deep_waiting.setdefault(number, []).append(raw)
        self._room -= 1
        if self._room <= 0:
            self._gather()

    def add_plain(self, hosts: PlainHosts, number: int) -> None:
        """Many entries of list `number` at once: the quick way for a long list."""
        self._waiting.setdefault(number, []).extend(hosts.names)
        if hosts.deep:
            deep = [name for name in hosts.names if name.count(b".") > 1]
            self._deep_waiting.setdefault(number, []).extend(deep)
        self._room -= len(hosts.names)
        if self._room <= 0:
            self._gather()

    def write(self, path: Path) -> Written:
        """Writes the pack atomically, replacing what was there, and ends the writer; raises PackError or OSError."""
        self._gather()
        merged = MergedHashes(self._gathered, len(self._pairs))
        filter_bits = layout.filter_size(merged.entries)
        bits = merged.filter(filter_bits)
        covered = self._drop_covered(merged, bits, filter_bits)
        sets = merged.settle()
        if merged.entries > layout.MAX_ENTRIES:
            raise PackError(f"more than {layout.MAX_ENTRIES} entries in one pack")
        self._write_file(path, merged, list(sets), bits, filter_bits)
        by_list = [0] * len(self._pairs)
        shared: dict[tuple[int, int], int] = {}
        for numbers, count in sets.items():
            for at, number in enumerate(numbers):
                by_list[number] += count
                for other in numbers[at + 1 :]:
                    shared[number, other] = shared.get((number, other), 0) + count
        return Written(
            entries=merged.entries,
            merged=self._gathered.added - covered - merged.entries,
            covered=covered,
            by_list=tuple(by_list),
            shared=dict(sorted(shared.items())),
        )

    def _gather(self) -> None:
        self._gathered.add(self._waiting)
        for names in self._waiting.values():
            self._keep_names(names)
        for number, deep in self._deep_waiting.items():
            self._deep.write(b"%d %d\n%b\n" % (number, len(deep), b"\n".join(deep)))
        self._waiting.clear()
        self._deep_waiting.clear()
        self._room = _HELD_NAMES

    def _keep_names(self, names: Sequence[bytes]) -> None:
        if self._names is None:
            return
        for name in names:
            other = self._names.setdefault(layout.name_hash(name), name)
            if other != name:  # only on purpose; the second would be lost
                raise PackError(f"{name.decode()} and {other.decode()} have the same hash: leave one of them out")
        if len(self._names) > MAX_NAMED:
            raise PackError(f"more than {MAX_NAMED:,} entries in a pack that holds their names")

    def _drop_covered(self, merged: MergedHashes, bits: bytearray, filter_bits: int) -> int:
        """Drops each entry that a parent in the same list covers, so that the answer stays what the list says."""
        covered, shift = 0, layout.filter_shift(filter_bits)
        for name, number in self._deep_names():
            parent = name.partition(b".")[2]
            while above := parent.partition(b".")[2]:
                wanted = layout.name_hash(parent)
                bit = wanted >> shift
                if bits[bit >> 3] >> (bit & 7) & 1 and merged.holds(wanted, number):
                    covered += merged.drop(layout.name_hash(name), number)
                    break
                parent = above
        return covered

    def _deep_names(self) -> Iterator[tuple[bytes, int]]:
        """Every name of more than two labels, with its list's number."""
        self._deep.seek(0)
        while head := self._deep.readline():
            number_text, _, count = head.partition(b" ")
            number = int(number_text)
            for line in islice(self._deep, int(count)):
                yield line[:-1], number

    def _write_file(
        self, path: Path, merged: MergedHashes, sets: list[ListNumbers], bits: bytearray, filter_bits: int
    ) -> None:
        labels = msgspec.json.encode(self._labels(merged, sets))
        prefix_bits = layout.prefix_size(merged.entries, _ENTRIES_PER_PREFIX)
        plan = Layout(
            id_bytes=1 if len(sets) <= 1 << 8 else 2 if len(sets) <= 1 << 16 else 4,
            prefix_bits=prefix_bits,
            entries=merged.entries,
            labels_bytes=len(labels),
            filter_bits=filter_bits,
            front=b"",
            body=b"",
        )
        front = _padded(labels, plan.table_at - layout.HEADER_BYTES)
        front += _padded(merged.table(prefix_bits).astype("<u4").tobytes(), plan.filter_at - plan.table_at)
        pieces: list[bytes | memoryview] = [_padded(bits, plan.hashes_at - plan.filter_at)]
        pieces += [hashes.astype("<u8", copy=False).data.cast("B") for hashes in merged.hashes]
        pieces += [ids.astype(f"<u{plan.id_bytes}").tobytes() for ids in merged.ids]
        pieces.append(bytes(plan.length - plan.ids_at - plan.id_bytes * plan.entries))
        header = msgspec.structs.replace(plan, front=layout.checksum(front), body=layout.checksum(*pieces))
        write_atomically(path, [header.to_bytes(), front, *pieces])

    def _labels(self, merged: MergedHashes, sets: list[ListNumbers]) -> Labels:
        names: tuple[str, ...] = ()
        if self._names is not None:
            names = tuple(self._names[wanted].decode() for hashes in merged.hashes for wanted in hashes.tolist())
        return Labels(sets=tuple(tuple(self._pairs[n] for n in numbers) for numbers in sets), names=names)


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


def _padded(data: bytes | bytearray, length: int) -> bytes:
    return bytes(data).ljust(length, b"\0")
