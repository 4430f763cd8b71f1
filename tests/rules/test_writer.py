"""Packs are the same bytes for the same entries, and a failed write leaves the old pack whole."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import layout, writer
from rules.errors import PackError
from rules.index import Index, Pair
from rules.plain import PlainHosts, plain_hosts
from rules.writer import PackWriter, Written, write_atomically

PAIRS: list[Pair] = [("drugs", "one"), ("gambling", "two")]
HOST = st.lists(st.sampled_from(["a", "b", "c", "www"]), min_size=2, max_size=4).map(".".join)
ENTRIES = st.lists(st.tuples(HOST, st.integers(0, 1)), max_size=60)


def _write(path: Path, entries: list[tuple[str, int]]) -> Written:
    with PackWriter(PAIRS, path.parent) as pack:
        for name, number in entries:
            pack.add(name, number)
        return pack.write(path)


def _plain(*names: str) -> PlainHosts:
    plain = plain_hosts([name.encode() for name in names])
    assert plain is not None
    return plain


def test_the_same_entries_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    entries = [(f"n{number}.example", number % 2) for number in range(500)]
    _write(tmp_path / "a.pack", entries)
    _write(tmp_path / "b.pack", entries[::-1])
    assert (tmp_path / "a.pack").read_bytes() == (tmp_path / "b.pack").read_bytes()


@settings(max_examples=60, deadline=None)
@given(ENTRIES, st.randoms(use_true_random=False), st.integers(1, 9))
def test_order_repetition_and_the_number_held_never_change_a_byte(
    entries: list[tuple[str, int]], chance: random.Random, held_names: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        first = Path(folder) / "first.pack"
        _write(first, entries)
        patch.setattr(writer, "_HELD_NAMES", held_names)
        again = [*entries]
        chance.shuffle(again)
        second = Path(folder) / "second.pack"
        _write(second, again)
        assert second.read_bytes() == first.read_bytes()


def test_names_added_together_are_written_as_those_added_one_by_one(tmp_path: Path) -> None:
    names = [f"n{number}.{'a.' * (number % 3)}example" for number in range(300)]
    _write(tmp_path / "a.pack", [(name, 1) for name in names])
    with PackWriter(PAIRS, tmp_path) as together:
        together.add_plain(_plain(*names), 1)
        together.write(tmp_path / "b.pack")
    assert (tmp_path / "a.pack").read_bytes() == (tmp_path / "b.pack").read_bytes()


def test_what_became_of_each_entry_is_counted(tmp_path: Path) -> None:
    written = _write(
        tmp_path / "a.pack",
        [
            ("a.example", 0),
            ("a.example", 0),
            ("a.example", 1),
            ("b.a.example", 0),
            ("b.a.example", 0),
            ("c.example", 1),
        ],
    )
    assert (written.entries, written.merged, written.covered) == (2, 3, 1)
    assert written.by_list == (1, 2)
    assert written.shared == {(0, 1): 1}


def test_a_parent_covers_only_within_its_own_list(tmp_path: Path) -> None:
    assert _write(tmp_path / "a.pack", [("a.example", 0), ("b.a.example", 1)]).covered == 0
    index = Index.open(tmp_path / "a.pack")
    assert [entry for entry, _ in index.find_host("b.a.example")] == ["b.a.example", "a.example"]
    index.close()


def test_a_pack_holds_the_names_of_its_entries_where_it_is_asked_to(tmp_path: Path) -> None:
    with PackWriter(PAIRS, tmp_path, named=True) as pack:
        for name in ("a.example", "b.a.example", "c.example", "linux:org.example.App"):
            pack.add(name, 0)
        assert pack.write(tmp_path / "a.pack").covered == 1
    index = Index.open(tmp_path / "a.pack")
    assert sorted(index.names) == ["a.example", "c.example", "linux:org.example.App"]
    index.close()


def test_two_names_with_one_hash_are_refused_where_names_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "name_hash", len)
    with PackWriter(PAIRS, tmp_path, named=True) as pack:
        pack.add_plain(_plain("a.example", "b.example"), 0)
        with pytest.raises(PackError, match=r"^b\.example and a\.example have the same hash: leave one of them out$"):
            pack.write(tmp_path / "a.pack")
    assert list(tmp_path.iterdir()) == []


def test_a_pack_that_holds_names_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_NAMED", 2)
    with PackWriter(PAIRS, tmp_path, named=True) as pack:
        pack.add_plain(_plain("a.example", "b.example", "c.example"), 0)
        with pytest.raises(PackError, match="more than 2 entries in a pack that holds their names"):
            pack.write(tmp_path / "a.pack")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, [b"old"])

    class Failing(list[bytes]):
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield b"new"
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_atomically(path, Failing())
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
