"""Packs are the same bytes for the same entries, and a failed write leaves the old pack whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.index import Index
from rules.writer import PackWriter, Written, write_atomically


def _write(path: Path, entries: list[tuple[str, int]]) -> Written:
    with PackWriter([("drugs", "one"), ("gambling", "two")], path.parent) as writer:
        for name, number in entries:
            writer.add(name, number)
        return writer.write(path)


def test_the_same_entries_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    entries = [(f"n{number}.example", number % 2) for number in range(500)]
    _write(tmp_path / "a.pack", entries)
    _write(tmp_path / "b.pack", entries[::-1])
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
