"""What tests of the agent's core share: the shipped rules, a policy, keys to seal to, and a real spool."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.bundle import Bundle
from agent.observation import Observation
from agent.spool import Spool
from protocol.messages import Alert, AlertHeader, Evidence, Heading, decode, decode_body, decode_header
from protocol.publication import Recipient, RecipientList
from protocol.sealing import KEY_BYTES, Place, key_id, open_envelope, public_of
from protocol.signing import verify_alert
from rules.compiler import compile_shipped
from rules.engine import Rules
from rules.policy import Policy

DEVICE = UUID(int=1)
WEDNESDAY_NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)

POLICY = """
organisation = "Test"
timezone = "Europe/London"
start_date = 2026-01-01
working_hours = ["Mon-Fri 08:00-18:00"]
never_collect = ["payroll.example.org"]
urgent_window_minutes = 15
routine_window_minutes = 60

[categories]
games = { response = "remind", daily_minutes = 1 }
news = { response = "ignore" }

[groups.staff]
name = "Staff"
private_time = "drop_all"

[groups.learners]
name = "Learners"
private_time = "urgent_only"

[groups.learners.categories]
shopping = "flag"

[groups.partners]
name = "Partners"
private_time = "none"

[[exceptions]]
category = "weapons"
site = "gunbroker.com"
group = "learners"
reason = "course_content"
until = 2026-07-31
"""


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, now: datetime = WEDNESDAY_NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **units: float) -> datetime:
        self.now += timedelta(**units)
        return self.now


@dataclass(frozen=True)
class Device:
    """As much of an identity as sealing needs."""

    device: UUID = DEVICE
    group: str = "staff"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)


class Office:
    """The people who may open evidence, and their keys."""

    def __init__(self) -> None:
        self.keys = {name: os.urandom(KEY_BYTES) for name in ("lead", "deputy", "partner_lead", "recovery")}

    def public(self, name: str) -> bytes:
        return public_of(self.keys[name])

    def id_of(self, name: str) -> str:
        return key_id(self.public(name))

    def listed(self, *left_out: str) -> RecipientList:
        """The lead is the account `leonie`, the deputy has all groups, another lead has partners only."""
        everyone = (
            Recipient(self.id_of("lead"), self.public("lead"), "lead", "Lead", (), ("leonie",)),
            Recipient(self.id_of("deputy"), self.public("deputy"), "deputy", "Deputy", (), ("dee",)),
            Recipient(self.id_of("partner_lead"), self.public("partner_lead"), "lead", "Partners", ("partners",)),
            Recipient(self.id_of("recovery"), self.public("recovery"), "recovery", "Recovery"),
        )
        gone = {self.id_of(name) for name in left_out}
        return RecipientList(3, False, tuple(one for one in everyone if one.key_id not in gone))

    def read(self, body: bytes, device: Device, name: str = "lead") -> tuple[AlertHeader, Heading, Evidence]:
        """Check a sealed alert as an opener does, and open it with that person's key."""
        alert = decode(body, Alert)
        verify_alert(
            device.key.public_key().public_bytes_raw(), alert.signature, alert.header, alert.heading, alert.evidence
        )
        header, opened = decode_header(alert.header), {}
        for purpose, envelope in (("heading", alert.heading), ("evidence", alert.evidence)):
            place = Place(purpose=purpose, subject=header.device, record=header.record, header=alert.header)
            opened[purpose] = open_envelope(envelope, self.keys[name], place)
        return header, decode(opened["heading"], Heading), decode(opened["evidence"], Evidence)


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rules]:
    """The shipped rules, compiled."""
    folder = tmp_path_factory.mktemp("rules")
    compile_shipped(folder)
    opened = Rules.open(folder)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def policy() -> Policy:
    return Policy.parse(POLICY, "policy.toml")


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def bundle(rules: Rules, policy: Policy, office: Office) -> Bundle:
    return Bundle(
        recipients=office.listed(),
        policy=policy,
        rules=rules,
        recipients_version=3,
        policy_version=7,
        packs={"curated": 12},
    )


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_spool(tmp_path: Path, clock: Clock) -> Iterator[Callable[[], Spool]]:
    """Opens the one spool on the disk, after closing the one that was open: what a restart finds."""
    opened: list[Spool] = []

    def again() -> Spool:
        for spool in opened:
            spool.close()
        opened[:] = [Spool(tmp_path / "spool.sqlite3", bytes(32), device=DEVICE, clock=clock)]
        return opened[0]

    yield again
    for spool in opened:
        spool.close()


@pytest.fixture
def seen() -> Callable[..., Observation]:
    """Makes observations: a host visited or an app in front, unless told otherwise."""

    def make(name: str, started: datetime = WEDNESDAY_NOON, **more: object) -> Observation:
        kind = "app" if ":" in name else "host"
        fields = {
            "device": DEVICE,
            "kind": kind,
            "name": name,
            "started": started,
            "seconds": 60.0 if kind == "app" else None,
            "person": "sam",
            "source": "foreground" if kind == "app" else "browser_history",
        }
        return Observation(**(fields | more))

    return make


@pytest.fixture
def opened() -> Callable[[Spool, Office, Device], list[tuple[AlertHeader, Heading, Evidence]]]:
    """Opens all alerts that are due in a spool with the lead's key."""

    def read(spool: Spool, office: Office, device: Device) -> list[tuple[AlertHeader, Heading, Evidence]]:
        parcels = [parcel for parcel in spool.peek(10**7, 64) if parcel.kind == "alert"]
        for parcel in parcels:
            decode_body(parcel)
        return [office.read(bytes(parcel.body), device) for parcel in parcels]

    return read


@pytest.fixture
def serving_collector(custodians):
    """A real collector over HTTP that serves what the custodians signed, and answers nothing while it is `away`."""
    publication = custodians.publish()

    class Handler(BaseHTTPRequestHandler):
        away = False

        def do_GET(self):
            data = publication.read(self.path.removeprefix("/publication/"))
            tag = f'"{hashlib.sha256(data or b"").hexdigest()[:32]}"'
            same = self.headers.get("If-None-Match") == tag
            self.send_response(503 if self.away else 404 if data is None else 304 if same else 200)
            self.send_header("ETag", tag)
            self.end_headers()
            self.wfile.write(b"" if same or self.away else data or b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    Handler.address = f"http://127.0.0.1:{server.server_port}"
    yield Handler
    server.shutdown()
    server.server_close()
