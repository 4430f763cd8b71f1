"""An archive is walked through in bounded memory, and one that is cut short or reaches out of its folder is refused."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from collections.abc import Callable

import pytest

from rules import archives
from rules.archives import is_tar, walk
from rules.errors import ListError


def _tar(*files: tuple[str, bytes], tar_format: int = tarfile.USTAR_FORMAT, **kinds: tuple[bytes, str]) -> bytes:
    """An archive of plain files, and of other entries (name=(type, link))."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tar_format) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, (kind, link) in kinds.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            archive.addfile(info)
    return packed.getvalue()


def _read(content: bytes) -> dict[str, bytes]:
    found = {}
    for member in walk(io.BytesIO(content)):
        parts = []
        while part := member.read(100):
            parts.append(part)
        found[member.name] = b"".join(parts)
    return found


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_plain_file_is_read_whole_with_its_name(tar_format: int) -> None:
    long_name = "lists/" + "n" * 90 + "/" + "m" * 60 if tar_format != tarfile.USTAR_FORMAT else "lists/n"
    files = [("lists/adult/domains", b"a.example\n" * 300), (long_name, b""), ("lists/é", b"x" * 512)]
    packed = _tar(*files, tar_format=tar_format)
    assert is_tar(packed[:512])
    assert _read(packed) == dict(files)


def test_a_file_that_nobody_reads_is_passed_over() -> None:
    packed = _tar(("one", b"1" * 5000), ("two", b"2"))
    assert [member.name for member in walk(io.BytesIO(packed))] == ["one", "two"]


def test_folders_and_links_within_the_archive_are_passed_over() -> None:
    packed = _tar(("lists/a", b"x"), folder=(tarfile.DIRTYPE, ""), link=(tarfile.SYMTYPE, "lists/a"))
    assert list(_read(packed)) == ["lists/a"]


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../evil", "..\\evil", "c:\\evil", "a/./../../x"])
@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT])
def test_an_entry_that_leaves_its_folder_is_refused(name: str, tar_format: int) -> None:
    with pytest.raises(ListError, match="an entry that leaves its folder"):
        _read(_tar(("good", b"x"), (name, b"x"), tar_format=tar_format))


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "a/../../x"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_that_leaves_its_folder_is_refused(kind: bytes, target: str) -> None:
    with pytest.raises(ListError, match="a link that leaves its folder"):
        _read(_tar(("good", b"x"), link=(kind, target)))


def test_an_archive_cut_short_anywhere_is_refused() -> None:
    packed = _tar(("one", b"1" * 700), ("two", b"2" * 20))
    end = packed.index(b"\0" * 1024, 512 * 4)
    for length in range(0, end, 97):
        with pytest.raises(ListError, match="cut short"):
            _read(packed[:length])


def test_a_flipped_bit_in_a_header_is_refused_or_harms_nothing() -> None:
    packed = _tar(("one", b"1" * 700), ("two", b"2" * 20))
    for at in range(512):
        damaged = bytearray(packed)
        damaged[at] ^= 1
        try:
            assert set(_read(bytes(damaged))) == {"one", "two"}
        except ListError as refused:
            assert "\n" not in str(refused)  # noqa: PT017 (both ways out are right)


def _header(change: Callable[[tarfile.TarInfo], None]) -> bytes:
    info = tarfile.TarInfo("x")
    change(info)
    return info.tobuf(tarfile.GNU_FORMAT)


def test_a_header_that_claims_gigabytes_takes_no_memory() -> None:
    def long_name(info: tarfile.TarInfo) -> None:
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**33

    tracemalloc.start()
    with pytest.raises(ListError, match="an extended header of more than"):
        _read(_header(long_name) + bytes(2048))
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("record", [b"5", b"x a=b\n", b"99 path=a\n", b"0 path=a\n", b"9999999 path=x\n"])
def test_a_damaged_extended_header_is_refused(record: bytes) -> None:
    def pax(info: tarfile.TarInfo) -> None:
        info.type, info.size = tarfile.XHDTYPE, len(record)

    with pytest.raises(ListError, match="damaged"):
        _read(_header(pax) + record.ljust(512, b"\0") + bytes(1024))


def test_an_archive_of_endless_entries_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 50)
    with pytest.raises(ListError, match="more than 50 entries"):
        _read(_tar(*((f"n{number}", b"") for number in range(60))))


@pytest.mark.parametrize("content", [b"", b"a.example\n" * 60, bytes(512), b"\xff" * 512])
def test_what_is_no_archive_is_not_taken_for_one(content: bytes) -> None:
    assert not is_tar(content)
