"""The whole gateway as a program: a real collector's phones, a real resolver, and kdig as the phone."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest

from agent import keys
from agent.config import Config
from agent.database import file_in
from agent.errors import SpoolDamagedError, SpoolError
from agent.gateway import run as gateway_run
from agent.gateway.phones import Phone, hash_of
from agent.gateway.settings import read as read_settings
from agent.gateway.visits import seen_in
from agent.observation import Batch
from agent.spool import Spool
from agent.state_parts import load_parts
from agent.trial import TRIAL_KEY
from protocol.messages import (
    PhoneEntry,
    PhonesAnswer,
    PhonesReport,
    decode,
    decode_body,
    decode_header,
    decode_trial_header,
    encode,
)
from rules.compiler import compile_shipped
from rules.engine import Rules
from rules.policy import Policy
from tests.agent.devices import enrolled, until, with_rules
from tests.agent.gateway import certificates
from tests.agent.gateway.doors import ALICES, BOBS, free_port
from tests.agent.gateway.loops import run_apart
from tests.agent.gateway.resolvers import Resolver

AGENT = Path(sys.executable).with_name("fairwatch-agent")
ALICE, BOB = UUID(int=21), UUID(int=22)
ON_TRIAL = """
organisation = "Test"
timezone = "Europe/London"
start_date = 2026-01-01
[groups.learners]
name = "Learners"
private_time = "none"
[groups.staff]
name = "Staff"
private_time = "none"
[packs]
curated = 1
"""
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
FLAGGED = "www.sanctioned-suicide.net"
"""Urgent, so that it is flagged at whatever hour of the day the test runs, also in a learner's private time."""


@pytest.fixture
def resolver(files):
    """A resolver on a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = Resolver(files)
    asyncio.run_coroutine_threadsafe(made.__aenter__(), loop).result(10)
    yield made
    asyncio.run_coroutine_threadsafe(made.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def phones_answer(handler):
    entries = (PhoneEntry(hash_of(ALICES), ALICE, "learners", "alice", LONG_AGO),)
    body = encode(PhonesAnswer("d" * 64, entries))
    handler.send_response(200 if handler.path == "/v1/phones" else 404)
    handler.end_headers()
    handler.wfile.write(body if handler.path == "/v1/phones" else b"")


@pytest.fixture
def gateway(custodians, serving_collector, resolver, files, tmp_path, monkeypatch):
    """Starts the program on an enrolled device with signed rules; returns its data folder and both ports."""

    def do_POST(self):  # noqa: N802 - the name that the standard library asks for
        self.rfile.read(int(self.headers["Content-Length"]))
        phones_answer(self)

    monkeypatch.setattr(serving_collector, "do_POST", do_POST, raising=False)
    folder = with_rules(tmp_path / "gateway", custodians, serving_collector.address)
    own = tmp_path / "own.pem", tmp_path / "own.key"
    for source, target in zip(files, own, strict=True):
        shutil.copy(source, target)
    ports = free_port(), free_port()
    server = resolver.server
    (folder / "gateway.toml").write_text(
        f'certificate = "{own[0]}"\nkey = "{own[1]}"\naddress = "127.0.0.1"\ndoh_port = {ports[0]}\n'
        f'dot_port = {ports[1]}\nauthority = "{files[0]}"\nphones_seconds = 0.2\n'
        f'upstreams = ["{server.address}@{server.port}#{server.name}"]\n'
    )
    log = (tmp_path / "log").open("w")
    child = subprocess.Popen([AGENT, "gateway", "--data-dir", folder], stderr=log)
    try:
        until(lambda: "gateway.phones n=1" in (tmp_path / "log").read_text() or child.poll() is not None)
        yield folder, *ports, own, child
    finally:
        child.terminate()
        ended = child.wait(20)
        log.close()
    said = (tmp_path / "log").read_text()
    assert ended == 0, said
    assert "sanctioned" not in said
    assert ALICES not in said


def kdig(files, *words):
    command = ["kdig", "@127.0.0.1", f"+tls-ca={files[0]}", "+timeout=5", "+retry=0", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout


def by_tls(files, port, ident, name, *more):
    return kdig(
        files,
        "-p",
        str(port),
        "+tls",
        f"+tls-hostname={ident}.gateway.test",
        f"+tls-sni={ident}.gateway.test",
        name,
        *more,
    )


def by_https(files, port, ident, name, *more):
    return kdig(files, "-p", str(port), f"+https=/d/{ident}/dns-query", "+tls-hostname=gateway.test", name, *more)


def records(folder, kind):
    spool = Spool(
        file_in(folder), keys.load(folder).spool_key, device=keys.load(folder).device, clock=lambda: datetime.now(UTC)
    )
    try:
        return [decode_body(one) for one in spool.peek(10**7, 500) if one.kind == kind]
    finally:
        spool.close()


def test_real_clients_resolve_and_a_flagged_page_is_sealed_for_the_phone_and_signed_by_the_gateway(gateway, files):
    folder, doh, dot, _, child = gateway
    assert "192.0.2.7" in by_tls(files, dot, ALICES, FLAGGED)
    assert "192.0.2.7" in by_https(files, doh, ALICES, FLAGGED)
    assert "192.0.2.7" in by_https(files, doh, ALICES, FLAGGED, "+https-get")
    assert "NOERROR" in by_tls(files, dot, ALICES, FLAGGED, "+padding", "+dnssec", "+nsid")
    time.sleep(2.5)  # what follows is a page by itself: its name and two more, in one breath
    assert by_https(files, doh, ALICES, FLAGGED, "a.example.org", "b.example.net").count("192.0.2.7") == 3
    assert "REFUSED" in by_tls(files, dot, BOBS, "x.example")
    assert "REFUSED" in by_https(files, doh, BOBS, "x.example")
    time.sleep(4.5)
    child.terminate()
    child.wait(20)
    headers = [decode_header(one.header) for one in records(folder, "alert")]
    own = keys.load(folder).device
    assert (ALICE, own, "learners", True) in {(one.device, one.signer, one.group, one.urgent) for one in headers}
    assert {one.device for one in headers} == {ALICE}
    report = records(folder, "phones")[-1]
    assert isinstance(report, PhonesReport)
    assert list(report.seen) == [ALICE]


def test_phones_are_known_after_a_restart_while_the_collector_is_away(gateway, files, serving_collector, monkeypatch):
    folder, _, dot, _, child = gateway
    child.terminate()
    child.wait(20)

    def away(self):
        self.send_response(503)
        self.end_headers()

    monkeypatch.setattr(serving_collector, "do_POST", away)
    again = subprocess.Popen([AGENT, "gateway", "--data-dir", folder], stderr=subprocess.DEVNULL)
    try:
        until(lambda: "192.0.2.7" in by_tls(files, dot, ALICES, "a.example.org"))
    finally:
        again.terminate()
        assert again.wait(20) == 0


def test_a_renewed_certificate_is_taken_up_by_both_doors(gateway, tmp_path):
    _, doh, dot, own, _ = gateway
    renewed = certificates.make(tmp_path, "gateway.test", "*.gateway.test", stem="renewed")
    for source, target in zip(renewed, own, strict=True):
        shutil.copy(source, target)
    until(lambda: "192.0.2.7" in by_tls(renewed, dot, ALICES, "a.example.org"))
    until(lambda: "192.0.2.7" in by_https(renewed, doh, ALICES, "a.example.org"))


@pytest.mark.more
@pytest.mark.parametrize("setting", [None, "certificate = 1\n"])
def test_what_it_can_not_use_is_said_in_one_line(tmp_path, setting):
    folder = enrolled(tmp_path / "device")
    if setting is not None:
        (folder / "gateway.toml").write_text(setting)
    done = subprocess.run(
        [AGENT, "gateway", "--data-dir", folder], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_an_answer_of_phones_is_no_larger_than_is_taken():
    entry = PhoneEntry(bytes(32), ALICE, "g" * 64, "p" * 100, LONG_AGO)
    assert len(encode(PhonesAnswer("d" * 64, (entry,) * 20_000))) < gateway_run.PHONES_ANSWER_MAX_BYTES
    assert json.loads(encode(decode(encode(PhonesAnswer("d" * 64)), PhonesAnswer)))["phones"] is None


@pytest.mark.parametrize(("fault", "left", "dropped"), [(SpoolError("full"), 20, 0), (RuntimeError("odd"), 4, 16)])
def test_what_a_full_disk_refuses_waits_and_a_fault_in_judging_ends_no_gateway(files, tmp_path, fault, left, dropped):
    made, kept = _judging(files, tmp_path, [fault])
    _look_up(made, 20)
    made._judge(made._visits.take(everything=True), 0.0)
    made._judge([], 0.0)
    names = [f"n{n}.example" for n in range(20)]
    assert sorted(one.name for batch in kept for one in batch) == sorted(names[20 - left :])
    assert made._visits.dropped == dropped
    assert made._health().state == ("failing" if dropped else "working")
    made._core.spool.close()


def test_a_spool_that_is_found_damaged_when_it_is_asked_since_when_loses_no_name(files, tmp_path):
    made, kept = _judging(files, tmp_path, [])
    damaged = [SpoolDamagedError("the spool was damaged; a new one begins")]

    def collect_from():
        if damaged:
            raise damaged.pop()
        return LONG_AGO

    made._core.collect_from = collect_from
    _look_up(made, 3)
    made._judge(made._visits.take(everything=True), 0.0)
    assert kept == []
    _look_up(made, 1)
    made._judge(made._visits.take(everything=True), 0.0)
    assert [one.name for batch in kept for one in batch] == [f"n{n}.example" for n in (0, 1, 2, 0)]
    assert made._visits.dropped == 0
    made._core.spool.close()


def test_a_fault_in_a_round_ends_no_gateway(files, tmp_path, monkeypatch):
    monkeypatch.setattr(gateway_run, "LOOK_SECONDS", 0.01)
    made, kept = _judging(files, tmp_path, [])
    faults = [RuntimeError("can't start new thread"), OSError("no")]

    async def check():
        if faults:
            raise faults.pop()
        stop.set()

    async def look_on():
        _look_up(made, 1)
        await made._look_on(stop)
        made._judge(made._visits.take(everything=True), 0.0)

    monkeypatch.setattr(made._upstreams, "check", check)
    stop = asyncio.Event()
    run_apart(look_on())
    assert faults == []
    assert [len(batch) for batch in kept] == [1]
    made._core.spool.close()


def test_what_a_disk_refuses_for_long_is_bounded_and_what_is_dropped_is_counted(files, tmp_path, monkeypatch):
    monkeypatch.setattr(gateway_run, "WAITING_MAX", 5)
    made, kept = _judging(files, tmp_path, [SpoolError("full")] * 3)
    _look_up(made, 20)
    made._judge(made._visits.take(everything=True), 0.0)
    made._judge([], 0.0)
    made._judge([], 0.0)
    assert ([len(batch) for batch in kept], made._visits.dropped) == ([], 15)
    made._judge([], 0.0)
    assert [len(batch) for batch in kept] == [5]
    made._core.spool.close()


def test_lists_on_trial_are_counted_for_the_groups_of_the_phones_that_it_knows(files, tmp_path, bundle):
    now = datetime(2026, 3, 4, 12, tzinfo=UTC)
    made = gateway_run.Gateway(
        _settled(files, tmp_path), Config(), read_settings(tmp_path / "device"), clock=lambda: now
    )
    held = Policy.parse(ON_TRIAL, "policy.toml")
    compile_shipped(tmp_path / "rules")
    opened = Rules.open(tmp_path / "rules", policy=held)
    made.phones.replace(
        [(hash_of(ALICES), Phone(ALICE, "learners", "alice")), (hash_of(BOBS), Phone(BOB, "staff", ""))]
    )
    made._core.pipeline.use(replace(bundle, policy=held, rules=opened))
    made._core.tick()
    made._visits.note(made.phones.find(ALICES), FLAGGED, "doh")
    made._core.pipeline.accept(Batch(observations=tuple(seen_in(made._visits.take(everything=True))), bookmark=None))
    assert b"sanctioned-suicide.net" in load_parts(made._core.spool.load, TRIAL_KEY)
    now += timedelta(days=1)
    made._core.tick()
    now += timedelta(hours=2)
    sent = made._core.spool.peek(10**7, 64)
    groups = [decode_trial_header(decode_body(one).header).group for one in sent if one.kind == "trial"]
    assert (groups, [one for one in sent if one.kind == "alert"]) == (["learners", "staff"], [])
    made._core.spool.close()
    opened.close()


def test_an_empty_round_asks_for_nothing(files, tmp_path):
    made, kept = _judging(files, tmp_path, [])
    made._judge([], 0.0)
    assert kept == []
    made._core.spool.close()


def _settled(files, tmp_path):
    """The folder of an enrolled device with the settings of a gateway."""
    folder = enrolled(tmp_path / "device")
    (folder / "gateway.toml").write_text(
        f'certificate = "{files[0]}"\nkey = "{files[1]}"\nupstreams = ["127.0.0.1@9#resolver.test"]\n'
    )
    return folder


def _judging(files, tmp_path, faults):
    """A gateway whose pipeline fails as often as there are faults, and what it took after."""
    folder = _settled(files, tmp_path)
    made = gateway_run.Gateway(folder, Config(), read_settings(folder))
    kept = []

    def accept(batch):
        if faults:
            raise faults.pop(0)
        kept.append(batch.observations)

    made._core = SimpleNamespace(
        collect_from=lambda: LONG_AGO,
        pipeline=SimpleNamespace(accept=accept),
        spool=made._core.spool,
        rules=SimpleNamespace(bundle=None),
    )
    return made, kept


def _look_up(made, count):
    for n in range(count):
        made._visits.note(Phone(ALICE, "staff", "alice"), f"n{n}.example", "doh")


def test_twenty_thousand_phones_are_remembered(files, tmp_path):
    made, _ = _judging(files, tmp_path, [])
    entries = tuple(PhoneEntry(bytes(28) + n.to_bytes(4, "big"), UUID(int=n), "g" * 30, "p" * 40, LONG_AGO)
                    for n in range(20_000))  # fmt: skip
    answer = encode(PhonesAnswer("d" * 64, entries))
    made._remember(answer)
    assert decode(load_parts(made._core.spool.load, "gateway phones"), PhonesAnswer).phones == entries
    made._core.spool.close()
