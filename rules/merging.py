"""Gathers hashes and merges them, range by range, into one ascending row of entries, each with the lists that name it.

Only what compiles lists needs numpy, which sorts and counts numbers by the million here; what reads a pack doesn't.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rules import layout

_RANGE_BITS = 6  # of the hash: what is sorted at a time is a sixty-fourth, so that little is held twice
_RANGES = 1 << _RANGE_BITS

ListNumbers = tuple[int, ...]  # the lists that name one entry, ascending
Hashes = NDArray[np.uint64]


class GatheredHashes:
    """Hashes as they come, a range of them at a place, each beside the number of its list."""

    def __init__(self) -> None:
        self.added = 0
        self.ranges: list[list[tuple[Hashes, NDArray[np.uint16]]]] = [[] for _ in range(_RANGES)]

    def add(self, names_by_list: Mapping[int, Sequence[bytes]]) -> None:
        """Takes names in UTF-8, each list's by the list's number."""
        lengths = [len(names) for names in names_by_list.values()]
        hashes = np.fromiter(
            (wanted for names in names_by_list.values() for wanted in map(layout.name_hash, names)),
            np.uint64,
            sum(lengths),
        )
        numbers = np.repeat(np.array(list(names_by_list), np.uint16), lengths)
        order = np.argsort(hashes)
        hashes, numbers = hashes[order], numbers[order]
        starts = np.arange(1, _RANGES, dtype=np.uint64) << np.uint64(64 - _RANGE_BITS)
        cuts = np.searchsorted(hashes, starts)
        for pieces, some, theirs in zip(self.ranges, np.split(hashes, cuts), np.split(numbers, cuts), strict=True):
            pieces.append((some.copy(), theirs.copy()))
        self.added += len(hashes)


class MergedHashes:
    """Entries in ranges of the hash: `hashes[r]` ascending, and beside it `ids[r]`, the number of its set of lists.

    What was gathered is used up: what is merged is taken from it at once, so that memory holds every hash only once.
    `lists` is how many lists there are.
    """

    def __init__(self, gathered: GatheredHashes, lists: int) -> None:
        self._sets: list[ListNumbers] = [(), *((number,) for number in range(lists))]  # () has what lost all its lists
        self._numbers = {numbers: at for at, numbers in enumerate(self._sets)}
        self.hashes: list[Hashes] = []
        self.ids: list[NDArray[np.uint32]] = []
        for pieces in gathered.ranges:
            hashes, ids = self._merge(pieces)
            self.hashes.append(hashes)
            self.ids.append(ids)
            pieces.clear()

    @property
    def entries(self) -> int:
        """How many entries there are; what was dropped counts until `settle`."""
        return sum(map(len, self.hashes))

    def drop(self, wanted: int, number: int) -> bool:
        """Takes an entry from a list; False where the list doesn't have it."""
        place, at = self._place(wanted)
        numbers = self._sets[self.ids[place][at]] if at >= 0 else ()
        if number not in numbers:
            return False
        self.ids[place][at] = self._number_of(tuple(other for other in numbers if other != number))
        return True

    def holds(self, wanted: int, number: int) -> bool:
        """Whether a list has the entry with this hash."""
        place, at = self._place(wanted)
        return at >= 0 and number in self._sets[self.ids[place][at]]

    def settle(self) -> dict[ListNumbers, int]:
        """Leaves out what was dropped and numbers the sets anew; each set and how many entries have it, in that order.

        Sets of one list come first, in the lists' order, so that one more overlap changes few numbers.
        """
        counts = np.zeros(len(self._sets), np.int64)
        for ids in self.ids:
            counts += np.bincount(ids, minlength=len(counts))
        used = [number for number in np.flatnonzero(counts).tolist() if number]
        used.sort(key=lambda number: (len(self._sets[number]) > 1, self._sets[number]))
        anew = np.zeros(len(counts), np.uint32)
        anew[used] = np.arange(len(used))
        for place, ids in enumerate(self.ids):
            kept = ids != 0
            if not kept.all():
                self.hashes[place], ids = self.hashes[place][kept], ids[kept]
            self.ids[place] = anew[ids]
        return {self._sets[number]: int(counts[number]) for number in used}

    def table(self, prefix_bits: int) -> NDArray[np.uint32]:
        """Where the hashes that begin with each prefix begin, and at the end how many there are."""
        counts = np.zeros(1 + (1 << prefix_bits), np.uint32)
        for hashes in self.hashes:
            beginnings, times = np.unique(hashes >> np.uint64(64 - prefix_bits), return_counts=True)
            counts[beginnings.astype(np.int64) + 1] += times.astype(np.uint32)
        return np.cumsum(counts, dtype=np.uint32)

    def filter(self, filter_bits: int) -> bytearray:
        """A filter of so many bits, in which each entry's is set."""
        bits, shift = np.zeros(filter_bits // 8, np.uint8), np.uint64(layout.filter_shift(filter_bits))
        for hashes in self.hashes:
            beginnings = (hashes >> shift).astype(np.int64)
            np.bitwise_or.at(bits, beginnings >> 3, np.uint8(1) << (beginnings & 7).astype(np.uint8))
        return bytearray(bits)

    def _place(self, wanted: int) -> tuple[int, int]:
        """The range of a hash and where in it the hash is, or -1."""
        place = wanted >> 64 - _RANGE_BITS
        hashes = self.hashes[place].data  # whose numbers Python compares quicker than numpy's
        at = bisect_left(hashes, wanted)
        return place, at if at < len(hashes) and hashes[at] == wanted else -1

    def _number_of(self, numbers: ListNumbers) -> int:
        number = self._numbers.setdefault(numbers, len(self._sets))
        if number == len(self._sets):
            self._sets.append(numbers)
        return number

    def _merge(self, pieces: Sequence[tuple[Hashes, NDArray[np.uint16]]]) -> tuple[Hashes, NDArray[np.uint32]]:
        """One range's hashes, ascending and each once, with the number of its set."""
        if not pieces:
            return np.empty(0, np.uint64), np.empty(0, np.uint32)
        hashes = np.concatenate([some for some, _ in pieces])
        numbers = np.concatenate([theirs for _, theirs in pieces])
        order = np.argsort(hashes)
        hashes, numbers = hashes[order], numbers[order]
        starts = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1]))[: len(hashes)])
        ends = np.append(starts[1:], len(hashes))
        ids = numbers[starts].astype(np.uint32) + np.uint32(1)  # the set of that list alone
        for at in np.flatnonzero(ends - starts > 1).tolist():
            together = numbers[starts[at] : ends[at]].tolist()
            ids[at] = self._number_of(tuple(sorted(set(together))))
        return hashes[starts], ids
