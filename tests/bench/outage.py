"""How many of 1,000 records are lost over an outage: our agent and collector, beside aw-client and aw-server.

Both sides live through the same schedule at the same time, each with its own real server behind a proxy that refuses
connections, answers 429, 500 and 503, and holds requests without an answer, while the records are made. In the middle
all is well for some seconds, and the sender is killed with SIGKILL and started again; later the server is killed while
nobody can reach it. When all is well for good, the server and then the sender are killed once more, in the middle of
delivering, and each side has three quarters of a minute to deliver the rest.

A record counts as handed over once the call that puts it into the queue has returned (for aw-client: once it has left
its memory for its queue file, which is kinder to it).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from tests.bench.peers import programs
from tests.bench.table import Row

RECORDS: Final = 1000
RECORDS_A_SECOND: Final = 40
Step = tuple[str, float, Literal["", "sender", "server"]]
SCHEDULE: Final[tuple[Step, ...]] = (
    ("refuse", 4.0, ""),
    ("429", 3.0, ""),
    ("500", 3.0, ""),
    ("pass", 3.0, "sender"),
    ("503", 4.0, ""),
    ("hold", 4.0, ""),
    ("refuse", 6.0, "server"),
)
"""What the proxy does, for how many seconds, and what is killed at the beginning of it."""
RECOVERY_SECONDS: Final = 45.0
ROOT: Final = Path(__file__).parents[2]


def run() -> list[Row]:
    """Run both sides at once through the schedule."""
    with tempfile.TemporaryDirectory(prefix="fairwatch-bench-") as name:
        sides = [OurSide(Path(name) / "ours"), PeerSide(Path(name) / "peer")]
        try:
            for side in sides:
                side.start()
            threads = [threading.Thread(target=live_through, args=(side,)) for side in sides]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            ours, peer = (side.result() for side in sides)
        finally:
            for side in sides:
                side.end()
    what = "records lost of 1,000 (refused, 429, 500, 503, held, kill -9 of sender and server)"
    twice = "records stored twice in the same run"
    return [
        Row(what, str(ours.lost), f"{peer.lost} (aw-client 0.5.15)", "0", ours.lost == 0 and ours.made == RECORDS),
        Row(twice, str(ours.twice), f"{peer.twice} (aw-client 0.5.15)", "0", ours.twice == 0),
    ]


@dataclass(frozen=True)
class Result:
    """How many records were handed over, how many of those never arrived, and how many arrived more than once."""

    made: int
    lost: int
    twice: int


class Side:
    """One sender, one server and the proxy between them; `folder` holds all that they write."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.port = free_port()
        self.proxy = Proxy(self.port)
        self.server: subprocess.Popen[bytes] | None = None
        self.sender: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, and the sender once it answers."""
        self.start_server()
        self.wait(self.is_up, 30)
        self.start_sender()
        self.wait(lambda: (self.folder / "ready").exists(), 30)

    def start_server(self) -> None:
        """Start the server."""
        self.server = self.child("server", *self.server_command())

    def start_sender(self) -> None:
        """Start the process that makes the records and sends them; it goes on where the one before it ended."""
        self.sender = self.child("sender", *self.sender_command())

    def child(self, name: str, *command: str | Path) -> subprocess.Popen[bytes]:
        """Start a process with its output in a file."""
        places = {f"XDG_{kind}_HOME": str(self.folder / kind.lower()) for kind in ("DATA", "CACHE", "CONFIG", "STATE")}
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [str(word) for word in command],
                cwd=ROOT,
                env={**os.environ, **places, "HOME": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so; returns whether it came to be."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(OSError, ValueError, sqlite3.Error):
                if done():
                    return True
            time.sleep(0.02)
        return False

    def is_up(self) -> bool:
        """Whether the server listens."""
        socket.create_connection(("127.0.0.1", self.port), 1).close()
        return True

    def made(self) -> set[int]:
        """Return the numbers of the records that were handed over."""
        file = self.folder / "made.log"
        return {int(line) for line in file.read_text().split()} if file.exists() else set()

    def end(self) -> None:
        """End everything that was started."""
        self.proxy.close()
        for child in (self.sender, self.server):
            if child is not None:
                kill(child)

    def result(self) -> Result:
        """Compare what was handed over with what the server has."""
        made, arrived = self.made(), self.arrived()
        return Result(len(made), len(made - set(arrived)), len(arrived) - len(set(arrived)))

    def server_command(self) -> list[str | Path]:
        """Return what starts the server."""
        raise NotImplementedError

    def sender_command(self) -> list[str | Path]:
        """Return what starts the sender."""
        raise NotImplementedError

    def arrived(self) -> list[int]:
        """Return the number of each record that the server has, as often as it has it."""
        raise NotImplementedError


def live_through(side: Side) -> None:
    """Take one side through the schedule, and give it time to recover."""
    begun = time.monotonic()
    (side.folder / "go").touch()
    for mode, seconds, killed in SCHEDULE:
        side.proxy.set(mode)
        end = time.monotonic() + seconds
        if killed:
            replace(killed, side)
        time.sleep(max(0.0, end - time.monotonic()))
    side.wait(side.is_up, 30)
    side.proxy.set("pass")
    for killed in ("server", "sender"):
        before = len(side.arrived())
        side.wait(lambda before=before: len(side.arrived()) > before, 20)
        replace(killed, side)
        side.wait(side.is_up, 30)
    side.wait(lambda: len(side.made()) >= RECORDS and side.made() <= set(side.arrived()), RECOVERY_SECONDS)
    print(f"  {type(side).__name__}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


def replace(what: str, side: Side) -> None:
    """Kill the sender or the server with SIGKILL, and start it again a second later."""
    child = side.sender if what == "sender" else side.server
    assert child is not None
    kill(child)
    time.sleep(1)
    if what == "sender":
        side.start_sender()
    else:
        side.start_server()


def kill(child: subprocess.Popen[bytes]) -> None:
    """Kill with SIGKILL a process that we started, and what it started."""
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    grandchildren = [int(pid) for pid in children.read_text().split()] if children.exists() else []
    for pid in (child.pid, *grandchildren):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    child.wait()


def free_port() -> int:
    """Return a port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- the proxy ------------------------------------------------------------------------------------------------------


@dataclass
class Proxy:
    """Passes connections on to a server, or fails them in one of several ways."""

    upstream: int
    port: int = field(default_factory=free_port)
    mode: str = "closed"
    _listener: socket.socket | None = None
    _open: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.set("pass")

    def set(self, mode: str) -> None:
        """Change what happens to connections: pass, refuse, hold, or the status to answer with."""
        with self._lock:
            self.mode = mode
            if mode in {"refuse", "closed"} and self._listener is not None:
                shut(self._listener)
                self._listener = None
            self._drop()
            if mode not in {"refuse", "closed"} and self._listener is None:
                self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
                threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Stop listening and drop every connection."""
        self.set("closed")

    def _drop(self) -> None:
        for one in self._open:
            shut(one)
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with self._lock:
                    self._open.append(connection)
                    mode = self.mode
                threading.Thread(target=self._serve, args=(connection, mode), daemon=True).start()

    def _serve(self, connection: socket.socket, mode: str) -> None:
        with suppress(OSError):
            if mode == "hold":
                while connection.recv(65536):
                    pass
            elif mode == "pass":
                onward = socket.create_connection(("127.0.0.1", self.upstream), 5)
                with self._lock:
                    self._open.append(onward)
                threading.Thread(target=pipe, args=(onward, connection), daemon=True).start()
                pipe(connection, onward)
            else:
                while read_request(connection):
                    connection.sendall(f"HTTP/1.1 {mode} Fault\r\nContent-Length: 5\r\n\r\nfault".encode())
        shut(connection)


def pipe(source: socket.socket, target: socket.socket) -> None:
    """Pass on bytes until either side ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    shut(source)
    shut(target)


def shut(one: socket.socket) -> None:
    """End a connection for both sides."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def read_request(connection: socket.socket) -> bool:
    """Read one whole request; returns False when there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return False
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    left = sum(lengths) - len(body)
    while left > 0:
        left -= len(connection.recv(65536)) or left
    return True


# --- our side -------------------------------------------------------------------------------------------------------


class OurSide(Side):
    """The agent's spool and sender, and the real collector on SQLite. Each record is one visit of one person."""

    def start(self) -> None:
        """Make a collector and a device that it knows, then start both."""
        own = Path(sys.executable).parent / "fairwatch-server"
        url = f"http://127.0.0.1:{self.port}"
        init = [own, "init", "--data-dir", self.folder / "collector", "--name", "Bench", "--url", url]
        subprocess.run([str(word) for word in init], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        enrol = [sys.executable, "-c", _ENROL, self.folder, f"http://127.0.0.1:{self.proxy.port}"]
        subprocess.run([str(word) for word in enrol], check=True, cwd=ROOT, stdin=subprocess.DEVNULL)
        super().start()

    def server_command(self) -> list[str | Path]:
        """Return what starts the collector."""
        own = Path(sys.executable).parent / "fairwatch-server"
        return [own, "run", "--data-dir", self.folder / "collector", "--http"]

    def sender_command(self) -> list[str | Path]:
        """Return what starts the agent's two threads: one that makes records, one that sends."""
        return [sys.executable, "-c", _AGENT, self.folder, str(RECORDS), str(RECORDS_A_SECOND)]

    def arrived(self) -> list[int]:
        """Each record is counted under a site of its own, so what was added twice shows as two visits."""
        with sqlite3.connect(f"file:{self.folder}/collector/collector.sqlite3?mode=ro", uri=True, timeout=10) as opened:
            rows = opened.execute(
                "SELECT k.name, sum(u.visits) FROM store_usage u JOIN store_usagekey k ON k.id = u.key GROUP BY k.name"
            ).fetchall()
        opened.close()
        return [int(name[1:].partition(".")[0]) for name, visits in rows for _ in range(visits)]


_ENROL = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4
from agent import keys
from server.start import set_up
folder, url = Path(sys.argv[1]), sys.argv[2]
own = keys.make_keys(folder / "agent")
device = uuid4()
keys.save(keys.Identity(device=device, group="staff", collector=url, certificate="", root="", root_version=1,
    minimum={}, enrolled_at=datetime.now(UTC), key=own.key, spool_key=own.spool_key), folder / "agent")
set_up(folder / "collector")
from server.store.models import Device
Device.objects.create(id=device, name="bench", group="staff", public_key=own.public_key, platform="bench",
    enrolled_at=datetime.now(UTC))
"""

_AGENT = """
import random, sys, threading, time
from datetime import UTC, datetime
from pathlib import Path
from agent import keys
from agent.http import Collector
from agent.sender import Sender
from agent.spool import Spool
from protocol.messages import PeopleAnswer, PeopleQuestion, UsageRow, UsageTotals, decode, encode
folder, records, pace = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
clock = lambda: datetime.now(UTC)
who = keys.load(folder / "agent")
spool = Spool(folder / "agent" / "spool.sqlite3", who.spool_key, device=who.device, clock=clock)
collector = Collector(who.collector)
today = clock().date()
person = spool.load("person")
if person is None:
    question = PeopleQuestion(1, f"{today:%Y-%m}", ("bench",))
    answer = collector.post("/v1/people", encode(question), who.signer(clock))
    person = decode(answer, PeopleAnswer).ids["bench"].bytes
    spool.save("person", person)
sender = Sender(spool, collector, device=who.device, signer=who.signer, clock=clock,
    random=random.random, send_seconds=1.0)
threading.Thread(target=sender.run, args=(threading.Event(),), daemon=True).start()
(folder / "ready").touch()
while not (folder / "go").exists():
    time.sleep(0.02)
from uuid import UUID
first = int(spool.load("next") or b"0")
with open(folder / "made.log", "a", buffering=1) as made:
    for number in range(first, records):
        row = UsageRow(UUID(bytes=person), today, "host", "social_networking", f"n{number}.example", 1, 1)
        with spool.transaction():
            spool.put("totals", lambda r, c: encode(UsageTotals(who.device, who.group, (row,))))
            spool.save("next", b"%d" % (number + 1))
        made.write(f"{number}\\n")
        time.sleep(1 / pace)
time.sleep(1000)
"""


# --- the peer -------------------------------------------------------------------------------------------------------


class PeerSide(Side):
    """aw-client with its own queue, and aw-server on its own database."""

    def server_command(self) -> list[str | Path]:
        """Return what starts aw-server."""
        return [programs() / "aw-server", "--host", "127.0.0.1", "--port", str(self.port), "--storage", "peewee"]

    def sender_command(self) -> list[str | Path]:
        """Return what starts aw-client."""
        return [
            *(programs() / "python", "-c", _PEER, self.folder, str(self.proxy.port)),
            *(str(RECORDS), str(RECORDS_A_SECOND)),
        ]

    def arrived(self) -> list[int]:
        """Ask aw-server itself, past the proxy."""
        url = f"http://127.0.0.1:{self.port}/api/0/buckets/bench/events?limit=-1"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return [event["data"]["number"] for event in json.load(answer)]


_PEER = """
import sys, time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from aw_client import ActivityWatchClient
from aw_core.models import Event
folder, port, records, pace = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
client = ActivityWatchClient("bench", host="127.0.0.1", port=port)
client.create_bucket("bench", "bench", queued=True)
client.connect()
(folder / "ready").touch()
while not (folder / "go").exists():
    time.sleep(0.02)
log = folder / "made.log"
first = len(log.read_text().split()) if log.exists() else 0
start = datetime.now(timezone.utc)
with open(log, "a", buffering=1) as made:
    for number in range(first, records + 1):
        # A heartbeat with other data pushes the one before it out of memory into the queue file.
        client.heartbeat("bench", Event(timestamp=start + timedelta(seconds=number), data={"number": number}),
            pulsetime=0, queued=True)
        if number > first:
            made.write(f"{number - 1}\\n")
        time.sleep(1 / pace)
time.sleep(1000)
"""


if __name__ == "__main__":
    for row in run():
        print(row)
