"""Merges sorted runs of hashes, range by range, into one ascending row of entries, each with the lists that name it."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from itertools import accumulate, compress, islice
from operator import eq

_RECORDS_PER_RANGE = 1 << 14  # few enough for the processor's cache

ListNumbers = tuple[int, ...]  # the lists that name one entry, ascending


class MergedRuns:
    """Entries in ranges of the hash: `hashes[r]` ascending, and beside it `ids[r]`, the number of its set of lists.

    `runs` are (list number, ascending hashes) and are used up: what is merged is taken from them at once, so that
    memory holds every hash only once.
    """

    def __init__(self, runs: list[tuple[int, array[int]]]) -> None:
        records = sum(len(run) for _, run in runs)
        self._range_bits = (records // _RECORDS_PER_RANGE).bit_length()
        self._numbers: dict[ListNumbers, int] = {(): 0}  # a set's number; an entry that lost all its lists has ()
        self._sets: list[ListNumbers] = [()]
        self.hashes: list[array[int]] = []
        self.ids: list[array[int]] = []
        for low in reversed(range(0, 1 << 64, 1 << 64 - self._range_bits)):  # from the end, where a run can be cut
            by_list: dict[int, array[int]] = {}
            for number, run in runs:
                at = bisect_left(run, low)
                if at < len(run):
                    by_list.setdefault(number, array("Q")).extend(run[at:])
                    del run[at:]
            hashes, ids = self._merge({number: by_list[number] for number in sorted(by_list)})
            self.hashes.append(hashes)
            self.ids.append(ids)
        self.hashes.reverse()
        self.ids.reverse()

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
        counts: Counter[int] = Counter()
        for ids in self.ids:
            counts.update(ids)
        gone = counts.pop(0, 0)
        used = sorted(counts, key=lambda number: (len(self._sets[number]) > 1, self._sets[number]))
        anew = array("I", bytes(4 * len(self._sets)))
        for at, number in enumerate(used):
            anew[number] = at
        for place, ids in enumerate(self.ids):
            if gone and 0 in ids:
                self.hashes[place] = array("Q", compress(self.hashes[place], ids))
                ids = array("I", filter(None, ids))
            self.ids[place] = array("I", map(anew.__getitem__, ids))
        return {self._sets[number]: counts[number] for number in used}

    def table(self, prefix_bits: int) -> array[int]:
        """Where the hashes that begin with each prefix begin, and at the end how many there are."""
        counts, shift = array("I", bytes(4 << prefix_bits)), 64 - prefix_bits
        for hashes in self.hashes:
            for wanted in hashes:
                counts[wanted >> shift] += 1
        return array("I", accumulate(counts, initial=0))

    def _place(self, wanted: int) -> tuple[int, int]:
        """The range of a hash and where in it the hash is, or -1."""
        place = wanted >> 64 - self._range_bits
        hashes = self.hashes[place]
        at = bisect_left(hashes, wanted)
        return place, at if at < len(hashes) and hashes[at] == wanted else -1

    def _number_of(self, numbers: ListNumbers) -> int:
        number = self._numbers.setdefault(numbers, len(self._sets))
        if number == len(self._sets):
            self._sets.append(numbers)
        return number

    def _merge(self, by_list: dict[int, array[int]]) -> tuple[array[int], array[int]]:
        """One range's hashes, ascending and each once, with the number of its set."""
        if len(by_list) == 1:
            ((number, run),) = by_list.items()
            ordered = sorted(run)
            if any(map(eq, ordered, islice(ordered, 1, None))):
                ordered = list(dict.fromkeys(ordered))
            return array("Q", ordered), array("I", [self._number_of((number,))]) * len(ordered)
        found: dict[int, int] = {}
        for number, run in by_list.items():
            fresh = dict.fromkeys(run, self._number_of((number,)))
            again = {wanted: found[wanted] for wanted in found.keys() & fresh.keys()}
            found |= fresh
            for wanted, before in again.items():
                found[wanted] = self._number_of((*self._sets[before], number))
        ordered = sorted(found)
        return array("Q", ordered), array("I", map(found.__getitem__, ordered))
