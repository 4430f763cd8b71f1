"""The spool keeps what it promised through kill -9, power cuts, a full disk budget and a damaged file."""

# ruff: noqa: PT012 - a transaction that fails is several statements by nature

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.counters import COUNTER_BLOCK
from agent.errors import RecordTooLargeError, SpoolDamagedError, SpoolUnavailableError
from agent.spool import LEAST_MAX_BYTES, RECORD_MAX_BYTES, Spool
from protocol.messages import Loss, Parcel

KEY = bytes(range(32))
DEVICE = UUID("00000000-0000-4000-8000-000000000001")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALL = (1 << 40, 1 << 20)


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now

    def ahead(self, **by):
        self.now += timedelta(**by)


def open_spool(folder: Path, clock=None, **more) -> Spool:
    return Spool(folder / "spool.sqlite3", more.pop("key", KEY), device=DEVICE, clock=clock or Clock(), **more)


@contextmanager
def spool_in(folder: Path, clock=None, **more):
    spool = open_spool(folder, clock, **more)
    try:
        yield spool
    finally:
        spool.close()


def put(spool: Spool, text: str = "", kind="totals", size: int = 0, **more) -> UUID | None:
    def make(record, counter):
        return msgspec.json.encode({"text": text, "record": record, "counter": counter, "fill": "x" * size})

    return spool.put(kind, make, **more)


def texts(parcels: list[Parcel]) -> list[str]:
    return [json.loads(bytes(parcel.body)).get("text", "") for parcel in parcels]


def losses(parcels: list[Parcel]) -> list[Loss]:
    return [msgspec.json.decode(parcel.body, type=Loss) for parcel in parcels if parcel.kind == "loss"]


def disk_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if "damaged" not in file.name)


# --- order, times, replacing ----------------------------------------------------------------------------------------


def test_urgent_alerts_go_before_routine_ones_and_both_before_totals(tmp_path):
    with spool_in(tmp_path) as spool:
        put(spool, "total")
        put(spool, "health", "heartbeat")
        put(spool, "routine 1", "alert")
        put(spool, "urgent 1", "alert", urgent=True)
        put(spool, "routine 2", "alert")
        put(spool, "urgent 2", "alert", urgent=True)
        assert texts(spool.peek(*ALL)) == ["urgent 1", "urgent 2", "routine 1", "routine 2", "health", "total"]


def test_a_record_stays_until_it_is_acknowledged(tmp_path):
    with spool_in(tmp_path) as spool:
        first, second = put(spool, "a"), put(spool, "b")
        assert [parcel.record for parcel in spool.peek(*ALL)] == [first, second]
        spool.ack([first, uuid4()])
        assert [parcel.record for parcel in spool.peek(*ALL)] == [second]


def test_the_body_is_made_with_the_record_id_and_counter_that_travel(tmp_path):
    with spool_in(tmp_path) as spool:
        put(spool)
        (parcel,) = spool.peek(*ALL)
        body = json.loads(bytes(parcel.body))
        assert (UUID(body["record"]), body["counter"]) == (parcel.record, parcel.counter)


def test_peek_stops_at_its_limits_but_always_gives_one(tmp_path):
    with spool_in(tmp_path) as spool:
        for number in range(5):
            put(spool, str(number), size=1000)
        assert texts(spool.peek(1 << 20, 3)) == ["0", "1", "2"]
        assert texts(spool.peek(2400, 64)) == ["0", "1"]
        assert texts(spool.peek(1, 64)) == ["0"]


def test_a_record_waits_until_its_time_and_no_longer_when_the_clock_was_set_back(tmp_path):
    clock = Clock()
    with spool_in(tmp_path, clock) as spool:
        put(spool, "later", "alert", send_after=clock.now + timedelta(minutes=10))
        assert spool.peek(*ALL) == []
        clock.ahead(minutes=10)
        assert texts(spool.peek(*ALL)) == ["later"]
        clock.ahead(days=-400)
        assert texts(spool.peek(*ALL)) == ["later"]


def test_a_waiting_record_is_overwritten_and_keeps_its_id_counter_and_earlier_time(tmp_path):
    clock = Clock()
    with spool_in(tmp_path, clock) as spool:
        soon, late = clock.now + timedelta(minutes=1), clock.now + timedelta(minutes=9)
        first = put(spool, "one", "alert", replaces="alert-7", send_after=soon)
        second = put(spool, "two", "alert", replaces="alert-7", send_after=late)
        other = put(spool, "other", "alert", replaces="alert-8")
        assert first == second != other
        clock.ahead(minutes=1)
        assert texts(spool.peek(*ALL)) == ["two", "other"]


def test_a_record_that_was_handed_out_is_never_overwritten_even_after_a_restart(tmp_path):
    with spool_in(tmp_path) as spool:
        first = put(spool, "one", "alert", replaces="alert-7")
        spool.peek(*ALL)
    with spool_in(tmp_path) as spool:
        second = put(spool, "two", "alert", replaces="alert-7")
        third = put(spool, "three", "alert", replaces="alert-7")
        assert first != second == third
        found = spool.peek(*ALL)
        assert texts(found) == ["one", "three"]
        assert len({parcel.counter for parcel in found}) == 2


def test_a_postponed_record_lets_the_others_pass_and_comes_back(tmp_path):
    clock = Clock()
    with spool_in(tmp_path, clock) as spool:
        wedged = put(spool, "wedged", "alert", urgent=True)
        put(spool, "next")
        spool.postpone([wedged], clock.now + timedelta(minutes=2))
        assert texts(spool.peek(1 << 20, 1)) == ["next"]
        clock.ahead(minutes=2)
        assert texts(spool.peek(*ALL)) == ["wedged", "next"]
        spool.postpone([wedged], clock.now + timedelta(minutes=2))
        clock.ahead(days=-30)
        assert texts(spool.peek(*ALL)) == ["wedged", "next"]


def test_an_alert_wakes_whoever_sends_and_totals_do_not(tmp_path):
    clock = Clock()
    with spool_in(tmp_path, clock) as spool:
        put(spool)
        put(spool, kind="alert", send_after=clock.now + timedelta(minutes=1))
        assert not spool.alert_waits.is_set()
        with pytest.raises(ZeroDivisionError), spool.transaction():
            put(spool, kind="alert")
            raise ZeroDivisionError
        assert not spool.alert_waits.is_set()
        put(spool, kind="alert")
        assert spool.alert_waits.is_set()


# --- transactions and memory ----------------------------------------------------------------------------------------


def test_a_transaction_keeps_all_or_nothing(tmp_path):
    with spool_in(tmp_path) as spool:
        spool.save("bookmark", b"1")
        with pytest.raises(ZeroDivisionError), spool.transaction():
            put(spool, "lost")
            with spool.transaction():
                spool.save("bookmark", b"2")
            raise ZeroDivisionError
        assert (spool.peek(*ALL), spool.load("bookmark")) == ([], b"1")
        with spool.transaction():
            put(spool, "kept")
            spool.save("bookmark", b"2")
    with spool_in(tmp_path) as spool:
        assert (texts(spool.peek(*ALL)), spool.load("bookmark")) == (["kept"], b"2")


def test_another_database_that_fails_inside_a_transaction_does_not_condemn_the_spool(tmp_path):
    with spool_in(tmp_path) as spool:
        with pytest.raises(sqlite3.DatabaseError), spool.transaction():
            (tmp_path / "History").write_bytes(b"not a database at all" * 100)
            sqlite3.connect(tmp_path / "History").execute("SELECT * FROM urls")
        put(spool, "still here")
        assert texts(spool.peek(*ALL)) == ["still here"]
    assert not list(tmp_path.glob("*damaged*"))


def test_a_saved_state_can_be_replaced_and_forgotten(tmp_path):
    with spool_in(tmp_path) as spool:
        assert spool.load("tally") is None
        spool.save("tally", b"a")
        spool.save("tally", b"b" * 5000)
        assert spool.load("tally") == b"b" * 5000
        spool.save("tally", None)
        assert spool.load("tally") is None


def test_nothing_that_is_too_large_is_taken_and_the_rest_goes_on(tmp_path):
    with spool_in(tmp_path) as spool:
        with pytest.raises(RecordTooLargeError):
            put(spool, size=RECORD_MAX_BYTES)
        put(spool, "fits")
        assert texts(spool.peek(*ALL)) == ["fits"]


def test_many_threads_put_while_one_sends_and_nothing_is_lost_or_seen_twice(tmp_path):
    with spool_in(tmp_path) as spool:
        sent: list[str] = []
        done = threading.Event()

        def write(name):
            for number in range(25):
                put(spool, f"{name}-{number}")

        def send():
            while True:
                finished = done.is_set()
                found = spool.peek(1 << 20, 7)
                sent.extend(texts(found))
                spool.ack([parcel.record for parcel in found])
                if finished and not found:
                    return

        writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        sender = threading.Thread(target=send)
        for thread in (*writers, sender):
            thread.start()
        for thread in writers:
            thread.join()
        done.set()
        sender.join()
        assert sorted(sent) == sorted(f"{name}-{number}" for name in "abcd" for number in range(25))


# --- at rest --------------------------------------------------------------------------------------------------------


def test_no_word_of_a_record_a_state_or_a_key_stands_on_disk_in_clear(tmp_path):
    spool = open_spool(tmp_path)
    put(spool, "betting.example", "alert", replaces="alert about alice")
    spool.save("bookmark of /home/alice/.config", b"secret state")
    on_disk = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    spool.close()
    on_disk += b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for word in (b"betting", b"alice", b"secret state"):
        assert word not in on_disk
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0


def test_a_row_that_was_altered_or_moved_is_put_aside_and_counted_while_the_others_go(tmp_path):
    with spool_in(tmp_path) as spool:
        put(spool, "first", "alert")
        put(spool, "second", "alert")
        put(spool, "third", "alert")
        spool.save("bookmark", b"state")
    with sqlite3.connect(tmp_path / "spool.sqlite3") as tampered:
        body = tampered.execute("SELECT body FROM outbox WHERE place = 3").fetchone()[0]
        tampered.execute("UPDATE outbox SET body = ? WHERE place = 1", (body,))
        tampered.execute("UPDATE state SET value = zeroblob(40)")
    tampered.close()
    with spool_in(tmp_path) as spool:
        assert texts(spool.peek(*ALL)) == ["second", "third"]
        (loss,) = losses(spool.peek(*ALL))
        assert (loss.alerts, loss.totals, loss.reason, loss.device) == (1, 0, "spool_damaged", DEVICE)
        assert spool.load("bookmark") is None


def test_only_one_process_has_the_spool(tmp_path):
    script = (
        "import sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\nfrom uuid import uuid4\n"
        "from agent import database, spool\nfrom agent.errors import SpoolUnavailableError\n"
        "database.BUSY_SECONDS = 0.1\n"
        "try:\n    spool.Spool(Path(sys.argv[1]), bytes(range(32)), device=uuid4(), clock=lambda: datetime.now(UTC))\n"
        "except SpoolUnavailableError:\n    print('refused')\n"
    )
    with spool_in(tmp_path):
        asked = [sys.executable, "-c", script, str(tmp_path / "spool.sqlite3")]
        assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "refused\n"


# --- full -----------------------------------------------------------------------------------------------------------


def test_a_full_spool_drops_the_oldest_totals_first_then_routine_alerts_and_urgent_ones_last(tmp_path):
    with spool_in(tmp_path, max_bytes=LEAST_MAX_BYTES) as spool:
        assert spool.level() == "normal"
        for number in range(30):
            put(spool, f"t{number}", size=10_000)
        assert spool.level() == "full"
        kept = texts(spool.peek(*ALL))
        totals_left = [text for text in kept if text.startswith("t")]
        assert totals_left == [f"t{number}" for number in range(30 - len(totals_left), 30)]
        for number in range(12):
            assert put(spool, f"u{number}", "alert", size=10_000, urgent=True) is not None
        for number in range(60):
            put(spool, f"r{number}", "alert", size=10_000)
        kept = texts(spool.peek(*ALL))
        assert [text for text in kept if text.startswith("u")] == [f"u{number}" for number in range(12)]
        assert not [text for text in kept if text.startswith("t")]
        routine = [text for text in kept if text.startswith("r")]
        assert routine == [f"r{number}" for number in range(60 - len(routine), 60)]
        for number in range(12, 80):
            put(spool, f"u{number}", "alert", size=10_000, urgent=True)
        kept = texts(spool.peek(*ALL))
        assert not [text for text in kept if text.startswith("r")]
        assert put(spool, "no room", size=10_000) is None
        urgent = [text for text in kept if text.startswith("u")]
        assert urgent == [f"u{number}" for number in range(80 - len(urgent), 80)]


def test_every_drop_is_counted_and_reported_and_the_report_itself_fits(tmp_path):
    clock = Clock()
    with spool_in(tmp_path, clock, max_bytes=LEAST_MAX_BYTES) as spool:
        totals, alerts, reported = 0, 0, []
        for number in range(400):
            kind = "alert" if number % 3 == 0 else "totals"
            totals, alerts = totals + (kind == "totals"), alerts + (kind == "alert")
            put(spool, kind=kind, size=9_000, urgent=number % 2 == 0)
            clock.ahead(minutes=1)
            if number % 50 == 49:
                for parcel in spool.peek(*ALL):
                    if parcel.kind == "loss":
                        reported.append(msgspec.json.decode(parcel.body, type=Loss))
                        spool.ack([parcel.record])
        left = spool.peek(*ALL)
        reported += losses(left)
        kept = [parcel.kind for parcel in left]
        assert sum(loss.totals for loss in reported) == totals - kept.count("totals")
        assert sum(loss.alerts for loss in reported) == alerts - kept.count("alert")
        assert all(START <= loss.since <= loss.until <= clock.now for loss in reported)
        assert {loss.reason for loss in reported} == {"spool_full"}


def test_losses_never_pile_up_while_nothing_can_be_sent(tmp_path):
    with spool_in(tmp_path, max_bytes=LEAST_MAX_BYTES) as spool:
        for _ in range(100):
            put(spool, size=20_000)
            spool.peek(*ALL)
        assert [parcel.kind for parcel in spool.peek(*ALL)].count("loss") == 1


@pytest.mark.parametrize("together", [1, 40])
def test_the_spool_never_takes_more_of_the_disk_than_it_may(tmp_path, together):
    bound = 2 * LEAST_MAX_BYTES
    with spool_in(tmp_path, max_bytes=bound) as spool:
        worst = 0
        for number in range(240 // together):
            with spool.transaction():
                for _ in range(together):
                    put(spool, kind="alert" if number % 2 else "totals", size=random.Random(number).randrange(60_000))
                spool.save("tally", bytes(20_000))
            worst = max(worst, disk_bytes(tmp_path))
        assert bound / 4 < worst <= bound


def test_state_is_kept_before_records_and_said_to_be_too_much_at_the_end(tmp_path):
    with spool_in(tmp_path, max_bytes=LEAST_MAX_BYTES) as spool:
        put(spool, kind="alert", urgent=True, size=50_000)
        with pytest.raises(SpoolUnavailableError):
            for number in itertools.count():
                spool.save(str(number), bytes(100_000))
        assert spool.load("0") == bytes(100_000)
        assert disk_bytes(tmp_path) <= LEAST_MAX_BYTES


def test_a_refused_record_is_put_aside_reported_once_and_makes_room_when_needed(tmp_path):
    with spool_in(tmp_path, max_bytes=LEAST_MAX_BYTES) as spool:
        refused = put(spool, "bad", "alert", size=50_000)
        spool.peek(*ALL)
        spool.quarantine(refused, "bad_record")
        spool.quarantine(refused, "bad_record")
        (parcel,) = spool.peek(*ALL)
        (loss,) = losses([parcel])
        assert (loss.alerts, loss.reason) == (1, "refused_by_collector")
        spool.quarantine(parcel.record, "bad_record")
        assert spool.peek(*ALL) == []
        for number in range(60):
            assert put(spool, str(number), "alert", size=10_000) is not None


# --- counters -------------------------------------------------------------------------------------------------------


def counters(folder: Path, clock=None, number: int = 3) -> list[int]:
    with spool_in(folder, clock) as spool:
        with spool.transaction():
            records = [put(spool) for _ in range(number)]
        found = {parcel.record: parcel.counter for parcel in spool.peek(*ALL)}
        return [found[record] for record in records]


def test_counters_rise_by_one_within_a_run_and_never_come_again_after_a_restart(tmp_path):
    first, second = counters(tmp_path), counters(tmp_path)
    assert first == list(range(first[0], first[0] + 3))
    assert second[0] > first[-1]


@pytest.mark.parametrize("lost", ["spool.sqlite3*", "spool.sqlite3", "spool.sqlite3.counter"])
def test_counters_never_come_again_when_files_are_gone(tmp_path, lost):
    clock = Clock()
    before = counters(tmp_path, clock, COUNTER_BLOCK + 5)
    clock.ahead(minutes=1)
    for file in tmp_path.glob(lost):
        file.unlink()
    assert counters(tmp_path, clock)[0] > before[-1]


def test_a_counter_that_was_used_in_a_failed_transaction_may_be_skipped_but_not_repeated(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.counters.COUNTER_BLOCK", 16)
    with spool_in(tmp_path) as spool:
        seen = []
        for number in range(50):
            try:
                with spool.transaction():
                    put(spool)
                    if number % 2:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                continue
        seen = [parcel.counter for parcel in spool.peek(*ALL)]
        assert len(seen) == len(set(seen)) == 25


# --- kill -9 and power cuts -----------------------------------------------------------------------------------------

WRITER = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from agent.spool import Spool
folder, start = Path(sys.argv[1]), int(sys.argv[2])
spool = Spool(folder / "spool.sqlite3", bytes(range(32)), device=UUID(int=1), clock=lambda: datetime.now(UTC))
with open(folder / "promised.log", "ab", buffering=0) as promised:
    number = start
    while True:
        with spool.transaction():
            for part in ("a", "b"):
                spool.put("totals", lambda r, c, p=part: b'{"text":"%d%s","counter":%d}' % (number, p.encode(), c))
            spool.save("next", b"%d" % (number + 1))
        promised.write(b"%d\\n" % number)
        number += 1
"""


def test_kill_9_at_any_point_loses_nothing_that_was_promised_and_repeats_nothing(tmp_path):
    rng = random.Random(20260302)
    seen: dict[str, int] = {}
    number = 0
    for _ in range(20):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(number)])
        deadline = time.monotonic() + 20
        log = tmp_path / "promised.log"
        size = log.stat().st_size if log.exists() else 0
        while (not log.exists() or log.stat().st_size == size) and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.random() * 0.03)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        promised = [int(line) for line in log.read_bytes().split()]
        with spool_in(tmp_path, lambda: datetime.now(UTC)) as spool:
            found = spool.peek(*ALL)
            bodies = [json.loads(bytes(parcel.body)) for parcel in found]
            now = {body["text"]: parcel.counter for body, parcel in zip(bodies, found, strict=True)}
            assert len(now) == len(found)
            assert all(body["counter"] == parcel.counter for body, parcel in zip(bodies, found, strict=True))
            number = int(spool.load("next"))
            # Both halves of each transaction, the bookmark with them, and every one that was promised.
            assert set(now) == {f"{one}{part}" for one in range(number) for part in "ab"} - set(seen)
            assert not promised or promised[-1] < number
            assert not set(now.values()) & set(seen.values())
            if rng.random() < 0.5:
                spool.ack([parcel.record for parcel in found])
                seen.update(now)
    assert number > 20


def test_a_power_cut_in_the_middle_of_writing_keeps_what_was_committed_and_nothing_by_halves(tmp_path):
    rng = random.Random(7)
    live = tmp_path / "live"
    live.mkdir()
    spool = open_spool(live)
    for number in range(40):
        put(spool, f"{number}", size=rng.randrange(9000))
        saved = {file.name: file.read_bytes() for file in live.iterdir()}
        with spool.transaction():
            put(spool, f"{number}-x", size=3000)
            put(spool, f"{number}-y", size=3000)
        # What a disk may hold when the power goes before the second commit was flushed: everything as the first
        # flush left it, and any of the sectors that were written since. (The log's header is flushed by itself.)
        before, after = saved["spool.sqlite3-wal"], (live / "spool.sqlite3-wal").read_bytes()
        torn = bytearray(after[:32] + before[32:].ljust(len(after) - 32, b"\0"))
        for sector in range(0, len(after), 512):
            if rng.random() < 0.7:
                start = max(32, sector)
                torn[start : sector + 512] = after[start : sector + 512]
        cut = tmp_path / f"cut-{number}"
        cut.mkdir()
        for name, content in saved.items():
            (cut / name).write_bytes(content)
        (cut / "spool.sqlite3-wal").write_bytes(torn)
        with spool_in(cut) as found_spool:
            found = texts(found_spool.peek(*ALL))
            assert (f"{number}-x" in found) == (f"{number}-y" in found)
            expected = {f"{one}{end}" for one in range(number) for end in ("", "-x", "-y")} | {f"{number}"}
            assert expected <= set(found)
        assert not list(cut.glob("*damaged*"))
    spool.close()


def test_every_commit_is_flushed_to_the_disk_before_it_returns(tmp_path):
    with spool_in(tmp_path) as spool:
        assert spool._db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert spool._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# --- damage ---------------------------------------------------------------------------------------------------------


def damage_header(file: Path):
    file.write_bytes(b"this was a database once" + file.read_bytes()[24:])


def damage_pages(file: Path):
    content = bytearray(file.read_bytes())
    rng = random.Random(3)
    for at in range(4096, len(content), 4096):
        content[at : at + 200] = rng.randbytes(200)
    file.write_bytes(content)


def damage_length(file: Path):
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2 + 100)


@pytest.mark.parametrize("damage", [damage_header, damage_pages, damage_length])
def test_a_damaged_database_is_put_aside_a_new_one_begun_and_the_loss_reported(tmp_path, damage):
    with spool_in(tmp_path) as spool:
        for number in range(50):
            put(spool, f"old {number}", size=2000)
        last = max(parcel.counter for parcel in spool.peek(*ALL))
    damage(tmp_path / "spool.sqlite3")
    damaged = (tmp_path / "spool.sqlite3").read_bytes()
    with spool_in(tmp_path) as spool:
        put(spool, "new", "alert")
        found = spool.peek(*ALL)
        assert texts(found)[0] == "new"
        assert [loss.reason for loss in losses(found)] == ["spool_damaged"]
        assert min(parcel.counter for parcel in found) > last
    (aside,) = tmp_path.glob("spool.sqlite3.damaged-*")
    assert aside.read_bytes() == damaged


def test_damage_found_while_in_use_undoes_that_transaction_and_the_next_goes_on(tmp_path):
    clock = Clock()
    with spool_in(tmp_path, clock) as spool:
        for number in range(50):
            put(spool, f"old {number}", size=3000)
        spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        spool._db.execute("PRAGMA shrink_memory").fetchall()
        damage_pages(tmp_path / "spool.sqlite3")
        with pytest.raises(SpoolDamagedError), spool.transaction():
            put(spool, "undone")
            spool.peek(*ALL)
        put(spool, "new")
        assert "new" in texts(spool.peek(*ALL))
        assert "undone" not in texts(spool.peek(*ALL))
        assert [loss.reason for loss in losses(spool.peek(*ALL))] == ["spool_damaged"]


def test_a_spool_of_another_key_is_put_aside_not_deleted(tmp_path):
    with spool_in(tmp_path) as spool:
        put(spool, "old")
    with spool_in(tmp_path, key=b"another key, of another device..") as spool:
        assert [parcel.kind for parcel in spool.peek(*ALL)] == ["loss"]
    (aside,) = tmp_path.glob("spool.sqlite3.damaged-*")
    shutil.copy(aside, tmp_path / "again.sqlite3")
    again = Spool(tmp_path / "again.sqlite3", KEY, device=DEVICE, clock=Clock())
    assert texts(again.peek(*ALL)) == ["old"]
    again.close()


def test_a_full_disk_is_said_and_leaves_everything_as_it_was(tmp_path):
    with spool_in(tmp_path) as spool:
        put(spool, "before")
        (pages,) = spool._db.execute("PRAGMA page_count").fetchone()
        spool._db.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        with pytest.raises(SpoolUnavailableError), spool.transaction():
            spool.save("bookmark", b"1")
            put(spool, "too much", size=100_000)
        spool._db.execute("PRAGMA max_page_count = 100000").fetchall()
        assert (texts(spool.peek(*ALL)), spool.load("bookmark")) == (["before"], None)
        put(spool, "after")
        assert texts(spool.peek(*ALL)) == ["before", "after"]


# --- any order of everything ----------------------------------------------------------------------------------------


class SpoolMachine(RuleBasedStateMachine):
    """Puts, sends, fails, restarts and overfills in any order, beside a model of what must be there."""

    def __init__(self):
        super().__init__()
        import tempfile

        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.spool = open_spool(self.folder, self.clock, max_bytes=LEAST_MAX_BYTES)
        self.waiting: dict[UUID, tuple[str, str]] = {}
        self.peeked: set[UUID] = set()
        self.keyed: dict[str, UUID] = {}
        self.counters: dict[int, UUID] = {}
        self.state: dict[str, bytes] = {}
        self.made = {"alert": 0, "totals": 0}
        self.gone = {"alert": 0, "totals": 0}
        self.reported = {"alert": 0, "totals": 0}
        self.number = 0

    def _put(self, kind, size, urgent, key):
        self.number += 1
        text = str(self.number)
        record = put(self.spool, text, kind, size=size, urgent=urgent, replaces=key)
        waiting = self.keyed.get(key)
        overwrites = key is not None and waiting in self.waiting and waiting not in self.peeked
        if not overwrites:
            self.made[kind] += 1
        if record is None:
            if overwrites:
                self.waiting.pop(waiting)
            return
        if overwrites and waiting in self._there():
            assert record == waiting
        self.waiting[record] = (kind, text)
        if key is not None:
            self.keyed[key] = record

    def _there(self):
        return {UUID(bytes=row[0]) for row in self.spool._db.execute("SELECT record FROM outbox")}

    @rule(
        kind=st.sampled_from(["alert", "totals"]),
        size=st.sampled_from([10, 3000, 30_000, 120_000]),
        urgent=st.booleans(),
        key=st.sampled_from([None, None, "a", "b"]),
    )
    def puts(self, kind, size, urgent, key):
        self._put(kind, size, urgent, f"{kind} {key}" if key else None)

    @rule(sizes=st.lists(st.sampled_from([100, 40_000]), max_size=4))
    def fails_in_a_transaction(self, sizes):
        before = self._there()
        with pytest.raises(ZeroDivisionError), self.spool.transaction():
            for size in sizes:
                put(self.spool, size=size)
            self.spool.save("state", b"never")
            raise ZeroDivisionError
        assert self._there() == before

    @rule(limit=st.integers(1, 10), share=st.integers(0, 10))
    def sends(self, limit, share):
        found = self.spool.peek(1 << 20, limit)
        ranks = [{"alert": 0, "loss": 1, "totals": 2}[parcel.kind] for parcel in found]
        assert ranks == sorted(ranks)
        for parcel in found:
            assert self.counters.setdefault(parcel.counter, parcel.record) == parcel.record
            self.peeked.add(parcel.record)
            if parcel.kind != "loss":
                assert (parcel.kind, *texts([parcel])) == self.waiting[parcel.record]
        done = found[:share]
        self.spool.ack([parcel.record for parcel in done])
        for loss in losses(done):
            self.reported["alert"] += loss.alerts
            self.reported["totals"] += loss.totals
        for parcel in done:
            if parcel.kind != "loss":
                self.waiting.pop(parcel.record)
                self.gone[parcel.kind] += 1

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def is_refused(self, data):
        there = sorted(self._there() & set(self.waiting))
        if not there:
            return
        record = data.draw(st.sampled_from(there))
        self.spool.quarantine(record, "bad_record")
        self.waiting.pop(record)

    @rule(key=st.sampled_from(["state", "tally"]), value=st.binary(max_size=300))
    def remembers(self, key, value):
        self.spool.save(key, value)
        self.state[key] = value

    @rule()
    def restarts(self):
        self.spool.close()
        self.spool = open_spool(self.folder, self.clock, max_bytes=LEAST_MAX_BYTES)

    @rule(minutes=st.integers(-100, 100))
    def time_moves(self, minutes):
        self.clock.ahead(minutes=minutes)

    @invariant()
    def the_disk_bound_holds(self):
        assert disk_bytes(self.folder) <= LEAST_MAX_BYTES

    @invariant()
    def what_is_remembered_is_right(self):
        assert all(self.spool.load(key) == value for key, value in self.state.items())

    @invariant()
    def every_record_waits_was_sent_or_is_counted_as_lost(self):
        rows = self.spool._db.execute("SELECT record, kind FROM outbox").fetchall()
        there = {UUID(bytes=record): kind for record, kind in rows}
        for record in [record for record in self.waiting if record not in there]:
            self.waiting.pop(record)
        counted = dict(self.reported)
        for loss in losses(self.spool.peek(*ALL)):
            counted["alert"] += loss.alerts
            counted["totals"] += loss.totals
        self.peeked |= set(there)
        for totals, alerts in self.spool._db.execute("SELECT totals, alerts FROM loss"):
            counted["alert"] += alerts
            counted["totals"] += totals
        for kind in ("alert", "totals"):
            left = sum(1 for one in there.values() if one == kind)
            assert self.made[kind] == self.gone[kind] + left + counted[kind]

    def teardown(self):
        self.spool.close()
        shutil.rmtree(self.folder)


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
