"""A delta gives the next file back exactly, is small for packs, and is refused in one line where it is not sound."""

from __future__ import annotations

import random
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import delta
from rules.errors import PackError
from rules.writer import PackWriter

SOME = b"".join(struct.pack("<Q", number * 0x9E3779B97F4A7C15 % 2**64) for number in range(600))


def changed(old: bytes, new: bytes) -> bytes:
    return b"".join(delta.apply(old, delta.make(old, new)))


def repacked(steps: list[tuple[int, int, int]], changes: bytes, added: bytes, old: int, new: int) -> bytes:
    """A delta with a right checksum, whatever it says."""
    told = b"".join(struct.pack("<qQQ", *step) for step in steps)
    streams = [zlib.compress(stream) for stream in (told, changes, added)]
    body = b"".join(streams)
    lengths = [len(stream) for stream in streams]
    return delta._header.pack(delta.MAGIC, old, new, *lengths, delta._checksum(body)) + body


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_any_file_comes_of_any_other(old, new):
    assert changed(old, new) == new


edits = st.lists(st.tuples(st.integers(0, 4800), st.integers(0, 90), st.binary(max_size=40)), max_size=12)


@given(edits)
def test_a_file_that_was_edited_comes_back_byte_for_byte(made):
    new = bytearray(SOME)
    for at, gone, put in made:
        new[at : at + gone] = put
    assert changed(SOME, bytes(new)) == bytes(new)
    assert changed(bytes(new), SOME) == SOME


def test_what_stayed_is_not_sent_again_even_where_it_moved():
    far = bytes(9000) + SOME
    for new in (SOME, SOME[:800] + b"12345678" + SOME[800:], SOME[:800] + SOME[808:], b"x" * 700 + SOME, far):
        made = delta.make(SOME, new)
        assert b"".join(delta.apply(SOME, made)) == new
        assert len(made) < 400


def pack(names: list[str], path: Path) -> bytes:
    with PackWriter([("gambling", "one"), ("games", "two")], path.parent) as writer:
        for at, name in enumerate(names):
            writer.add(name, 1 if at % 7 == 0 else 0)
        writer.write(path)
    return path.read_bytes()


@pytest.mark.parametrize("more", [0, 400, -400])
def test_a_pack_of_which_a_hundredth_changed_is_sent_in_a_tenth(tmp_path, more):
    chance = random.Random(5)
    names = [f"{chance.randrange(16**9):09x}-{at}.example" for at in range(60_000)]
    put = [f"{chance.randrange(16**9):09x}-{at}.more.example" for at in range(600 + more)]
    old = pack(names, tmp_path / "old.pack")
    new = pack(names[600:] + put, tmp_path / "new.pack")
    made = delta.make(old, new)
    assert b"".join(delta.apply(old, made)) == new
    assert len(made) <= len(new) / 10


def test_applying_takes_little_memory_and_gives_small_pieces():
    old = random.Random(1).randbytes(3_000_000)
    new = old[:1_000_000] + b"more" + old[1_000_500:]
    made = delta.make(old, new)
    tracemalloc.start()
    try:
        assert max(len(piece) for piece in delta.apply(old, made)) <= 64 * 1024
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_delta_is_refused_where_a_byte_is_missing_or_changed_and_for_another_file():
    made = delta.make(SOME, SOME[:500] + b"new" + SOME[700:])
    for at in range(len(made)):
        for wrong in (made[:at], made[:at] + bytes([made[at] ^ 1]) + made[at + 1 :]):
            with pytest.raises(PackError) as refused:
                list(delta.apply(SOME, wrong))
            assert "\n" not in str(refused.value)
    with pytest.raises(PackError, match="for another file"):
        list(delta.apply(SOME[:-1], made))
    with pytest.raises(PackError, match="checksum"):
        list(delta.apply(SOME, made + b"more"))


@pytest.mark.parametrize(
    ("steps", "changes", "added", "reason"),
    [
        ([(-1, 5, 0)], bytes(5), b"", "leaves the file"),
        ([(0, 11, 0)], bytes(11), b"", "leaves the file"),
        ([(2**62, 5, 0)], bytes(5), b"", "leaves the file"),
        ([(0, 2**64 - 1, 1)], bytes(5), b"", "leaves the file"),
        ([(0, 5, 2**63)], bytes(5), b"more", "leaves the file"),
        ([(0, 0, 0)], b"", b"", "leaves the file"),
        ([], b"", b"", "ends too early"),
        ([(0, 5, 0)], bytes(4), b"", "ends too early"),
        ([(0, 2, 3)], bytes(2), b"12", "ends too early"),
        ([(0, 5, 0), (0, 5, 0)], bytes(5), b"", "goes on after its end"),
        ([(0, 5, 0)], bytes(6), b"", "goes on after its end"),
        ([(0, 5, 0)], bytes(5), b"more", "goes on after its end"),
    ],
)
def test_a_delta_that_was_made_to_mislead_is_refused(steps, changes, added, reason):
    with pytest.raises(PackError, match=reason):
        list(delta.apply(bytes(10), repacked(steps, changes, added, 10, 5)))


def test_a_small_delta_that_unpacks_to_gigabytes_gives_no_more_than_it_says():
    made = repacked([(0, 5, 0)], bytes(50_000_000), b"", 10, 5)
    tracemalloc.start()
    try:
        with pytest.raises(PackError, match="goes on after its end"):
            list(delta.apply(bytes(10), made))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_stream_that_is_not_deflated_is_refused():
    body = b"not deflated"
    made = delta._header.pack(delta.MAGIC, 10, 5, len(body), 0, 0, delta._checksum(body)) + body
    with pytest.raises(PackError, match="can't be unpacked"):
        list(delta.apply(bytes(10), made))
