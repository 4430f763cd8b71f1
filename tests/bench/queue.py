"""The lead's queue with a million incidents stored: server time of its pages, on SQLite and on PostgreSQL.

Time is measured around a whole request in this process (middleware, permissions, queries, template), with nothing but
the network left out. The lead can open every incident; several thousand wait, all others are closed. The rows are made
by SQL from a few patterns, all with one record, so that they take a minute and not a day.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from tests.bench.databases import ROOT, on_each
from tests.bench.table import Row

STORED, WAITING, URGENT_EVERY = 1_000_000, 5_000, 20
TURNS = 15
LIMIT_MS = 100.0
LONGEST_SECONDS = 800
_GROUP = "staff"


def run() -> list[Row]:
    """Measure on both databases; PostgreSQL is left out where it is not installed."""
    return on_each("tests.bench.queue", longest_seconds=LONGEST_SECONDS)


# --- in the process of one database ------------------------------------------------------------------------------


def measure(folder: Path) -> list[Row]:
    """Fill this database and ask for the pages of the queue."""
    subprocess.run(
        [sys.executable, "-m", "server", "init", "--data-dir", str(folder), "--url", "http://localhost:8460"],
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    with (folder / "collector.toml").open("a") as text:
        text.write("[sign_in]\nsecond_factor = []\n")  # this is about the queue, not about who signs in
    from server.start import set_up

    set_up(folder)
    from django.db import connection

    fill(STORED, WAITING)
    return [_asked(what, address, connection.vendor) for what, address in _pages()]


def fill(stored: int, waiting: int) -> None:
    """Write that many incidents that one lead can open, of which some wait."""
    from django.db import connection

    from server.store.models import AlertRecord, Device, Incident, LeadKey, Organisation, User

    now = datetime.now(UTC)
    Organisation.objects.get_or_create(defaults={"name": "Bench", "timezone": "Europe/London"})
    lead = User.objects.create(username="bench-lead", email="bench@bench.example", role="lead")
    key = LeadKey.objects.create(user=lead, key_id="b" * 32, public_key=bytes(64), wrapped={}, created_at=now)
    device = Device.objects.create(
        id=uuid4(), name="bench-1", group=_GROUP, public_key=bytes(32), platform="Linux", enrolled_at=now, number=1
    )
    for state, urgent, count in (
        ("open", True, waiting // URGENT_EVERY),
        ("open", False, waiting - waiting // URGENT_EVERY),
        ("closed", False, stored - waiting),
    ):
        pattern = Incident.objects.create(
            id=UUID(int=Incident.objects.count()),
            reference=f"FW-{state}-{urgent}",
            device=device,
            signer=device,
            group=_GROUP,
            urgent=urgent,
            started=now,
            ended=now,
            received_at=now - timedelta(days=400),
            updated_at=now,
            revision=0,
            state=state,
            closed_at=now if state == "closed" else None,
        )
        record = AlertRecord.objects.create(
            record=uuid4(),
            incident=pattern,
            signer=device,
            revision=0,
            header=bytes(600),
            heading=bytes(4400),
            evidence=b"",
            evidence_sha256=bytes(32),
            signature=bytes(64),
            received_at=now,
        )
        _copy(pattern, record, key.key_id, count)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _copy(pattern: Any, record: Any, key_id: str, count: int) -> None:
    """Copy an incident `count` times, a second apart, each sealed to the key."""
    from django.db import connection

    from server.store.models import Incident

    sqlite = connection.vendor == "sqlite"
    begin = int(pattern.pk) + 16
    number = f"({begin} + n.i * 1000)"
    own = {
        "id": f"printf('%%032x', {number})" if sqlite else f"lpad(to_hex({number}), 32, '0')::uuid",
        "reference": f"'FW-{begin}-' || n.i",
    }
    quoted = [connection.ops.quote_name(field.column) for field in Incident._meta.fields]
    copied = [own.get(field.column, f"p.{name}") for field, name in zip(Incident._meta.fields, quoted, strict=True)]
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    place = pattern.place()
    since = (
        "strftime('%%Y-%%m-%%d %%H:%%M:%%f', %s, '-' || n.i || ' seconds')"
        if sqlite
        else "%s::timestamptz - n.i * interval '1 second'"
    )
    at = f"{place['since']:%F %T}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO store_incident ({', '.join(quoted)}) {numbers} "
            f"SELECT {', '.join(copied)} FROM n, store_incident p WHERE p.reference = %s",
            [pattern.reference],
        )
        # By hand, as bulk: what `Incident.place` says, with a time of its own for each.
        sql = (
            f"INSERT INTO store_incidentrecipient "
            f"(incident_id, key_id, record_id, handed_over, waiting, urgent, since, changed_at) {numbers} "
            f"SELECT {own['id']}, %s, %s, %s, %s, %s, {since}, %s FROM n"
        )
        values = [key_id, record.pk, False, place["waiting"], place["urgent"], at, f"{place['changed_at']:%F %T}"]
        cursor.execute(sql, values)


def _pages() -> list[tuple[str, str]]:
    from server.queue import page
    from server.store.models import User

    lead = User.objects.get(username="bench-lead")
    open_middle = page(lead, "open", None, 2500).following
    closed_middle = page(lead, "closed", None, 5000).following
    far = closed_middle.__class__(False, closed_middle.since - timedelta(seconds=STORED // 2), closed_middle.place)
    later = int((datetime.now(UTC) + timedelta(days=1)).timestamp() * 1_000_000)
    return [
        ("queue page", "/desk/"),
        ("queue page, in the middle", f"/desk/?after={open_middle}"),
        ("closed cases, half a million in", f"/desk/?state=closed&after={far}"),
        ("50 sealed headings", "/desk/data/headings?size=50"),
        ("a look for changes", f"/desk/data/changes?since={later}"),
    ]


def _asked(what: str, address: str, vendor: str) -> Row:
    from django.test import Client

    from server.store.models import User

    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.get(username="bench-lead"))
    spent = []
    for turn in range(TURNS + 2):
        start = time.perf_counter()
        answer = client.get(address)
        if turn >= 2:  # the first ones load templates and warm the page cache
            spent.append(1000 * (time.perf_counter() - start))
        assert answer.status_code == 200, (address, answer.status_code)
    middle = statistics.median(spent)
    of = f"{what}, 1 million incidents, {WAITING:,} waiting, {'SQLite' if vendor == 'sqlite' else 'PostgreSQL'}"
    return Row(of, f"{middle:.0f} ms (worst {max(spent):.0f})", "-", f"{LIMIT_MS:.0f} ms", middle <= LIMIT_MS)


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
