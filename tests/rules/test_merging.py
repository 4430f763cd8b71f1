"""Runs become one ascending row, each hash once with all its lists, and what is dropped leaves no trace."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import layout
from rules.merging import GatheredHashes, MergedHashes

HASH = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 1]))
RUNS = st.lists(st.tuples(st.integers(0, 3), st.lists(HASH, max_size=20)), max_size=8)


def _merged(runs: list[tuple[int, list[int]]]) -> MergedHashes:
    """What comes of these, each (list number, hashes), gathered one after another; each name is its hash in hex."""
    gathered = GatheredHashes()
    for number, hashes in runs:
        gathered.add({number: [b"%x" % wanted for wanted in hashes]})
    return MergedHashes(gathered, 4)


@pytest.fixture(autouse=True)
def _names_that_are_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "name_hash", lambda name: int(name, 16))


def _expected(runs: list[tuple[int, list[int]]]) -> dict[int, tuple[int, ...]]:
    lists: dict[int, set[int]] = {}
    for number, hashes in runs:
        for wanted in hashes:
            lists.setdefault(wanted, set()).add(number)
    return {wanted: tuple(sorted(numbers)) for wanted, numbers in sorted(lists.items())}


def _settled(merged: MergedHashes) -> dict[int, tuple[int, ...]]:
    sets = list(merged.settle())
    hashes = [wanted for hashes in merged.hashes for wanted in hashes.tolist()]
    assert hashes == sorted(set(hashes))
    assert merged.entries == len(hashes)
    return dict(zip(hashes, (sets[number] for ids in merged.ids for number in ids), strict=True))


@settings(max_examples=100, deadline=None)
@given(RUNS)
def test_runs_become_each_hash_once_with_all_its_lists(runs: list[tuple[int, list[int]]]) -> None:
    assert _settled(_merged(runs)) == _expected(runs)


@settings(max_examples=100, deadline=None)
@given(RUNS, st.data())
def test_what_is_dropped_is_gone_from_that_list_alone(runs: list[tuple[int, list[int]]], data: st.DataObject) -> None:
    expected = _expected(runs)
    held = [(wanted, number) for wanted, numbers in expected.items() for number in numbers]
    dropped = data.draw(st.sets(st.sampled_from(held))) if held else set()
    merged = _merged(runs)
    for wanted, number in dropped:
        assert merged.drop(wanted, number)
        assert not merged.holds(wanted, number)
        assert not merged.drop(wanted, number)
    left = {
        wanted: tuple(number for number in numbers if (wanted, number) not in dropped)
        for wanted, numbers in expected.items()
    }
    assert _settled(merged) == {wanted: numbers for wanted, numbers in left.items() if numbers}


@settings(max_examples=100, deadline=None)
@given(RUNS, st.sampled_from([1, 8, 12]))
def test_the_table_says_where_each_prefix_begins(runs: list[tuple[int, list[int]]], prefix_bits: int) -> None:
    merged = _merged(runs)
    hashes = sorted(_expected(runs))
    table = merged.table(prefix_bits)
    assert len(table) == (1 << prefix_bits) + 1
    for prefix in {0, 1, (1 << prefix_bits) - 1, *(wanted >> 64 - prefix_bits for wanted in hashes)}:
        assert [wanted for wanted in hashes if wanted >> 64 - prefix_bits == prefix] == hashes[
            table[prefix] : table[prefix + 1]
        ]


def test_sets_of_one_list_come_first_in_the_lists_order() -> None:
    merged = _merged([(2, [5, 6]), (0, [6, 7]), (1, [6, 8])])
    assert merged.settle() == {(0,): 1, (1,): 1, (2,): 1, (0, 1, 2): 1}
