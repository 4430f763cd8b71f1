"""What the service and the gateway have in common: heartbeats, timed work, and questions to the collector."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from agent import config, core
from agent.core import Core
from agent.errors import SpoolUnavailableError
from agent.timing import Scheduler
from protocol.messages import Batch, GroupingAnswer, Heartbeat, Receipt, Receipts, decode, decode_body, encode
from rules.versions import PACK_FORMATS, POLICY_FORMATS
from tests.agent.devices import enrolled, until


def made_in(folder):
    """A core of a device without rules, that nobody was shown a notice of."""
    return Core(
        folder,
        config.Config(update_seconds=3600, heartbeat_seconds=3600),
        lambda: datetime.now(UTC),
        remind=lambda *_one: None,
        on_rules=lambda _bundle: None,
        notice_shown=lambda: False,
    )


@pytest.fixture
def running(tmp_path):
    made = made_in(enrolled(tmp_path))
    yield made
    if made.scheduler.running:
        made.scheduler.shutdown()
    made.spool.close()


def test_only_the_newest_heartbeat_waits_in_the_spool(running):
    running.beat()
    running.beat()
    (parcel,) = running.spool.peek(1_000_000, 10)
    beat = decode_body(parcel)
    assert isinstance(beat, Heartbeat)
    assert beat.notice_shown is False
    assert (beat.recipients_version, beat.policy_version) == (0, 0)
    assert (beat.pack_formats, beat.policy_formats) == (PACK_FORMATS, POLICY_FORMATS)


def test_a_heartbeat_is_sent_by_its_own_beat_and_waits_for_no_alert(running):
    running.spool.alert_waits.clear()
    running.beat()
    assert running.spool.alert_waits.is_set()


def test_a_heartbeat_says_what_the_agent_noticed_about_itself_and_is_as_it_was_where_that_is_nothing(running):
    running.beat()
    (parcel,) = running.spool.peek(1_000_000, 10)
    assert "notices" not in json.loads(bytes(parcel.body))
    running.spool.ack([parcel.record])
    running.health.notice("clock_moved")
    running.beat()
    (parcel,) = running.spool.peek(1_000_000, 10)
    assert decode_body(parcel).notices == ("clock_moved",)


def test_a_collector_that_is_too_old_for_notices_gets_heartbeats_without_them(running):
    class Old:
        """Takes batches as a collector from before notices did: it refuses a field that it does not know."""

        def __init__(self):
            self.took = []

        def post(self, _path, body, _sign):
            receipts = []
            for parcel in decode(body, Batch).records:
                known = "notices" not in json.loads(bytes(parcel.body))
                self.took += [parcel.record] if known else []
                receipts.append(
                    Receipt(parcel.record, "stored") if known else Receipt(parcel.record, "refused", "bad_record")
                )
            return encode(Receipts(tuple(receipts), datetime.now(UTC).replace(microsecond=0)))

        def close(self):
            pass

    old = running.sender._collector = Old()
    running.health.notice("files_changed")
    running.beat()
    running.sender.send_round()
    assert old.took == []
    running.sender.send_round()
    assert len(old.took) >= 1
    running.beat()
    running.sender.send_round()
    assert len(old.took) >= 2


def test_what_a_device_says_that_it_sends_is_the_same_with_alerts_and_without(running, monkeypatch):
    """Beyond a limit it tells IT and the person so."""

    def take(_method, _path, body, _headers, _max_bytes):
        records = decode(body, Batch).records
        receipts = tuple(Receipt(parcel.record, "stored") for parcel in records)
        return 200, {}, encode(Receipts(receipts, datetime.now(UTC).replace(microsecond=0)))

    monkeypatch.setattr(running.sender._collector, "_ask", take)
    counted = []
    for alerts in (0, 3):
        before = running.moved_bytes()
        for _ in range(alerts):
            running.spool.put("alert", lambda _record, _counter: b'"%s"' % (b"x" * 20_000))
        running.beat()
        running.sender.send_round()
        assert not running.spool.peek(1_000_000, 10)
        counted.append(running.moved_bytes() - before)
    assert counted[0] == counted[1] > 0


def test_a_service_that_was_killed_says_so_after_its_next_start_and_one_that_was_stopped_does_not(tmp_path):
    first = made_in(enrolled(tmp_path))
    first.start()
    first.halt()
    first.end()
    killed = made_in(tmp_path)
    killed.start()
    assert killed.health.report().notices == ()
    killed.halt()
    killed.spool.close()  # all that is left out is the proper end
    third = made_in(tmp_path)
    third.start()
    assert third.health.report().notices == ("stopped_badly",)
    third.halt()
    third.end()


def test_a_collector_that_never_answers_holds_up_no_end(tmp_path, monkeypatch):
    monkeypatch.setattr(core, "GRACE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        made = made_in(enrolled(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}"))
        made.start()
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(1)  # a question, which has 60 seconds
            begun = time.monotonic()
            made.halt()
            made.end()
            assert time.monotonic() - begun < 30
    third = made_in(tmp_path)
    third.start()
    assert third.health.report().notices == ()
    third.halt()
    third.end()


def test_an_identity_that_another_device_uses_and_files_that_were_edited_are_told(running, monkeypatch, tmp_path):
    running.sender.identity_in_use = True
    running.tick()
    monkeypatch.setattr(core, "installed", lambda: {tmp_path / "gone.py": "0" * 64})
    running.check_files()
    assert running.health.report().notices == ("files_changed", "identity_in_use")
    running.sender.identity_in_use = False
    running.tick()
    monkeypatch.setattr(core, "installed", dict)
    running.check_files()
    assert running.health.report().notices == ()


def test_a_job_that_fails_is_tried_again_and_stops_nothing_else(running):
    calls = []

    def breaks() -> None:
        calls.append(1)
        raise RuntimeError("a fault")

    running.every(0.05, breaks, first=datetime.now(UTC))
    running.scheduler.start()
    until(lambda: len(calls) > 2)


def test_its_time_is_kept_by_what_a_moved_clock_does_not_stop(running):
    assert type(running.scheduler) is Scheduler


def test_the_key_of_tags_is_asked_for_once_a_start_kept_and_missed_by_nothing(running, tmp_path):
    running.ask_grouping()  # nobody is there
    assert running.grouping_key is None
    asked = []

    def post(path, body, sign, *, max_bytes):
        asked.append((path, json.loads(body)))
        return encode(GroupingAnswer(bytes(range(32))))

    running.questions = SimpleNamespace(post=post, close=lambda: None)
    running.ask_grouping()
    running.ask_grouping()
    assert asked == [("/v1/grouping", {"version": 1})]
    assert running.pipeline._grouping_key() == bytes(range(32))
    running.spool.close()
    again = made_in(tmp_path)
    assert again.grouping_key == bytes(range(32))
    again.spool.close()


def test_rules_that_come_while_the_disk_is_full_are_taken_up_and_the_next_tick_keeps_since_when(
    running, bundle, monkeypatch
):
    def full(_key, _value):
        raise SpoolUnavailableError("the disk is full")

    told = []
    running._on_rules = told.append
    running.rules.bundle = bundle
    with monkeypatch.context() as at_first:
        at_first.setattr(running.spool, "save", full)
        running._take_up(bundle)
    assert running.pipeline.observing
    since = running.collect_from()
    assert since is not None
    running.tick()
    running._since = None
    assert running.collect_from() == since
    assert told == [bundle, bundle]
    running.tick()
    assert len(told) == 2
