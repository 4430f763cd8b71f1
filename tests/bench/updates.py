"""What signed rules cost to bring: a changed pack of a million entries, and checks with nothing new."""

from __future__ import annotations

import contextlib
import hashlib
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import psutil

from agent import keys, updates
from agent.http import Collector
from rules.writer import PackWriter
from server.publish import Publication
from tests.bench.table import Row
from tests.conftest import Organisation, _found

ENTRIES = 1_000_000
CHANGED = ENTRIES // 100
CHECKS = 20
WARM_CHECKS = 5
MB = 1024 * 1024
SHARE_LIMIT, GROWTH_LIMIT_MB = 0.10, 1.0


class _Counted(BaseHTTPRequestHandler):
    """Serves a publication, and counts requests and every byte of them and of their answers."""

    protocol_version = "HTTP/1.1"
    publication: ClassVar[Publication]
    requests = 0
    wire_bytes = 0

    def do_GET(self) -> None:
        """Answer as the collector does, `not modified` among it."""
        data = _Counted.publication.read(self.path.removeprefix("/publication/"))
        tag = f'"{hashlib.sha256(data or b"").hexdigest()[:24]}"'
        same = self.headers.get("If-None-Match") == tag
        body = b"" if same or data is None else data
        self.send_response(404 if data is None else 304 if same else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body)))
        headers: list[bytes] = getattr(self, "_headers_buffer", [])
        _Counted.requests += 1
        _Counted.wire_bytes += len(self.raw_requestline) + len(bytes(self.headers)) + len(b"".join(headers)) + 2
        _Counted.wire_bytes += len(body)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def run() -> list[Row]:
    """Measure with a pilot's organisation, a collector on loopback and the agent's own commands."""
    with tempfile.TemporaryDirectory(prefix="fairwatch-bench-") as name, _quiet():
        folder = Path(name)
        (folder / "organisation").mkdir()
        here = _found(folder / "organisation", pilot=True)
        pack = folder / "made.pack"
        chance = random.Random(3)
        names = [f"{chance.randrange(16**10):010x}{at}.example" for at in range(ENTRIES + CHANGED)]
        _sign(here, pack, names[:ENTRIES])
        with _collector(here) as address:
            device = _device(here, folder / "device", address)
            _sign(here, pack, names[CHANGED:])
            _Counted.requests = _Counted.wire_bytes = 0
            began = time.monotonic()
            _update(device)
            took, sent = time.monotonic() - began, _Counted.wire_bytes
            assert updates.read_state(device).problem == ""
            whole = pack.stat().st_size
            assert (device / "rules/current/rules/packs/made.pack").read_bytes() == pack.read_bytes()
            _Counted.requests = _Counted.wire_bytes = 0
            began = time.monotonic()
            _update(device)
            idle_took, idle = time.monotonic() - began, (_Counted.requests, _Counted.wire_bytes)
            grown, resident = _growth(device)
    share = sent / whole
    return [
        Row(
            "pack of 1 M entries, 1 % changed: bytes to an agent",
            f"{sent / MB:.2f} MB ({share:.1%})",
            f"whole pack: {whole / MB:.1f} MB",
            "10 %",
            share <= SHARE_LIMIT,
        ),
        Row("the same: seconds in the child", f"{took:.1f} s", "", "", None),
        Row("check with nothing new", f"{idle[0]} request, {idle[1]} bytes", "", "1 request", idle[0] == 1),
        Row("the same: seconds in the child", f"{idle_took:.1f} s", "", "", None),
        Row(
            f"service, growth over {CHECKS} checks",
            f"{grown:+.2f} MB of {resident:.1f} MB",
            "",
            "1 MB",
            grown < GROWTH_LIMIT_MB,
        ),
    ]


def _sign(here: Organisation, pack: Path, names: list[str]) -> None:
    with PackWriter([("gambling", "made")], pack.parent) as writer:
        for name in names:
            writer.add(name, 0)
        writer.write(pack)
    assert here.sign("packs", pack, key="it") == 0
    here.publish()


def _device(here: Organisation, folder: Path, address: str) -> Path:
    """Return the folder of a device that has the rules published now."""
    anchor = (here.ceremony / "publication" / "metadata" / "1.root.json").read_bytes()
    own = keys.make_keys(folder)
    identity = keys.Identity(
        device=uuid4(), group="staff", collector=address, certificate="", root=hashlib.sha256(anchor).hexdigest(),
        root_version=1, minimum={}, enrolled_at=datetime.now(UTC), key=own.key, spool_key=own.spool_key,
    )  # fmt: skip
    keys.save(identity, folder)
    (folder / "rules").mkdir()
    (folder / "rules" / "anchor.json").write_bytes(anchor)
    collector = Collector(address)
    assert updates.check(folder, collector, root=identity.root, minimum={}, now=datetime.now(UTC)).state == "new"
    collector.close()
    return folder


def _update(device: Path) -> None:
    command = [sys.executable, "-m", "agent", "update", "--data-dir", str(device)]
    subprocess.run(command, check=True, timeout=120)


def _growth(device: Path) -> tuple[float, float]:
    """Return by how many MB a real service grew over the checks, and how large it was then."""
    (device / "agent.toml").write_text("update_seconds = 0.1\nusers = ['nobody']\n")
    command = [sys.executable, "-m", "agent", "run", "--data-dir", str(device)]
    _Counted.requests = 0
    service = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        process = psutil.Process(service.pid)
        _wait_for(WARM_CHECKS, service)
        before = process.memory_info().rss / MB
        _wait_for(WARM_CHECKS + CHECKS, service)
        after = process.memory_info().rss / MB
    finally:
        service.terminate()
        service.wait(timeout=30)
    return after - before, after


def _wait_for(requests: int, service: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while _Counted.requests < requests:
        assert service.poll() is None, "the service ended"
        assert time.monotonic() < end, "the service does not check"
        time.sleep(0.05)


@contextlib.contextmanager
def _collector(here: Organisation) -> Iterator[str]:
    _Counted.publication = Publication(here.collector)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Counted)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what people are told while they sign out of the rows."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
