"""How soon an incident is recorded once the browser has written its history."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

from server.stage import Stage
from tests.bench.stage import whole
from tests.bench.table import Row

LIMIT_SECONDS = 2.0
# An entry each of five shipped packs, so that every visit is an incident of its own; none is HSTS-preloaded.
VISITS = ("grosvenorcasinos.com", "i2p2.de", "gunbroker.com", "thepiratebay.org", "bestgore.com")
WAIT_SECONDS = 40.0


def run() -> list[Row]:
    """Measure up to five visits."""
    delays: list[float] = []
    with whole() as (stage, page):
        from server.store.models import Incident  # late: the stage sets Django up

        for host in VISITS:
            before = Incident.objects.count()
            written = _visit(stage, page, host)
            end = time.monotonic() + WAIT_SECONDS
            while Incident.objects.count() == before and time.monotonic() < end:
                time.sleep(0.02)
            newest = Incident.objects.order_by("-received_at").first()
            assert newest is not None
            assert Incident.objects.count() == before + 1, f"not one incident for visit {len(delays) + 1}"
            delays.append(newest.received_at.timestamp() - written)
    figure = f"{max(delays):.2f} s (median {median(delays):.2f} s of {len(delays)})"
    return [
        Row("history written → incident recorded, longest", figure, "-", "2 s", max(delays) <= LIMIT_SECONDS),
    ]


def _visit(stage: Stage, page: Page, host: str) -> float:
    """Visit a host; returns when (seconds since 1970) the visit stood in the browser's own history."""
    page.goto(f"http://{host}/")
    history = Path(stage.browser) / "Default" / "History"
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        try:
            with sqlite3.connect(f"file:{history}?mode=ro&nolock=1", uri=True) as database:
                if database.execute("SELECT 1 FROM urls WHERE url = ?", (f"http://{host}/",)).fetchone():
                    return time.time()
        except sqlite3.Error:
            pass
        time.sleep(0.02)
    raise AssertionError("the browser did not write the visit")
