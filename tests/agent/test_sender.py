"""The sender, against a real collector on loopback that checks signatures and fails in every way."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.http import Collector
from agent.keys import request_signer
from agent.sender import HELD_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Sender
from agent.spool import Spool
from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import Batch, Loss, Receipt, Receipts, Refusal, decode, encode
from protocol.signing import verify_request

DEVICE = UUID("00000000-0000-4000-8000-000000000001")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PORTAL = b"<html>Welcome to the guest network</html>"


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now

    def ahead(self, seconds):
        self.now += timedelta(seconds=seconds)


class RealCollector:
    """Verifies, decodes strictly and stores once, like the real one; `fail` may answer instead of it."""

    def __init__(self, clock: Callable[[], datetime], public_key):
        self.stored: dict[UUID, dict] = {}
        self.kinds: list[str] = []
        self.requests = 0
        self.batches: list[int] = []
        self.clock = clock
        self.fail: Callable[[int, bytes], tuple[int, bytes, dict] | None] = lambda _number, _body: None
        self.receipt: Callable[[dict, Receipt], list[Receipt]] = lambda _parcel, receipt: [receipt]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests += 1
                status, answer, headers = outer.fail(outer.requests, body) or outer.take(self, body, public_key)
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(answer))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.handler = Handler
        self.listen(0)

    def listen(self, port):
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self.handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, handler, body, public_key):
        try:
            url = f"http://{handler.headers['Host']}{handler.path}"
            verify_request("POST", url, handler.headers, body, key=public_key, key_id=str(DEVICE), now=self.clock())
            batch = decode(body, Batch)
        except Refused as fault:
            return refuse(fault.code, self.clock())
        self.batches.append(len(batch.records))
        receipts = []
        for parcel in batch.records:
            content = json.loads(bytes(parcel.body))
            receipt = Receipt(parcel.record, "duplicate" if parcel.record in self.stored else "stored")
            answers = self.receipt(content, receipt)
            if [answer.result for answer in answers] == ["stored"] and answers[0].record == parcel.record:
                self.stored[parcel.record] = content
                self.kinds.append(parcel.kind)
            receipts += answers
        return 200, encode(Receipts(tuple(receipts), self.clock())), {}

    def texts(self):
        return [content["text"] for content in self.stored.values() if "text" in content]

    def losses(self):
        return [msgspec.convert(content, Loss, strict=False) for content in self.stored.values() if "since" in content]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def refuse(code: Code, time=START, **headers):
    return code.status, encode(Refusal(code.value, code.sentence, "", code.retry, time)), headers


class Setting:
    """A spool, a sender and a collector, with a clock that the test moves."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = Clock()
        self.random = random.Random(1).random
        self.key = Ed25519PrivateKey.generate()
        self.collector = RealCollector(self.clock, self.key.public_key())
        self.contacts: list[datetime] = []
        self.start()

    def start(self):
        self.spool = Spool(self.folder / "spool.sqlite3", bytes(32), device=DEVICE, clock=self.clock)
        self.http = Collector(self.collector.url, connect_seconds=20, total_seconds=20)
        self.sender = Sender(
            self.spool,
            self.http,
            device=DEVICE,
            signer=lambda clock: request_signer(self.key, str(DEVICE), clock),
            clock=self.clock,
            random=lambda: self.random(),
            on_contact=self.contacts.append,
        )

    def stop(self):
        self.http.close()
        self.spool.close()

    def put(self, text, kind="totals", **more):
        return self.spool.put(kind, lambda _r, c: msgspec.json.encode({"text": text, "counter": c}), **more)

    def waiting(self):
        return [json.loads(bytes(parcel.body)).get("text") for parcel in self.spool.peek(1 << 30, 10_000)]

    def drive(self, rounds=300):
        """Send, moving the clock by whatever the sender wants to wait, until nothing is left or it ran so often."""
        for _ in range(rounds):
            wait_seconds = self.sender.send_round()
            assert wait_seconds >= 0
            self.clock.ahead(wait_seconds)
            if not self.count():
                return
        raise AssertionError("records are left")

    def count(self):
        """How many records wait, losses that are yet to be reported among them."""
        tables = ("outbox", "loss")
        return sum(self.spool._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)


@pytest.fixture
def setting(tmp_path):
    one = Setting(tmp_path)
    yield one
    one.stop()
    one.collector.close()


# --- all is well ----------------------------------------------------------------------------------------------------


def test_everything_is_delivered_once_and_deleted_on_its_receipt(setting):
    for number in range(150):
        setting.put(str(number))
    setting.drive()
    assert setting.collector.texts() == [str(number) for number in range(150)]
    assert setting.collector.batches == [64, 64, 22]
    assert setting.sender.send_round() == 60.0
    assert setting.sender.standing == "working"


def test_an_alert_is_sent_at_once_and_the_loop_ends_when_told(setting):
    stopping = threading.Event()
    thread = threading.Thread(target=setting.sender.run, args=(stopping,))
    thread.start()
    try:
        setting.put("now", "alert")
        deadline = time.monotonic() + 5
        while not setting.collector.stored and time.monotonic() < deadline:
            time.sleep(0.005)
        assert setting.collector.texts() == ["now"]
    finally:
        stopping.set()
        setting.spool.alert_waits.set()
        thread.join(5)
    assert not thread.is_alive()


def test_the_time_of_contact_moves_with_heartbeats_and_with_nothing_else(setting):
    for kind in ("alert", "totals", "loss"):
        setting.put("x", kind)
    setting.drive()
    assert (len(setting.collector.kinds), setting.contacts) == (3, [])
    setting.put("beat", "heartbeat")
    setting.sender.send_round()
    assert setting.contacts == [setting.clock()]
    setting.put("refused", "heartbeat")
    setting.collector.receipt = lambda _content, receipt: [msgspec.structs.replace(receipt, result="retry")]
    setting.sender.send_round()
    assert len(setting.contacts) == 1


def test_what_is_counted_as_sent_is_the_same_however_many_alerts_there_were(setting):
    setting.put("x" * 1000, "totals")
    setting.drive()
    before = setting.sender.moved_bytes
    assert 1000 < before < 4000
    for _ in range(3):
        setting.put("y" * 5000, "alert")
        setting.drive()
    assert setting.sender.moved_bytes == before
    setting.put("y" * 5000, "alert")
    setting.put("x" * 1000, "totals")
    setting.drive()
    assert setting.sender.moved_bytes == 2 * before


# --- outages --------------------------------------------------------------------------------------------------------

OUTAGES = {
    "a page of a captive portal": lambda: (200, PORTAL, {}),
    "an empty answer": lambda: (200, b"", {}),
    "another service's JSON": lambda: (200, b'{"ok": true}', {}),
    "receipts with a field of tomorrow": lambda: (200, b'{"receipts":[],"time":"2026-03-02T09:00:00Z","x":1}', {}),
    "429 of a proxy": lambda: (429, b"slow down", {}),
    "429": lambda: refuse(Code.TOO_MANY),
    "500": lambda: (500, b"Traceback", {}),
    "502 of a proxy": lambda: (502, b"<html>", {}),
    "503": lambda: refuse(Code.BUSY),
    "a collector that is too old": lambda: refuse(Code.VERSION_TOO_NEW),
    "no answer": lambda: (0, b"", {}),
    "unknown device": lambda: refuse(Code.UNKNOWN_DEVICE),
    "revoked device": lambda: refuse(Code.REVOKED_DEVICE),
    "held device": lambda: refuse(Code.QUARANTINED_DEVICE),
    "bad signature": lambda: refuse(Code.BAD_SIGNATURE),
    "unsigned": lambda: refuse(Code.UNSIGNED),
    "not found": lambda: refuse(Code.NOT_FOUND),
    "wrong method": lambda: refuse(Code.METHOD),
    "a clock that stays wrong": lambda: refuse(Code.CLOCK_WRONG),
    "a refusal of tomorrow": lambda: (400, encode(Refusal("not_invented_yet", "No.", "", False, START)), {}),
    "everything is malformed": lambda: refuse(Code.MALFORMED),
    "everything is too large": lambda: refuse(Code.TOO_LARGE),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_no_outage_however_long_loses_a_record(setting, outage):
    for number in range(20):
        setting.put(str(number), "alert" if number % 2 else "totals")
    setting.collector.fail = lambda _number, _body: OUTAGES[outage]()
    for _ in range(12):
        wait_seconds = setting.sender.send_round()
        assert 0 <= wait_seconds <= HELD_WAIT_SECONDS
        setting.clock.ahead(wait_seconds)
    assert setting.count() == 20
    setting.collector.fail = lambda _number, _body: None
    setting.drive()
    assert sorted(setting.collector.texts(), key=int) == [str(number) for number in range(20)]
    assert setting.collector.losses() == []


def test_twenty_records_survive_the_outage_in_which_a_well_known_client_keeps_one(setting):
    """aw-client 0.5.15 deletes what is answered by 429, 500 or 503 and what meets a refused connection."""
    answers = iter([(500, b"", {}), (503, b"", {}), (429, b"", {}), (0, b"", {})] * 5)
    setting.collector.fail = lambda _number, _body: next(answers, None)
    port = setting.collector.server.server_port
    setting.collector.close()
    for number in range(20):
        setting.put(str(number))
        if number % 5 == 0:
            setting.clock.ahead(setting.sender.send_round())
    assert setting.count() == 20
    setting.collector.listen(port)
    setting.drive()
    assert Counter(setting.collector.texts()) == Counter(str(number) for number in range(20))


def test_waits_grow_to_a_bound_are_random_from_nothing_up_and_begin_again_after_success(setting):
    setting.put("x")
    setting.random = lambda: 0.999
    setting.collector.fail = lambda _number, _body: refuse(Code.BUSY)
    waits = [setting.sender.send_round() for _ in range(10)]
    assert waits[:4] == pytest.approx([0.999, 1.998, 3.996, 7.992])
    assert waits[-1] == pytest.approx(0.999 * LONGEST_WAIT_SECONDS)
    setting.random = lambda: 0.0
    assert setting.sender.send_round() == 0.0
    setting.collector.fail = lambda _number, _body: None
    setting.drive()
    setting.random = lambda: 0.999
    setting.put("y")
    setting.collector.fail = lambda _number, _body: refuse(Code.BUSY)
    assert setting.sender.send_round() == pytest.approx(0.999)


def test_retry_after_is_kept_to_whoever_says_it(setting):
    setting.put("x")
    setting.random = lambda: 0.0
    setting.collector.fail = lambda _number, _body: refuse(Code.TOO_MANY, **{"Retry-After": "40"})
    assert setting.sender.send_round() == 40.0
    setting.collector.fail = lambda _number, _body: (503, b"a proxy", {"Retry-After": "50"})
    assert setting.sender.send_round() == 50.0


def test_a_receipt_that_was_lost_on_the_way_makes_a_duplicate_that_is_stored_once(setting):
    setting.put("x")
    take = setting.collector.take

    def store_and_hang_up(*args):
        take(*args)
        return 0, b"", {}

    setting.collector.take = store_and_hang_up
    setting.clock.ahead(setting.sender.send_round())
    assert (setting.collector.texts(), setting.count()) == (["x"], 1)
    setting.collector.take = take
    setting.drive()
    assert setting.collector.texts() == ["x"]


# --- clocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-9000, -2, 2, 9000])
def test_a_wrong_clock_signs_again_with_the_collectors_time_and_remembers_it(setting, hours):
    offset = timedelta(hours=hours)
    setting.collector.clock = lambda: setting.clock() + offset
    setting.put("x")
    setting.drive()
    assert setting.collector.texts() == ["x"]
    assert setting.sender.clock_offset_seconds == hours * 3600
    assert setting.collector.requests == 2
    setting.stop()
    setting.start()
    assert setting.sender.clock_offset_seconds == hours * 3600
    setting.put("y")
    setting.drive()
    assert setting.collector.requests == 3
    setting.collector.clock = setting.clock
    setting.put("z")
    setting.drive()
    assert setting.sender.clock_offset_seconds == 0


@pytest.mark.parametrize("year", [1, 1000, 9999])
def test_a_time_that_can_not_be_is_not_taken_for_the_collectors(setting, year):
    told = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    setting.collector.fail = lambda number, _body: refuse(Code.CLOCK_WRONG, told) if number < 3 else None
    setting.put("x")
    setting.drive()
    assert setting.collector.texts() == ["x"]
    assert setting.sender.clock_offset_seconds == 0


@pytest.mark.parametrize("year", [1750, 2199, 2340])
def test_a_lie_about_the_time_ends_with_the_liar(setting, year):
    told = datetime(year, 1, 1, tzinfo=UTC)
    setting.collector.fail = lambda number, _body: refuse(Code.CLOCK_WRONG, told) if number < 3 else None
    setting.put("x")
    setting.drive()
    assert setting.collector.texts() == ["x"]
    assert setting.sender.clock_offset_seconds == 0


def test_an_offset_that_the_collector_can_not_read_is_dropped(setting):
    setting.spool.save("sender clock offset", b"7000000000")
    setting.stop()
    setting.start()
    setting.collector.fail = lambda number, _body: refuse(Code.BAD_SIGNATURE) if number == 1 else None
    setting.put("x")
    setting.drive()
    assert setting.collector.texts() == ["x"]
    assert setting.sender.clock_offset_seconds == 0


def test_an_offset_of_an_earlier_lie_is_forgotten_at_the_next_start(setting):
    setting.spool.save("sender clock offset", b"251000000000")
    setting.stop()
    setting.start()
    setting.put("x")
    setting.drive()
    assert setting.collector.texts() == ["x"]


# --- what one record does to the others -----------------------------------------------------------------------------


def spoilt_by(text, answer):
    return lambda _number, body: answer() if f'"text":"{text}"'.encode() in body else None


@pytest.mark.parametrize("code", [Code.MALFORMED, Code.TOO_LARGE])
def test_the_one_record_that_spoils_a_batch_is_put_aside_and_reported_and_all_others_arrive(setting, code):
    for number in range(40):
        setting.put(str(number), "alert" if number == 17 else "totals")
    setting.collector.fail = spoilt_by("17", lambda: refuse(code))
    setting.drive()
    assert Counter(setting.collector.texts()) == Counter(str(number) for number in range(40) if number != 17)
    (loss,) = setting.collector.losses()
    assert (loss.alerts, loss.totals, loss.reason) == (1, 0, "refused_by_collector")


@pytest.mark.parametrize("answer", [lambda: (500, b"", {}), lambda: (0, b"", {})], ids=["500", "hung up"])
def test_a_record_that_breaks_the_collector_waits_by_itself_while_the_others_arrive(setting, answer):
    setting.put("poison", "alert", urgent=True)
    for number in range(100):
        setting.put(str(number))
    setting.collector.fail = spoilt_by("poison", answer)
    with suppress(AssertionError):
        setting.drive(rounds=120)
    assert Counter(setting.collector.texts()) == Counter(str(number) for number in range(100))
    assert setting.count() == 1
    setting.collector.fail = lambda _number, _body: None
    setting.drive()
    assert "poison" in setting.collector.texts()


def test_a_record_answered_retry_is_kept_and_tried_again_while_the_others_go(setting):
    setting.put("newer", "alert", urgent=True)
    for number in range(5):
        setting.put(str(number))
    asked = []

    def answer(content, receipt):
        if content.get("text") != "newer":
            return [receipt]
        asked.append(setting.clock())
        return [Receipt(receipt.record, "retry", Code.VERSION_TOO_NEW.value)]

    setting.collector.receipt = answer
    with suppress(AssertionError):
        setting.drive(rounds=30)
    assert setting.waiting() == [] or setting.waiting() == ["newer"]
    assert Counter(setting.collector.texts()) == Counter("01234")
    assert 3 <= len(asked) < 30
    setting.collector.receipt = lambda _content, receipt: [receipt]
    setting.drive()
    assert "newer" in setting.collector.texts()


@pytest.mark.parametrize("code", [Code.BAD_RECORD.value, Code.UNKNOWN_KIND.value, "a_code_of_tomorrow", None])
def test_a_record_refused_for_good_is_put_aside_and_reported(setting, code):
    setting.put("bad", "alert")
    setting.put("good")
    setting.collector.receipt = lambda content, receipt: [
        Receipt(receipt.record, "refused", code) if content.get("text") == "bad" else receipt
    ]
    setting.drive()
    assert setting.collector.texts() == ["good"]
    (loss,) = setting.collector.losses()
    assert (loss.alerts, loss.totals, loss.reason) == (1, 0, "refused_by_collector")
    assert setting.spool._db.execute("SELECT code FROM aside").fetchall() == [(code or "refused",)]


def test_a_loss_report_that_is_itself_refused_makes_no_further_one(setting):
    setting.put("bad")
    setting.collector.receipt = lambda _content, receipt: [Receipt(receipt.record, "refused", "bad_record")]
    setting.drive(rounds=10)
    assert setting.sender.send_round() == 60.0


STRANGE = {
    "no receipt": lambda _receipt: [],
    "a receipt for another record": lambda _receipt: [Receipt(uuid4(), "stored")],
    "a refusal for another record": lambda _receipt: [Receipt(uuid4(), "refused", "bad_record")],
    "two that contradict each other": lambda receipt: [receipt, Receipt(receipt.record, "refused", "bad_record")],
    "refused with a code that may pass": lambda receipt: [Receipt(receipt.record, "refused", Code.BUSY.value)],
}


@pytest.mark.parametrize("strange", STRANGE)
def test_a_receipt_that_is_missing_or_strange_deletes_nothing(setting, strange):
    setting.put("odd", "alert")
    setting.put("even")
    setting.collector.receipt = lambda content, receipt: (
        STRANGE[strange](receipt) if content.get("text") == "odd" else [receipt]
    )
    with suppress(AssertionError):
        setting.drive(rounds=8)
    assert setting.collector.texts() == ["even"]
    assert setting.count() == 1
    setting.collector.receipt = lambda _content, receipt: [receipt]
    setting.drive()
    assert sorted(setting.collector.texts()) == ["even", "odd"]
    assert setting.collector.losses() == []


def test_a_forked_counter_holds_everything_and_asks_seldom(setting):
    for number in range(10):
        setting.put(str(number))
    setting.random = lambda: 0.5
    setting.collector.receipt = lambda _content, receipt: [Receipt(receipt.record, "retry", Code.FORKED_COUNTER.value)]
    assert setting.sender.send_round() == 0.75 * HELD_WAIT_SECONDS
    assert setting.sender.standing == "held"
    setting.collector.fail = lambda _number, _body: refuse(Code.QUARANTINED_DEVICE)
    setting.clock.ahead(7200)
    assert setting.sender.send_round() == 0.75 * HELD_WAIT_SECONDS
    assert setting.count() == 10


def test_that_another_device_uses_its_identity_is_known_until_the_collector_takes_it_again(setting):
    setting.put("one")
    setting.collector.fail = lambda _number, _body: refuse(Code.REVOKED_DEVICE)
    setting.sender.send_round()
    assert not setting.sender.identity_in_use
    setting.collector.fail = lambda _number, _body: refuse(Code.QUARANTINED_DEVICE)
    setting.sender.send_round()
    assert setting.sender.identity_in_use
    setting.collector.fail = lambda _number, _body: None
    setting.sender.send_round()
    assert not setting.sender.identity_in_use


def test_where_the_device_must_spare_totals_are_later(setting):
    wait_seconds = setting.sender.send_round()
    setting.sender._pace = lambda: 8
    assert setting.sender.send_round() == 8 * wait_seconds > 0
