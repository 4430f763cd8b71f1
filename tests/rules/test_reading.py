"""Lists are read in bounded memory, and a damaged or boundless file is refused or skipped, never a crash."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rules import reading
from rules.errors import ListError
from rules.reading import MAX_LINE_BYTES, read_lines


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "list"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_plain_and_gzip_give_the_same_lines(ending: bytes, tmp_path: Path) -> None:
    content = b"one\ntwo\n\nthree" + ending
    assert list(read_lines(_file(tmp_path, content))) == [b"one", b"two", b"", b"three"]
    assert list(read_lines(_file(tmp_path, gzip.compress(content)))) == [b"one", b"two", b"", b"three"]


def test_lines_that_cross_a_block_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_BLOCK_BYTES", 5)
    lines = [b"a" * length for length in range(20)]
    assert list(read_lines(_file(tmp_path, b"\n".join(lines)))) == lines


def test_a_line_without_end_is_skipped_in_little_memory(tmp_path: Path) -> None:
    content = b"before\n" + b"x" * 3_000_000 + b"\nafter\n"
    assert list(read_lines(_file(tmp_path, content))) == [b"before", None, b"after"]
    assert list(read_lines(_file(tmp_path, b"x" * 3_000_000))) == [None]


def test_a_line_at_the_limit_is_kept(tmp_path: Path) -> None:
    assert list(read_lines(_file(tmp_path, b"x" * MAX_LINE_BYTES))) == [b"x" * MAX_LINE_BYTES]
    assert list(read_lines(_file(tmp_path, b"x" * (MAX_LINE_BYTES + 1)))) == [None]


@pytest.mark.parametrize("change", [lambda packed: packed[:-9], lambda packed: packed[:30] + b"\0\0" + packed[32:]])
def test_a_damaged_gzip_file_is_refused(change, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    packed = gzip.compress(b"".join(b"n%d.example\n" % number for number in range(1000)))
    with pytest.raises(ListError, match="cut short or damaged"):
        list(read_lines(_file(tmp_path, change(packed))))


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_LIST_BYTES", 1_000_000)
    with pytest.raises(ListError, match="unpacks to more than 1000000 bytes"):
        list(read_lines(_file(tmp_path, gzip.compress(b"\n" * 2_000_000))))


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ListError, match="can't be read"):
            list(read_lines(path))
