"""Lists are read in bounded memory, and a damaged or boundless file is refused or skipped, never a crash."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from rules import reading
from rules.errors import ListError
from rules.reading import MAX_LINE_BYTES, is_archive, member_names, read_lines, read_members


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


def test_what_is_packed_far_too_well_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(b"\0" * 40_000_000)
    assert len(bomb) < 60_000
    with pytest.raises(ListError, match="unpacks to more than 150 times its size"):
        list(read_lines(_file(tmp_path, bomb)))


def test_a_bomb_in_an_archive_is_refused_too(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        info = tarfile.TarInfo("adult/domains")
        info.size = 40_000_000
        archive.addfile(info, io.BytesIO(b"\n" * info.size))
    with pytest.raises(ListError, match="unpacks to more than 150 times its size"):
        member_names(_file(tmp_path, packed.getvalue()))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04rest", "a zip archive; unpack it first"),
        (b"\xff\xfea\0.\0", "UTF-16 text; save it as UTF-8"),
        (b"SQLite format 3\0", "a database"),
        (b"\x7fELF\2\1", "a program"),
        (b"FWRULES\n\1", "a compiled pack"),
        (b"\xfd7zXZ\0", "only gzip is read"),
    ],
)
def test_a_file_that_is_something_else_is_refused_by_what_it_is(content: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(ListError, match=says):
        list(read_lines(_file(tmp_path, content)))


def test_an_archive_gives_the_lines_of_each_file_and_is_refused_where_it_is_cut(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in (("a/domains", b"one\ntwo"), ("b/domains", b"three\n")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    path = _file(tmp_path, packed.getvalue())
    assert is_archive(path)
    assert [(name, list(lines)) for name, lines in read_members(path)] == [
        ("a/domains", [b"one", b"two"]),
        ("b/domains", [b"three"]),
    ]
    for length in range(20, len(packed.getvalue()) - 1, 13):
        cut = _file(tmp_path, packed.getvalue()[:length])
        with pytest.raises(ListError, match="cut short"):
            member_names(cut)


def test_a_changed_byte_behind_the_last_file_of_a_packed_archive_is_found(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    damaged = bytearray(packed.getvalue())
    damaged[-6] ^= 1  # gzip's own checksum
    with pytest.raises(ListError, match="damaged"):
        member_names(_file(tmp_path, bytes(damaged)))


def test_how_far_reading_is_goes_up_to_the_whole_file(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = _file(tmp_path, b"a.example\n" * 100_000)
    for _ in read_lines(path, lambda done, size: told.append((done, size))):
        pass
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (1_000_000, 1_000_000)
