"""What the agent costs a device: memory, processor time, wake-ups, disk and wire, beside osquery's strict watchdog.

An hour of use is put together from two measured pieces: five quiet minutes, twelve times over, in which all is asked of
the collector that a device asks in a quarter of an hour (so the processor time of that is counted thrice over); and a
minute in which a real Chromium visits a page a second, of which what a visit costs beyond the quiet is taken 240 times:
a page every fifteen seconds. A day is eight such hours and sixteen quiet ones. Apps are seen on a real X server.
What a device sends more rarely than a minute shows is added at its true size: each quarter of an hour's totals, and
twenty alerts or updates of alerts in the day.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import psutil

from agent.http import EXCHANGE_BYTES
from protocol.messages import Alert, AlertHeader, UsageRow, UsageTotals, encode
from protocol.sealing import Place, key_id, public_of, seal
from tests.bench.stage import screen, whole
from tests.bench.table import Row

SERVICE_MB, SESSION_MB, SHARE_OF_A_CORE, WAKE_UPS_A_SECOND, DAY_MB = 55.0, 22.0, 0.002, 20.0, 2.0
QUIET_SECONDS, BUSY_SECONDS = 300, 60
VISITS_AN_HOUR, HOURS_A_DAY, ALERTS_A_DAY, RECIPIENTS = 240, 8, 20, 3
PARCEL_BYTES = 400
"""A record's id, counter and kind, the batch around it, and its receipt."""
ASKED_THE_MORE = 3
PACE = "heartbeat_seconds = 300\nupdate_seconds = 300\ntrip_seconds = 100"
MB = 1024 * 1024


class Used(NamedTuple):
    """What the two processes have used since they began: seconds of processor, wake-ups, bytes sent and received,
    bytes written, and how large the data folder is."""

    cpu_seconds: float
    wake_ups: float
    wire_bytes: float
    written_bytes: float
    kept_bytes: float

    def since(self, before: Used) -> Used:
        """What was used between two readings."""
        return Used(*(now - then for now, then in zip(self, before, strict=True)))

    def times(self, factor: float) -> Used:
        """So much of it."""
        return Used(*(value * factor for value in self))

    def plus(self, other: Used) -> Used:
        """Both together."""
        return Used(*(one + two for one, two in zip(self, other, strict=True)))


def run() -> list[Row]:
    """Measure the quiet and the busy piece, after some visits to warm up."""
    with screen() as name, whole(name, PACE) as (stage, page):
        service, session = (psutil.Process(stage.children.pid(part)) for part in ("service", "session"))
        with _wire_of(service.pid) as wire:

            def used() -> Used:
                return _used((service, session), wire, stage.agent)

            for number in range(15):
                _visit(page, number)
            time.sleep(20)
            before = used()
            time.sleep(QUIET_SECONDS)
            as_asked = used().since(before).times(1 / QUIET_SECONDS)
            before, began = used(), time.monotonic()
            for number in range(15, 15 + BUSY_SECONDS):
                _visit(page, number)
            time.sleep(5)
            busy, lasted = used().since(before), time.monotonic() - began
            service_mb, session_mb = _without_pack(service), _without_pack(session)
    quiet = as_asked._replace(wire_bytes=as_asked.wire_bytes / ASKED_THE_MORE)
    a_visit = busy.since(as_asked.times(lasted)).times(1 / BUSY_SECONDS)
    hour = quiet.times(3600).plus(a_visit.times(VISITS_AN_HOUR))
    day = hour.times(HOURS_A_DAY).plus(quiet.times(3600 * (24 - HOURS_A_DAY)))
    share, wake_ups = hour.cpu_seconds / 3600, hour.wake_ups / 3600
    rare_bytes = _rare_bytes()
    visits_bytes = max(0.0, a_visit.wire_bytes) * VISITS_AN_HOUR * HOURS_A_DAY
    wire_bytes = quiet.wire_bytes * 86_400 + visits_bytes + rare_bytes
    day_mb = (wire_bytes + max(0.0, day.kept_bytes)) / MB
    strict = "osquery's strict watchdog: "
    return [
        Row("service, resident without the mapped lists", f"{service_mb:.1f} MB", f"{strict}100 MB",
            f"{SERVICE_MB:.0f} MB", service_mb <= SERVICE_MB),
        Row("session part, resident", f"{session_mb:.1f} MB", f"{strict}100 MB", f"{SESSION_MB:.0f} MB",
            session_mb <= SESSION_MB),
        Row("both, an hour of use", f"{share:.3%} of a core", f"{strict}5 %", f"{SHARE_OF_A_CORE:.1%}",
            share <= SHARE_OF_A_CORE),
        Row("both, quiet", f"{quiet.cpu_seconds:.3%} of a core", f"{strict}5 %", "-"),
        Row("both, one visit a second", f"{busy.cpu_seconds / lasted:.2%} of a core", f"{strict}5 %", "-"),
        Row("both, wake-ups in an hour of use", f"{wake_ups:.1f} a second", "it has no such limit",
            f"{WAKE_UPS_A_SECOND:.0f}", wake_ups <= WAKE_UPS_A_SECOND),
        Row("a busy day, on the wire and kept on disk", f"{day_mb:.2f} MB", "it has no such limit", f"{DAY_MB:.0f} MB",
            day_mb <= DAY_MB),
        Row("of which on the wire: quiet, visits, totals and alerts", f"{quiet.wire_bytes * 86_400 / MB:.2f} + "
            f"{visits_bytes / MB:.2f} + {rare_bytes / MB:.2f} MB", "-", "-"),
        Row("a busy day, written to disk in all", f"{day.written_bytes / MB:.0f} MB", "-", "-"),
    ]  # fmt: skip


def _visit(page: object, number: int) -> None:
    at = time.monotonic()
    # Every twentieth is a listed site, the others are names nobody lists.
    host = "www.grosvenorcasinos.com" if number % 20 == 0 else f"site-{number}.example"
    page.goto(f"http://{host}/")  # type: ignore[attr-defined]
    time.sleep(max(0.0, 1.0 - (time.monotonic() - at)))


def _used(processes: tuple[psutil.Process, ...], wire: dict[str, int], folder: Path) -> Used:
    times = [one.cpu_times() for one in processes]
    return Used(
        cpu_seconds=sum(one.user + one.system for one in times),
        wake_ups=sum(_switches(one.pid) for one in processes),
        wire_bytes=sum(wire.values()),
        written_bytes=sum(one.io_counters().write_bytes for one in processes),
        kept_bytes=_database_bytes(folder),
    )


def _rare_bytes() -> int:
    """A day's totals of ten rows a quarter of an hour, and its alerts, each in a request of its own."""
    an_id, at = uuid4(), datetime(2026, 3, 2, 9, tzinfo=UTC)
    row = UsageRow(an_id, at.date(), "host", "social_networking", "social-network.example", 300, 12)
    totals = encode(UsageTotals(an_id, "learners", (row,) * 10))
    keys = [public_of(bytes([number] * 64)) for number in range(RECIPIENTS)]
    ids = tuple(key_id(key) for key in keys)
    header = encode(AlertHeader(1, an_id, 1, an_id, 0, an_id, an_id, "learners", True, at, at, ids, 1, 1))
    parts = [
        seal(b"{}", keys, Place(purpose=part, subject=an_id, record=an_id, header=header))
        for part in ("heading", "evidence")
    ]
    alert = encode(Alert(header, parts[0], parts[1], bytes(64)))
    around = EXCHANGE_BYTES + PARCEL_BYTES
    return 4 * HOURS_A_DAY * (len(totals) + around) + ALERTS_A_DAY * (len(alert) + around)


def _database_bytes(folder: Path) -> int:
    """The size of the spool's database as of its last transaction, which its log says (SQLite's file format, 4.1).

    The log itself is written over again and again and never grows beyond four megabytes.
    """
    (database,) = folder.rglob("spool.sqlite3")
    log = database.with_name(f"{database.name}-wal").read_bytes()
    page_bytes = int.from_bytes(log[8:12], "big")
    size = database.stat().st_size
    for at in range(32, len(log) - page_bytes, 24 + page_bytes):
        if log[at + 8 : at + 16] != log[16:24]:
            break  # what follows is of an earlier round
        pages = int.from_bytes(log[at + 4 : at + 8], "big")
        size = pages * page_bytes or size
    return size


def _switches(pid: int) -> int:
    """How often the threads of a process have waited and were woken: their voluntary context switches, proc(5)."""
    statuses = (status.read_text() for status in Path(f"/proc/{pid}/task").glob("*/status"))
    return sum(int(re.findall(r"^voluntary_ctxt_switches:\s*(\d+)", text, re.MULTILINE)[0]) for text in statuses)


def _without_pack(process: psutil.Process) -> float:
    """Resident megabytes, without what of the mapped lists is resident."""
    maps = process.memory_maps(grouped=True)
    packs = sum(one.rss for one in maps if one.path.endswith(".pack"))
    return float(process.memory_info().rss - packs) / MB


@contextmanager
def _wire_of(pid: int) -> Iterator[dict[str, int]]:
    """The bytes of each TCP connection of a process, both ways, as the kernel counts them (tcp_info), by their port."""
    seen: dict[str, int] = {}
    stopping = threading.Event()

    def look() -> None:
        while not stopping.wait(1.0):
            said = subprocess.run(["ss", "-tinpOH"], capture_output=True, text=True, timeout=10, check=False).stdout
            for line in said.splitlines():
                if f"pid={pid}," in line:
                    moved = sum(int(found) for found in re.findall(r"bytes_(?:sent|received):(\d+)", line))
                    seen[line.split()[3]] = max(moved, seen.get(line.split()[3], 0))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stopping.set()
        thread.join()
