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
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
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
CLIENTS = 4
START_SECONDS = 60
OF_RAW, OF_PEER = 0.10, 2.0

_Request = bytes


def run() -> list[Row]:
    """Measure the three in turn: raw, ours, aw-server, and raw again, so that a busy machine is seen."""
    with tempfile.TemporaryDirectory(prefix="fairwatch-bench-") as name:
        folder = Path(name)
        before = _raw(folder / "before.sqlite3")
        ours, stored = _ours(folder / "ours")
        peer = _peer(folder / "peer")
        raw = (before + _raw(folder / "after.sqlite3")) / 2
    assert stored == BATCHES * ROWS * 60, f"the collector stored {stored} seconds, not {BATCHES * ROWS * 60}"
    what = "ingest: signed 100-row batches a second, SQLite"
    return [
        Row(
            f"{what}, beside raw SQLite",
            f"{ours:.0f}/s ({ours / raw:.2f} of raw)",
            f"{raw:.0f}/s raw upserts",
            f"at least {OF_RAW:.2f} of raw",
            ours >= OF_RAW * raw,
        ),
        Row(
            f"{what}, beside aw-server's heartbeats",
            f"{ours:.0f}/s ({ours / peer:.1f}x)",
            f"{peer:.0f} requests/s (aw-server 0.12)",
            f"at least {OF_PEER:.0f}x",
            ours >= OF_PEER * peer,
        ),
    ]


# --- raw ---------------------------------------------------------------------------------------------------------


def _raw(path: Path) -> float:
    upsert = (
        "INSERT INTO store_usage (person, device, day, key, seconds, visits) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (person, device, day, key) DO UPDATE "
        "SET seconds = store_usage.seconds + excluded.seconds, visits = store_usage.visits + excluded.visits"
    )
    with sqlite3.connect(path, isolation_level=None) as database:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "temp_store=MEMORY"):
            database.execute(f"PRAGMA {pragma}")
        database.execute(
            "CREATE TABLE store_usage (person bigint NOT NULL, device integer NOT NULL, day integer NOT NULL, "
            "key bigint NOT NULL, seconds bigint NOT NULL, visits bigint NOT NULL, "
            "PRIMARY KEY (person, device, day, key)) WITHOUT ROWID"
        )
        batches = [
            [(n % DEVICES, n % DEVICES, 20261101 + n // DEVICES % 28, row, 60, 1) for row in range(ROWS)]
            for n in range(BATCHES)
        ]
        start = time.perf_counter()
        for batch in batches:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(upsert, batch)
            database.execute("COMMIT")
        seconds = time.perf_counter() - start
    database.close()
    return BATCHES / seconds


# --- ours --------------------------------------------------------------------------------------------------------


def _ours(folder: Path) -> tuple[float, int]:
    port = _free_port()
    server = [sys.executable, "-m", "server"]
    url = f"http://localhost:{port}"
    subprocess.run(
        [*server, "init", "--data-dir", str(folder), "--url", url], check=True, cwd=ROOT, stdout=subprocess.DEVNULL
    )
    requests = _batches(folder / "collector.sqlite3", port)
    with _Process([*server, "run", "--data-dir", str(folder), "--http"], f"{url}/v1/health"):
        rate = _drive(port, requests)
    with sqlite3.connect(folder / "collector.sqlite3") as database:
        (stored,) = database.execute("SELECT sum(seconds) FROM store_usage").fetchone()
    database.close()
    return rate, stored


def _batches(database_path: Path, port: int) -> list[_Request]:
    """Put devices and people straight into the store (enrolment is not what is measured) and sign their batches."""
    now = datetime.now(UTC)
    month = now.astimezone(UTC)
    keys = [DeviceKey.generate() for _ in range(DEVICES)]
    devices, people = [uuid4() for _ in keys], [uuid4() for _ in keys]
    with sqlite3.connect(database_path) as database:
        database.executemany(
            'INSERT INTO store_device (id, number, name, "group", public_key, platform, enrolled_at, status, sample) '
            "VALUES (?, ?, ?, 'staff', ?, 'Linux', ?, 'active', 0)",
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


# --- aw-server ---------------------------------------------------------------------------------------------------


def _peer(folder: Path) -> float:
    folder.mkdir()
    port = _free_port()
    command = [str(programs() / "aw-server"), "--host", "127.0.0.1", "--port", str(port), "--storage", "peewee"]
    names = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME")
    environment = {**os.environ, **dict.fromkeys(names, str(folder))}
    with _Process(command, f"http://127.0.0.1:{port}/api/0/info", environment):
        bucket = {"client": "bench", "type": "bench", "hostname": "bench"}
        made = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/0/buckets/bench",
            data=json.dumps(bucket).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(made, timeout=10).close()
        start = datetime.now(UTC)
        heartbeats = [
            json.dumps(
                {
                    "timestamp": (start + timedelta(seconds=number)).isoformat(),
                    "duration": 0,
                    "data": {"app": "browser", "title": f"site-{number % ROWS}.example"},
                }
            ).encode()
            for number in range(HEARTBEATS)
        ]
        path = "/api/0/buckets/bench/heartbeat?pulsetime=60"
        return _drive(port, [_post(path, port, body, {}) for body in heartbeats])


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


def _drive(port: int, requests: Sequence[_Request]) -> float:
    """Send the requests from a few clients at once, each device's in order, and return how many a second."""
    faults: list[str] = []
    shares = [requests[n::CLIENTS] for n in range(CLIENTS)]
    threads = [threading.Thread(target=_send_all, args=(port, share, faults)) for share in shares]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    if faults:
        raise RuntimeError(f"{len(faults)} requests failed, the first with {faults[0]}")
    return len(requests) / seconds


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
