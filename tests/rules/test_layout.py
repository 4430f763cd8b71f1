"""The header says exactly what was written, and another version is refused by its number."""

from __future__ import annotations

import struct

import msgspec
import pytest

from rules import layout
from rules.errors import PackError
from rules.layout import HEADER_BYTES, Layout, checksum, read_header

MADE = Layout(
    id_bytes=1, prefix_bits=4, entries=10, labels_bytes=20, filter_bits=128, front=b"f" * 16, body=b"b" * 16
)  # fmt: skip


def _resealed(header: bytes, at: int, value: bytes) -> bytes:
    changed = header[:at] + value + header[at + len(value) : -16]
    return changed + checksum(changed)


def test_a_header_is_read_as_it_was_written() -> None:
    assert len(MADE.to_bytes()) == HEADER_BYTES
    assert read_header(MADE.to_bytes()) == MADE


def test_every_section_begins_at_a_multiple_of_eight() -> None:
    for labels_bytes in range(20):
        made = msgspec.structs.replace(MADE, labels_bytes=labels_bytes)
        assert {made.table_at % 8, made.filter_at % 8, made.hashes_at % 8, made.ids_at % 8, made.length % 8} == {0}


def test_another_version_is_refused_by_its_number() -> None:
    for version, advice in ((2, "build it anew"), (4, "update Fairwatch")):
        with pytest.raises(PackError, match=rf"version {version}, this Fairwatch reads version 3: {advice}$"):
            read_header(_resealed(MADE.to_bytes(), 8, struct.pack("<H", version)))


def test_a_header_that_contradicts_itself_is_refused_though_its_checksum_is_right() -> None:
    for at, value in ((10, b"\3"), (11, b"\x40"), (16, struct.pack("<Q", 11)), (16, struct.pack("<Q", 2**40))):
        with pytest.raises(PackError, match="contradicts itself"):
            read_header(_resealed(MADE.to_bytes(), at, value))


def test_the_hash_of_a_name_never_changes() -> None:
    assert layout.name_hash(b"example.com") == 0x8B66107E8045BB73
