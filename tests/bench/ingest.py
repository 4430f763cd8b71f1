"""Signed 100-row batches a second at our collector over real HTTP, beside raw SQLite and beside aw-server.

Requests are signed before the clock starts, so that only the server is measured; the clients speak HTTP/1.1 over
kept-alive sockets from this process. Raw SQLite does the same upserts into the same table with the same pragmas, one
transaction a batch, in this process and with nothing else to do. aw-server answers its commonest request, a heartbeat
of one event, which is kinder to it than a hundred rows would be.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

import msgspec

from protocol.messages import Batch, Parcel, UsageRow, UsageTotals, encode
from protocol.signing import DeviceKey, sign_request
from tests.bench.peers import programs
from tests.bench.table import Row

ROOT = Path(__file__).parents[2]
ROWS = 100
DEVICES = 20
BATCHES = 4000
HEARTBEATS = 1500
TURNS = 5
CLIENTS = 4
START_SECONDS = 60
OF_RAW, OF_PEER = 0.10, 2.0

_Request = bytes
_Item = TypeVar("_Item")
_UPSERT = (
    "INSERT INTO store_usage (person, device, day, key, seconds, visits) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (person, device, day, key) DO UPDATE "
    "SET seconds = store_usage.seconds + excluded.seconds, visits = store_usage.visits + excluded.visits"
)


def run() -> list[Row]:
    """Measure the three in turns, so that whatever else the machine does falls on all of them alike."""
    spent = {"raw": 0.0, "ours": 0.0, "peer": 0.0}
    with tempfile.TemporaryDirectory(prefix="fairwatch-bench-") as name, ExitStack() as running:
        folder = Path(name)
        raw, ours, peer = _Raw(folder / "raw.sqlite3"), _Ours(folder / "ours"), _Peer(folder / "peer")
        for side in (raw, ours, peer):
            running.enter_context(side)
        for turn in range(TURNS):
            for key, side in (("raw", raw), ("ours", ours), ("peer", peer)):
                start = time.perf_counter()
                side.take_turn(turn)
                spent[key] += time.perf_counter() - start
        stored = ours.stored_seconds()
    assert stored == BATCHES * ROWS * 60, f"the collector stored {stored} seconds, not {BATCHES * ROWS * 60}"
    rate = {"raw": BATCHES / spent["raw"], "ours": BATCHES / spent["ours"], "peer": HEARTBEATS / spent["peer"]}
    what = "ingest: signed 100-row batches a second, SQLite"
    of_raw, of_peer = rate["ours"] / rate["raw"], rate["ours"] / rate["peer"]
    return [
        Row(
            f"{what}, beside raw SQLite",
            f"{rate['ours']:.0f}/s ({of_raw:.2f} of raw)",
            f"{rate['raw']:.0f}/s raw upserts",
            f"at least {OF_RAW:.2f} of raw",
            of_raw >= OF_RAW,
        ),
        Row(
            f"{what}, beside aw-server's heartbeats",
            f"{rate['ours']:.0f}/s ({of_peer:.1f}x)",
            f"{rate['peer']:.0f} requests/s (aw-server 0.12)",
            f"at least {OF_PEER:.0f}x",
            of_peer >= OF_PEER,
        ),
    ]


class _Raw:
    """The same upserts straight into SQLite, in this process."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "temp_store=MEMORY"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(
            "CREATE TABLE store_usage (person bigint NOT NULL, device integer NOT NULL, day integer NOT NULL, "
            "key bigint NOT NULL, seconds bigint NOT NULL, visits bigint NOT NULL, "
            "PRIMARY KEY (person, device, day, key)) WITHOUT ROWID"
        )
        self._batches = [
            [(n % DEVICES, n % DEVICES, 20261101 + n // DEVICES % 28, row, 60, 1) for row in range(ROWS)]
            for n in range(BATCHES)
        ]

    def __enter__(self) -> None:
        """Nothing has to be started."""

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def take_turn(self, turn: int) -> None:
        """Write this turn's batches, a transaction each."""
        for batch in _share(self._batches, turn):
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(_UPSERT, batch)
            self._database.execute("COMMIT")


class _Ours:
    """Our collector, as `run` starts it."""

    def __init__(self, folder: Path) -> None:
        self._port = _free_port()
        self._database = folder / "collector.sqlite3"
        server = [sys.executable, "-m", "server"]
        url = f"http://localhost:{self._port}"
        init = [*server, "init", "--data-dir", str(folder), "--url", url]
        subprocess.run(init, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        self._requests = _batches(self._database, self._port)
        self._process = _Process([*server, "run", "--data-dir", str(folder), "--http"], f"{url}/v1/health")

    def __enter__(self) -> None:
        self._process.__enter__()

    def __exit__(self, *_: object) -> None:
        self._process.__exit__()

    def take_turn(self, turn: int) -> None:
        """Post this turn's batches."""
        _drive(self._port, _share(self._requests, turn))

    def stored_seconds(self) -> int:
        """Return the sum of all that was stored."""
        with closing(sqlite3.connect(self._database)) as database:
            (stored,) = database.execute("SELECT sum(seconds) FROM store_usage").fetchone()
        return int(stored)


class _Peer:
    """aw-server on its durable store."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._port = _free_port()
        command = [str(programs() / "aw-server"), "--host", "127.0.0.1", "--port", str(self._port)]
        names = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME")
        environment = {**os.environ, **dict.fromkeys(names, str(folder))}
        url = f"http://127.0.0.1:{self._port}/api/0/info"
        self._process = _Process([*command, "--storage", "peewee"], url, environment)
        start = datetime.now(UTC)
        path = "/api/0/buckets/bench/heartbeat?pulsetime=60"
        self._requests = [_post(path, self._port, _heartbeat(start, n), {}) for n in range(HEARTBEATS)]

    def __enter__(self) -> None:
        self._process.__enter__()
        bucket = json.dumps({"client": "bench", "type": "bench", "hostname": "bench"}).encode()
        _drive(self._port, [_post("/api/0/buckets/bench", self._port, bucket, {})])

    def __exit__(self, *_: object) -> None:
        self._process.__exit__()

    def take_turn(self, turn: int) -> None:
        """Post this turn's heartbeats."""
        _drive(self._port, _share(self._requests, turn))


def _share(all_of_them: list[_Item], turn: int) -> list[_Item]:
    size = len(all_of_them) // TURNS
    return all_of_them[turn * size : (turn + 1) * size]


def _heartbeat(start: datetime, number: int) -> bytes:
    event = {
        "timestamp": (start + timedelta(seconds=number)).isoformat(),
        "duration": 0,
        "data": {"app": "browser", "title": f"site-{number % ROWS}.example"},
    }
    return json.dumps(event).encode()


def _batches(database_path: Path, port: int) -> list[_Request]:
    """Put devices and people straight into the store (enrolment is not what is measured) and sign their batches."""
    now = month = datetime.now(UTC)
    keys = [DeviceKey.generate() for _ in range(DEVICES)]
    devices, people = [uuid4() for _ in keys], [uuid4() for _ in keys]
    with sqlite3.connect(database_path) as database:
        database.executemany(
            'INSERT INTO store_device (id, number, name, "group", public_key, platform, enrolled_at, status, sample, '
            "gateway) VALUES (?, ?, ?, 'staff', ?, 'Linux', ?, 'active', 0, 0)",
            [
                (device.hex, number, f"bench-{number}", key.public_key().public_bytes_raw(), f"{now:%F %T}")
                for number, (device, key) in enumerate(zip(devices, keys, strict=True), start=1)
            ],
        )
        database.executemany(
            "INSERT INTO store_personmonth (month, account, person) VALUES (?, ?, ?)",
            [(f"{month:%Y-%m}", f"bench-{number}", person.hex) for number, person in enumerate(people)],
        )
    database.close()
    return [
        _batch(devices[n % DEVICES], people[n % DEVICES], keys[n % DEVICES], 1 + n // DEVICES, month, port)
        for n in range(BATCHES)
    ]


def _batch(device: UUID, person: UUID, key: DeviceKey, counter: int, month: datetime, port: int) -> _Request:
    day = date(month.year, month.month, 1) + timedelta(days=counter % 28)
    rows = tuple(UsageRow(person, day, "host", "streaming", f"site-{row}.example", 60, 1) for row in range(ROWS))
    totals = msgspec.Raw(encode(UsageTotals(device, "staff", rows)))
    body = encode(Batch(1, device, (Parcel(uuid4(), counter, "totals", 1, totals),)))
    url = f"http://localhost:{port}/v1/records"
    headers = sign_request("POST", url, body, key=key, key_id=str(device), at=datetime.now(UTC))
    return _post("/v1/records", port, body, headers)


# --- clients -----------------------------------------------------------------------------------------------------


def _post(path: str, port: int, body: bytes, headers: dict[str, str]) -> _Request:
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: localhost:{port}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _drive(port: int, requests: Sequence[_Request]) -> None:
    """Send the requests from a few clients at once, each device's in order."""
    faults: list[str] = []
    shares = [requests[n::CLIENTS] for n in range(CLIENTS)]
    threads = [threading.Thread(target=_send_all, args=(port, share, faults)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise RuntimeError(f"{len(faults)} requests failed, the first with {faults[0]}")


def _send_all(port: int, requests: Sequence[_Request], faults: list[str]) -> None:
    connection: socket.socket | None = None
    for request in requests:
        if connection is None:
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request)
        head, stays = _read_answer(connection)
        if b" 200 " not in head.split(b"\r\n", 1)[0] + b" ":
            faults.append(head.split(b"\r\n", 1)[0].decode())
        if not stays:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()


def _read_answer(connection: socket.socket) -> tuple[bytes, bool]:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return received, False
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
    length = int(fields.get(b"content-length", b"0"))
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return head, False
        body += piece
    return head, head.startswith(b"HTTP/1.1") and fields.get(b"connection", b"").strip() != b"close"


class _Process:
    """A server that answers at `url` inside the block and has ended after it."""

    def __init__(self, command: Sequence[str], url: str, environment: dict[str, str] | None = None) -> None:
        self._command, self._url, self._environment = command, url, environment

    def __enter__(self) -> None:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(self._url, timeout=5):
                return
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError(f"{self._command[0]} did not answer within {START_SECONDS} s")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    for row in run():
        print(row)
