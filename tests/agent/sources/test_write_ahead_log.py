"""Logs that SQLite wrote, in every state that a reader may meet them: what counts is what SQLite itself sees."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.sources.live_database import LiveDatabase, available, connected
from agent.sources.write_ahead_log import WriteAheadLog, checksum

pytestmark = pytest.mark.skipif(not available(), reason="this Python's SQLite takes no file system of ours")
FRAME = 24


def plain_checksum(content, sums, *, swapped):
    first, second = sums
    words = struct.unpack(f"{'>' if swapped else '<'}{len(content) // 4}I", content)
    for x, y in zip(words[::2], words[1::2], strict=True):
        first = (first + x + second) & 0xFFFFFFFF
        second = (second + y + first) & 0xFFFFFFFF
    return first, second


def content_of(connection):
    try:
        return connection.execute("SELECT id, word, sum(length(word)) OVER () FROM t ORDER BY id").fetchall()
    except sqlite3.DatabaseError as error:
        return type(error)


@contextmanager
def opened(file: Path, known: WriteAheadLog):
    main, log = os.open(file, os.O_RDONLY), os.open(f"{file}-wal", os.O_RDONLY)
    try:
        known.follow(log)
        with connected(LiveDatabase(main, log, known)) as connection:
            yield connection
    finally:
        os.close(main)
        os.close(log)


def ours(file: Path, known: WriteAheadLog | None = None):
    with opened(file, WriteAheadLog() if known is None else known) as connection:
        return content_of(connection)


def theirs(file: Path):
    """What SQLite sees on a copy of the pair, in whatever state it is."""
    folder = file.parent / "copied"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for side in ("", "-wal"):
        shutil.copy(f"{file}{side}", folder / f"db{side}")
    with closing(sqlite3.connect(folder / "db")) as connection:
        return content_of(connection)


class Writer:
    """A database with a log that is folded in only when told to."""

    def __init__(self, folder: Path, page_bytes: int = 4096):
        self.file = folder / "db"
        self.log = folder / "db-wal"
        self.connection = sqlite3.connect(self.file, isolation_level=None)
        self.sql(f"PRAGMA page_size={page_bytes}")
        self.sql("PRAGMA journal_mode=WAL")
        self.sql("PRAGMA wal_autocheckpoint=0")
        self.sql("PRAGMA synchronous=OFF")
        self.sql("CREATE TABLE t(id INTEGER PRIMARY KEY, word TEXT)")
        self.sql("CREATE INDEX t_word ON t(word)")

    def sql(self, query, *values):
        return self.connection.execute(query, values).fetchall()

    def add(self, count=1, length=50):
        self.sql("BEGIN")
        for _ in range(count):
            self.sql("INSERT INTO t(word) VALUES (hex(randomblob(?)))", length)
        self.sql("COMMIT")


@pytest.fixture
def writer(tmp_path):
    made = []

    def make(page_bytes=4096, name="made"):
        (tmp_path / name).mkdir(exist_ok=True)
        made.append(Writer(tmp_path / name, page_bytes))
        return made[-1]

    yield make
    for one in made:
        one.connection.close()


def frozen(writer: Writer, folder: Path) -> Path:
    """The pair as it lies now, to be damaged."""
    folder.mkdir()
    for side in ("", "-wal"):
        shutil.copy(f"{writer.file}{side}", folder / f"db{side}")
    return folder / "db"


@given(
    content=st.integers(1, 700).flatmap(lambda pairs: st.binary(min_size=8 * pairs, max_size=8 * pairs)),
    sums=st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF)),
    swapped=st.booleans(),
)
def test_the_checksum_summed_side_by_side_is_the_one_summed_in_a_row(content, sums, swapped):
    assert checksum(content, sums, swapped=swapped) == plain_checksum(content, sums, swapped=swapped)


@pytest.mark.parametrize("page_bytes", [512, 1024, 4096, 8192, 32768, 65536])
def test_the_checksum_never_runs_over_at_any_page_size(page_bytes):
    for content in (b"\xff" * page_bytes, os.urandom(page_bytes)):
        sums = (0xFFFFFFFF, 0xFFFFFFFF)
        assert checksum(content, sums, swapped=False) == plain_checksum(content, sums, swapped=False)


@pytest.mark.parametrize("page_bytes", [512, 1024, 4096, 32768, 65536])
def test_a_log_of_any_page_size_gives_what_sqlite_sees(writer, page_bytes):
    made, known = writer(page_bytes), WriteAheadLog()
    for count in (1, 30, 3):
        made.add(count, 300)
        expected = theirs(made.file)
        assert len(expected) > 0
        assert ours(made.file) == ours(made.file, known) == expected


def test_a_database_that_lies_in_its_log_alone_is_read(writer):
    made = writer()
    made.add(20)
    assert len(ours(made.file)) == 20
    with opened(made.file, WriteAheadLog()) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA page_count").fetchall() == made.sql("PRAGMA page_count")


def test_a_log_folded_in_wholly_partly_and_begun_anew_gives_what_sqlite_sees(writer):
    made, known = writer(), WriteAheadLog()
    made.add(50, 400)
    with closing(sqlite3.connect(made.file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchone()
        made.add(50, 400)
        _, frames, folded = made.sql("PRAGMA wal_checkpoint(PASSIVE)")[0]
        assert 0 < folded < frames
        assert ours(made.file, known) == ours(made.file) == theirs(made.file)
        reader.execute("COMMIT")
    made.sql("PRAGMA wal_checkpoint(FULL)")
    assert ours(made.file, known) == ours(made.file) == theirs(made.file)
    salts = made.log.read_bytes()[16:24]
    made.add(2)
    assert made.log.read_bytes()[16:24] != salts
    assert len(ours(made.file, known)) == len(ours(made.file)) == 102
    assert ours(made.file, known) == theirs(made.file)
    made.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert made.log.stat().st_size == 0
    assert ours(made.file, known) == ours(made.file) == theirs(made.file)


def test_what_is_not_committed_and_what_was_taken_back_are_not_seen(writer):
    made, known = writer(512), WriteAheadLog()
    made.add(3)
    made.sql("PRAGMA cache_size=2")
    size = made.log.stat().st_size
    made.sql("BEGIN")
    for _ in range(100):
        made.sql("INSERT INTO t(word) VALUES (hex(randomblob(200)))")
    assert made.log.stat().st_size > size  # written before it was committed
    assert len(ours(made.file, known)) == len(ours(made.file)) == 3
    made.sql("ROLLBACK")
    made.add(1)
    assert ours(made.file, known) == ours(made.file) == theirs(made.file)
    assert len(ours(made.file, known)) == 4


@pytest.mark.parametrize("first_look", [True, False])
def test_a_tail_torn_anywhere_is_left_out_until_it_is_whole(writer, tmp_path, first_look):
    made = writer(512)
    made.add(2)
    start = made.log.stat().st_size
    made.add(2, 400)
    whole = made.log.read_bytes()
    file = frozen(made, tmp_path / "torn")
    log = Path(f"{file}-wal")
    seen = set()
    for end in sorted({*range(start, len(whole), 251), *range(len(whole) - 40, len(whole) + 1)}):
        known = WriteAheadLog()
        if not first_look:
            log.write_bytes(whole[:start])
            ours(file, known)
        # As a writer tears it: the file cut short, or long enough already and the rest of an earlier round behind.
        for content in (whole[:end], whole[:end] + b"\x5a" * (len(whole) - end)):
            log.write_bytes(content)
            found = ours(file, known)
            assert found == theirs(file)
            seen.add(len(found))
    assert seen == {2, 4}


def test_a_damaged_frame_in_the_middle_ends_the_log_as_it_does_for_sqlite(writer, tmp_path):
    made = writer(1024)
    for _ in range(6):
        made.add(1, 300)
    file = frozen(made, tmp_path / "damaged")
    log = Path(f"{file}-wal")
    whole = log.read_bytes()
    counts = set()
    for at in range(32, len(whole), 511):
        log.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        found = ours(file)
        assert found == theirs(file)
        counts.add(len(found) if isinstance(found, list) else found)
    assert len(counts) > 4


def test_a_damaged_header_empties_the_log_as_it_does_for_sqlite(writer, tmp_path):
    made = writer()
    made.add(4)
    made.sql("PRAGMA wal_checkpoint(FULL)")
    made.add(4)
    file = frozen(made, tmp_path / "damaged")
    log = Path(f"{file}-wal")
    whole = log.read_bytes()
    for at in range(32):
        log.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert ours(file) == theirs(file)
        assert len(ours(file)) == 4
    log.write_bytes(whole)
    assert len(ours(file)) == 8


def test_a_log_with_big_endian_checksums_is_read(writer, tmp_path):
    made = writer(1024)
    made.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    made.add(20, 200)
    file = frozen(made, tmp_path / "swapped")
    log = Path(f"{file}-wal")
    assert log.read_bytes()[:4] in (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
    for magic, swapped in ((0x377F0682, False), (0x377F0683, True)):
        log.write_bytes(rewritten(log.read_bytes(), magic, swapped=swapped))
        assert len(theirs(file)) == 20
        assert ours(file) == theirs(file)


def rewritten(log: bytes, magic: int, *, swapped: bool) -> bytes:
    """The same log with checksums of the other byte order."""
    page_bytes = struct.unpack_from(">I", log, 8)[0]
    header = struct.pack(">I", magic) + log[4:24]
    sums = plain_checksum(header, (0, 0), swapped=swapped)
    parts = [header, struct.pack(">2I", *sums)]
    for at in range(32, len(log), FRAME + page_bytes):
        page = log[at + FRAME : at + FRAME + page_bytes]
        sums = plain_checksum(log[at : at + 8], sums, swapped=swapped)
        sums = plain_checksum(page, sums, swapped=swapped)
        parts += [log[at : at + 16], struct.pack(">2I", *sums), page]
    return b"".join(parts)


def test_leavings_of_a_power_cut_behind_the_end_are_not_taken_for_new_frames(writer, tmp_path):
    made = writer(512)
    made.add(1)
    end = made.log.stat().st_size
    for _ in range(5):
        made.add(1, 400)
    file = frozen(made, tmp_path / "cut")
    log = Path(f"{file}-wal")
    whole = log.read_bytes()
    # One page did not reach the disk, those after it did.
    log.write_bytes(whole[: end + 100] + b"\0" * 400 + whole[end + 500 :])
    known = WriteAheadLog()
    assert len(ours(file, known)) == 1
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("INSERT INTO t(word) VALUES ('a')")
        assert log.read_bytes()[-200:] == whole[-200:]
        for _ in range(3):
            assert ours(file, known) == ours(file) == theirs(file)
            connection.execute("INSERT INTO t(word) VALUES ('b')")


def test_a_log_put_back_from_elsewhere_with_the_same_header_is_read_anew(writer, tmp_path):
    made, known = writer(), WriteAheadLog()
    made.add(1)
    file = frozen(made, tmp_path / "kept")
    made.add(3)
    assert len(ours(made.file, known)) == 4
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA wal_autocheckpoint=0")
        for _ in range(5):
            other.execute("INSERT INTO t(word) VALUES ('other')")
        shutil.copy(f"{file}-wal", made.log)
        assert ours(made.file, known) == theirs(file)
        assert len(ours(made.file, known)) == 6
    made.log.write_bytes(b"")  # what its writer knows of it is no longer true


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 12), st.sampled_from([3, 200, 1500])),
        st.tuples(st.just("change"), st.integers(1, 30), st.just(0)),
        st.tuples(st.just("delete"), st.integers(2, 4), st.just(0)),
        st.tuples(st.just("fold"), st.sampled_from(["PASSIVE", "FULL", "RESTART", "TRUNCATE"]), st.just(0)),
        st.tuples(st.just("spill"), st.integers(1, 40), st.just(0)),
        st.tuples(st.just("vacuum"), st.just(0), st.just(0)),
        st.tuples(st.just("look"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(page_bytes=st.sampled_from([512, 1024, 4096, 32768]), steps=STEPS)
def test_whatever_was_written_and_folded_in_we_see_what_sqlite_sees(tmp_path_factory, page_bytes, steps):
    made, known = Writer(tmp_path_factory.mktemp("any"), page_bytes), WriteAheadLog()
    with closing(made.connection):
        made.sql("PRAGMA cache_size=2")
        for step, number, length in steps:
            if step == "add":
                made.add(number, length)
            elif step == "change":
                made.sql("UPDATE t SET word = hex(randomblob(90)) WHERE id = ?", number)
            elif step == "delete":
                made.sql("DELETE FROM t WHERE id % ? = 0", number)
            elif step == "fold":
                made.sql(f"PRAGMA wal_checkpoint({number})")
            elif step == "vacuum":
                made.sql("VACUUM")
            elif step == "spill":
                made.sql("BEGIN")
                for _ in range(number):
                    made.sql("INSERT INTO t(word) VALUES (hex(randomblob(300)))")
                assert ours(made.file, known) == theirs(made.file)
                made.sql("ROLLBACK")
            else:
                assert ours(made.file, known) == theirs(made.file)
        assert ours(made.file, known) == ours(made.file) == theirs(made.file)
