"""Memory and processor time of the service and the session part, while a browser visits a page a second."""

from __future__ import annotations

import time

import psutil

from tests.bench.stage import screen, whole
from tests.bench.table import Row

SERVICE_MB, SESSION_MB, SHARE_OF_A_CORE = 60.0, 22.0, 0.005
SECONDS = 60
MB = 1024 * 1024


def run() -> list[Row]:
    """Measure for a minute, after some visits to warm up."""
    with screen() as name, whole(name) as (stage, page):
        service, session = (psutil.Process(stage.children.pid(part)) for part in ("service", "session"))
        for number in range(15):
            _visit(page, number)
        before = sum(_spent(one) for one in (service, session))
        began = time.monotonic()
        for number in range(15, 15 + SECONDS):
            _visit(page, number)
        share = (sum(_spent(one) for one in (service, session)) - before) / (time.monotonic() - began)
        service_mb, session_mb = service.memory_info().rss / MB, session.memory_info().rss / MB
    osquery = "osquery's strict watchdog: 100 MB, 5 %"
    return [
        Row("service, resident", f"{service_mb:.1f} MB", osquery, "60 MB", service_mb < SERVICE_MB),
        Row("session part, resident", f"{session_mb:.1f} MB", osquery, "22 MB", session_mb < SESSION_MB),
        Row("both, one visit a second", f"{share:.2%} of a core", osquery, "0.5 %", share < SHARE_OF_A_CORE),
    ]


def _visit(page: object, number: int) -> None:
    at = time.monotonic()
    # Every twentieth is a listed site, the others are names nobody lists.
    host = "www.grosvenorcasinos.com" if number % 20 == 0 else f"site-{number}.example"
    page.goto(f"http://{host}/")  # type: ignore[attr-defined]
    time.sleep(max(0.0, 1.0 - (time.monotonic() - at)))


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
