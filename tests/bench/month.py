"""Months of a thousand people, forty rows a day each: the monthly summary's page, PDF and making, and the database.

A quarter of a year, or with `--full` the whole, which takes minutes to write. The history is written by
`fairwatch-server simulate`, as anybody can; pages are timed around a whole request in this process (middleware,
permissions, queries, template), with nothing but the network left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.bench.databases import ROOT, on_each
from tests.bench.table import FULL, Row

GROUPS = "400,250,150,120,80"
MONTHS = 12 if FULL in os.environ else 3
SIZE_MB = {"sqlite": 500 * MONTHS // 12, "postgresql": 1500 * MONTHS // 12}
PAGE_MS, PDF_MS, MAKING_MS = 150.0, 3000.0, 5000.0
LONGEST_SECONDS = 1200 if FULL in os.environ else 400
_MEGABYTE = 1_000_000


def run() -> list[Row]:
    """Measure on both databases; PostgreSQL is left out where it is not installed."""
    return on_each("tests.bench.month", longest_seconds=LONGEST_SECONDS)


# --- in the process of one database ------------------------------------------------------------------------------


def measure(folder: Path) -> list[Row]:
    """Write the months, look at its last month, and make that month's summary anew."""
    words = ["simulate", "--data-dir", str(folder), "--groups", GROUPS, "--months", str(MONTHS)]
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "server", *words], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    written = time.perf_counter() - begin
    with (folder / "collector.toml").open("a") as text:
        text.write("[sign_in]\nsecond_factor = []\n")  # this is about the summary, not about who signs in
    from server.start import set_up

    set_up(folder)
    from django.db import connection

    vendor = connection.vendor
    of = "SQLite" if vendor == "sqlite" else "PostgreSQL"
    rows, size = _size(vendor)
    month, many = _last_month(), f"{rows / 1e6:.1f} million rows, {of}"
    page = f"/summary/?month={month}"
    stored = f"{size:.0f} MB (written in {written:.0f} s)"
    return [
        Row(f"database, {many}", stored, "-", f"{SIZE_MB[vendor]} MB", size <= SIZE_MB[vendor]),
        _timed(f"making a month's summary, {many}", lambda: _make_anew(month), MAKING_MS, turns=3),
        _timed(f"summary page, {many}", lambda: _ask(page), PAGE_MS, turns=15),
        _timed(f"summary page of one group, {many}", lambda: _ask(f"{page}&group=staff"), PAGE_MS, turns=15),
        _timed(f"summary as PDF, {many}", lambda: _ask(f"/summary/{month}.pdf"), PDF_MS, turns=3),
    ]


def _size(vendor: str) -> tuple[int, float]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM store_usage")
        (rows,) = cursor.fetchone()
        if vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return rows, Path(str(connection.settings_dict["NAME"])).stat().st_size / _MEGABYTE
        cursor.execute("SELECT pg_database_size(current_database())")
        return rows, cursor.fetchone()[0] / _MEGABYTE


def _last_month() -> str:
    from server.store.models import MonthlySummary

    return MonthlySummary.objects.order_by("-month").values_list("month", flat=True)[0]


@cache
def _manager() -> Any:
    from django.test import Client

    from server.store.models import User

    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.create(username="bench-manager", email="bench@bench.example", role="manager"))
    return client


def _make_anew(month: str) -> None:
    from server import summary
    from server.store.models import MonthBasis, MonthlySummary

    MonthBasis.objects.filter(month=month).delete()
    MonthlySummary.objects.filter(month=month).delete()
    made = summary.make(month, datetime.now(UTC))
    assert not any(group.suppressed for group in made.groups), made.groups


def _ask(address: str) -> None:
    answer = _manager().get(address)
    assert answer.status_code == 200, (address, answer.status_code)


def _timed(what: str, work: Callable[[], None], limit_ms: float, *, turns: int) -> Row:
    spent = []
    for turn in range(turns + 1):
        start = time.perf_counter()
        work()
        if turn:  # the first one loads modules and templates
            spent.append(1000 * (time.perf_counter() - start))
    middle = statistics.median(spent)
    return Row(what, f"{middle:.0f} ms (worst {max(spent):.0f})", "-", f"{limit_ms:.0f} ms", middle <= limit_ms)


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
