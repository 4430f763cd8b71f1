"""The index answers exactly as a plain dict would, and refuses a damaged pack with one clear line."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import index as index_module
from rules import layout
from rules.errors import PackError
from rules.hosts import suffixes
from rules.index import Index, Pair
from rules.layout import HEADER_BYTES
from rules.writer import PackWriter

PAIRS: list[Pair] = [("drugs", "first"), ("drugs", "second"), ("gambling", "third")]
LABEL = st.sampled_from(["a", "b", "c", "www", "x1", "shop", "xn--bcher-kva"])
HOST = st.lists(LABEL, min_size=2, max_size=5).map(".".join)
ENTRIES = st.lists(st.tuples(HOST, st.integers(0, len(PAIRS) - 1)), max_size=60)


def _write(path: Path, entries: list[tuple[str, int]], pairs: list[Pair] = PAIRS, *, named: bool = False) -> None:
    with PackWriter(pairs, path.parent, named=named) as writer:
        for name, number in entries:
            writer.add(name, number)
        writer.write(path)


def _reference(entries: list[tuple[str, int]], host: str) -> set[tuple[str, Pair]]:
    """What each list says of a host, where a parent in the same list speaks for what is below it."""
    held = set(entries)
    found = set()
    for number, pair in enumerate(PAIRS):
        covering = [suffix for suffix in suffixes(host) if (suffix, number) in held]
        if covering:
            found.add((covering[-1], pair))
    return found


def _answer(index: Index, host: str) -> set[tuple[str, Pair]]:
    return {(entry, pair) for entry, set_id in index.find_host(host) for pair in index.pairs(set_id)}


@settings(max_examples=120, deadline=None)
@given(ENTRIES, st.lists(HOST, max_size=20))
def test_the_index_answers_as_a_plain_reference_does(entries: list[tuple[str, int]], hosts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pack = Path(folder) / "made.pack"
        _write(pack, entries)
        index = Index.open(pack)
        for host in [*hosts, *(name for name, _ in entries), *(f"sub.{name}" for name, _ in entries)]:
            assert _answer(index, host) == _reference(entries, host)
        index.verify()
        index.close()
        pack.rename(pack.with_name("moved.pack"))
        again = Index.open(pack.with_name("moved.pack"))
        for host in hosts:
            assert _answer(again, host) == _reference(entries, host)
        again.close()


@settings(max_examples=60, deadline=None)
@given(ENTRIES, st.lists(HOST, max_size=20))
def test_a_pack_that_holds_its_names_answers_as_one_that_does_not(
    entries: list[tuple[str, int]], hosts: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pack = Path(folder) / "made.pack"
        _write(pack, entries, named=True)
        index = Index.open(pack)
        assert len(index.names) == index.entries
        for host in [*hosts, *(name for name, _ in entries)]:
            assert _answer(index, host) == _reference(entries, host)
        for name in index.names:
            assert [entry for entry, _ in index.find_app(name)] == [name]
        index.close()


@settings(max_examples=60, deadline=None)
@given(ENTRIES, st.text("abcwx1.-", max_size=12), HOST)
def test_an_entry_matches_on_label_boundaries_only(entries: list[tuple[str, int]], before: str, host: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pack = Path(folder) / "made.pack"
        _write(pack, entries)
        index = Index.open(pack)
        for asked in (f"{before}{host}", f"{before}.{host}", f"{host}{before}", f"{host}.{before}"):
            assert _answer(index, asked) == _reference(entries, asked)
        index.close()


def test_the_index_answers_as_a_dict_for_many_entries_and_misses(tmp_path: Path) -> None:
    chance = random.Random(7)
    names = [f"n{chance.getrandbits(40):x}.example" for _ in range(20_000)]
    entries = [(name, number % len(PAIRS)) for number, name in enumerate(names)]
    _write(tmp_path / "many.pack", entries)
    index = Index.open(tmp_path / "many.pack")
    assert index.entries == len(set(names))
    for name, number in entries[::7]:
        assert (name, PAIRS[number]) in _answer(index, f"www.{name}")
    for _ in range(5_000):
        assert index.find_host(f"www.m{chance.getrandbits(40):x}.example") == []
    index.close()


def test_many_hashes_with_one_prefix_are_bisected_to_the_same_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"n{number}.example" for number in range(2_000)]
    _write(tmp_path / "many.pack", [(name, 0) for name in names])
    monkeypatch.setattr(index_module, "_COMPARED_SINGLY", 0)
    index = Index.open(tmp_path / "many.pack")
    assert all(index.find_host(f"www.{name}") for name in names)
    assert not any(index.find_host(f"www.m{number}.example") for number in range(20_000))
    index.close()


def _relabelled(pack: Path, old: bytes, new: bytes) -> None:
    """Change a pack's labels and make every checksum right again, as whoever signs a pack could."""
    whole = pack.read_bytes()
    header = layout.read_header(whole[:HEADER_BYTES])
    front = whole[HEADER_BYTES : header.filter_at].replace(old, new.ljust(len(old)))
    sealed = msgspec.structs.replace(header, front=layout.checksum(front))
    pack.write_bytes(sealed.to_bytes() + front + whole[header.filter_at :])


def test_a_name_with_the_hash_of_another_is_not_taken_for_it_where_names_are_held(tmp_path: Path) -> None:
    pack = tmp_path / "made.pack"
    _write(pack, [("a.example", 0)], named=True)
    _relabelled(pack, b"a.example", b"b.example")  # the same as if a.example had been chosen for b.example's hash
    index = Index.open(pack)
    index.verify()
    assert index.find_host("www.a.example") == []
    assert index.find_app("a.example") == []
    index.close()


def test_a_pack_that_names_only_some_of_its_entries_is_refused(tmp_path: Path) -> None:
    pack = tmp_path / "made.pack"
    _write(pack, [("a.example", 0), ("b.example", 0)], named=True)
    _relabelled(pack, b'"a.example",', b"")
    _relabelled(pack, b',"a.example"', b"")
    with pytest.raises(PackError, match=r"^made\.pack: the pack's labels do not name every entry$"):
        Index.open(pack)


def test_every_list_that_named_an_entry_is_kept_beyond_256_sets(tmp_path: Path) -> None:
    pairs: list[Pair] = [("drugs", f"list{number}") for number in range(300)]
    _write(tmp_path / "wide.pack", [(f"n{number}.example", number) for number in range(300)], pairs)
    index = Index.open(tmp_path / "wide.pack")
    for number in range(300):
        ((entry, set_id),) = index.find_host(f"n{number}.example")
        assert entry == f"n{number}.example"
        assert index.pairs(set_id) == (("drugs", f"list{number}"),)
    index.close()


def test_an_app_is_found_by_its_whole_identity_only(tmp_path: Path) -> None:
    _write(tmp_path / "apps.pack", [("linux:org.example.App", 0)])
    index = Index.open(tmp_path / "apps.pack")
    assert [entry for entry, _ in index.find_app("linux:org.example.App")] == ["linux:org.example.App"]
    assert index.find_app("linux:example.App") == []
    assert index.find_app("linux:sub.org.example.App") == []
    assert index.find_app("\ud800") == []
    index.close()


def test_an_empty_pack_holds_nothing(tmp_path: Path) -> None:
    _write(tmp_path / "empty.pack", [])
    index = Index.open(tmp_path / "empty.pack")
    index.verify()
    assert index.find_host("www.example.com") == []
    index.close()


def test_a_flipped_bit_anywhere_in_the_header_is_refused_at_open(tmp_path: Path) -> None:
    pack = tmp_path / "made.pack"
    _write(pack, [("a.example", 0), ("b.example", 1)])
    whole = pack.read_bytes()
    for at in range(HEADER_BYTES):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        pack.write_bytes(damaged)
        with pytest.raises(PackError, match=r"^made\.pack: ") as refused:
            Index.open(pack)
        assert "\n" not in str(refused.value)


def test_a_flipped_bit_anywhere_else_is_found_by_verify_and_crashes_no_lookup(tmp_path: Path) -> None:
    pack = tmp_path / "made.pack"
    names = [f"n{number}.example" for number in range(50)]
    _write(pack, [(name, number % 3) for number, name in enumerate(names)])
    whole = pack.read_bytes()
    for at in range(HEADER_BYTES, len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x80
        pack.write_bytes(damaged)
        try:
            index = Index.open(pack)
        except PackError:
            continue
        with pytest.raises(PackError, match="damaged"):
            index.verify()
        for name in names:
            try:
                _answer(index, name)
            except PackError as error:
                assert "damaged" in str(error)  # noqa: PT017 (both ways out are right)
        index.close()


@pytest.mark.parametrize("length", [0, 1, 7, 8, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 9])
def test_a_pack_cut_short_is_refused(length: int, tmp_path: Path) -> None:
    pack = tmp_path / "made.pack"
    _write(pack, [("a.example", 0)])
    pack.write_bytes(pack.read_bytes()[:length])
    with pytest.raises(PackError, match=r"^made\.pack: "):
        Index.open(pack)


def test_a_pack_with_more_behind_it_is_refused(tmp_path: Path) -> None:
    pack = tmp_path / "made.pack"
    _write(pack, [("a.example", 0)])
    pack.write_bytes(pack.read_bytes() + b"more")
    with pytest.raises(PackError, match="bytes long where its header says"):
        Index.open(pack)


def test_a_missing_pack_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"none\.pack: can't be read"):
        Index.open(tmp_path / "none.pack")
