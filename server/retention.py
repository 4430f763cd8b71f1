"""Delete each kind of record when its period is over: in short transactions, again from where a run was stopped.

What is kept for how long, and why, is in `retention_kinds`; which rows those are in `retention_rows`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from server import account_retention, audit, case_retention, deletion_log, erasing, holds, log
from server.retention_kinds import KINDS, Kind, by_id, period
from server.retention_rows import ROWS, Rows, zone
from server.store.models import Deletion, MonthBasis, PersonMonth
from server.store.tables import label, table

PEOPLE_AT_ONCE = 50
"""A person's month is a thousand rows: so many people are some 50,000, a second or less of a writer's time."""

FILES: Mapping[str, str] = {"mails": "mails", "backups": "backups"}
"""Kinds that are files, and their folders in the data folder."""

_UNREMARKABLE = {"sessions", "jobs", "seen"}
_AGAIN = timedelta(days=2)
_Step = Callable[[], int]


def nightly(now: datetime) -> None:
    """Delete what is over and make it gone from the database's files; raises NotYetErased (see `erasing`)."""
    delete_what_is_over(now)
    erase(now)


def erase(now: datetime) -> None:
    """Make gone from the files what was deleted lately, also by a run that was stopped before it came to this."""
    lately = Deletion.objects.filter(at__gt=now - _AGAIN).values_list("kind", flat=True).distinct()
    kinds = [one for one in KINDS if one.id in set(lately)]
    thorough = [table for kind in kinds if kind.thorough for table in _tables(kind.id)]
    erasing.make_gone(thorough, [table for kind in kinds for table in _tables(kind.id)])


def delete_what_is_over(now: datetime) -> dict[str, int]:
    """Delete what is past its period at `now` (aware UTC) and return how many of each kind, also on the audit log."""
    counts = {
        kind.id: delete_kind(kind, now - period(kind, settings.CONFIG.retention), now)
        for kind in KINDS
        if kind.id not in FILES
    }
    told = {kind: count for kind, count in counts.items() if count and kind not in _UNREMARKABLE}
    if told:
        done = " ".join(f"{kind}={count}" for kind, count in told.items())
        audit.write("job:retention", "deleted_on_time", done[:128], now=now)
    # How many cases there were is nobody's business who reads logs.
    log.event("retention", **{kind: count for kind, count in counts.items() if count and kind != "cases"})
    return counts


def delete_kind(kind: Kind, before: datetime, now: datetime) -> int:
    """Delete what of one kind was over before `before`, with its line in the log of deletions; return how many."""
    total = 0
    for step in _steps(kind.id, before, now):
        with transaction.atomic():
            count = step()
            if count:
                deletion_log.note(kind.id, (now - before).days, before, count, now)
        total += count
    return total


def delete_files(now: datetime) -> int:
    """Delete old mails and backups from this machine's folders; return how many. Each machine does its own."""
    total = 0
    for kind_id, folder in FILES.items():
        before = now - period(by_id(kind_id), settings.CONFIG.retention)
        count = 0
        for path in _files(Path(settings.DATA_DIR), folder):
            if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                _take_away(path)
                count += 1
        if count:
            deletion_log.note(kind_id, (now - before).days, before, count, now)
            audit.write("job:retention", "deleted_on_time", f"{kind_id}={count}", now=now)
        total += count
    holds.mirror()
    deletion_log.trim(now - period(by_id("deletions"), settings.CONFIG.retention))
    return total


def _files(data_dir: Path, folder: str) -> list[Path]:
    """Return a folder's files, and what a backup or a restore that was killed left: a copy of the database too."""
    left: list[Path] = []
    if folder == FILES["backups"]:
        left = [
            *data_dir.glob("backups/.backup-*"),
            *data_dir.glob("backups/.rehearse-*"),
            *data_dir.glob(".restore-*"),
        ]
        elsewhere = settings.CONFIG.backup.to
        left += Path(elsewhere).glob("fairwatch-*.tar.gz.sealed") if elsewhere else []
    return sorted([*left, *(path for path in (data_dir / folder).glob("*") if path.is_file())])


def _take_away(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def last_month_to_delete(now: datetime, zone_name: str) -> str:
    """Return the newest month (`YYYY-MM`) whose personal totals are over at `now` in that time zone."""
    return _month_over(now - period(by_id("usage"), settings.CONFIG.retention), ZoneInfo(zone_name))


def _month_over(before: datetime, here: ZoneInfo) -> str:
    """Return the newest month that had ended by then."""
    day_before = before.astimezone(here).replace(day=1) - timedelta(days=1)
    return f"{day_before.year:04}-{day_before.month:02}"


def _steps(kind: str, before: datetime, now: datetime) -> Iterator[_Step]:
    """Yield what is to be done, each in a transaction of its own."""
    if kind == "usage":
        yield from _usage_steps(_month_over(before, zone()))
    elif kind == "cases":
        yield from (partial(case_retention.delete, case, before, now) for case in case_retention.over(before))
    elif kind == "accounts":
        yield from (partial(account_retention.clear, user, now) for user in account_retention.closed_before(before))
    else:
        for rows in ROWS[kind]:
            yield from (partial(_delete_rows, rows, end) for end in rows.stretches(before))


def _delete_rows(rows: Rows, before: datetime) -> int:
    return int(rows.over(before).delete()[1].get(label(rows.model), 0))


def _usage_steps(month: str) -> Iterator[_Step]:
    yield partial(_delete_basis, month)
    while True:
        people = list(PersonMonth.objects.filter(month__lte=month).values_list("pk", flat=True)[:PEOPLE_AT_ONCE])
        if not people:
            return
        yield partial(_delete_people, people)


def _delete_basis(month: str) -> int:
    """Delete what older months' figures rest on: part of what is counted by its people, so that it counts for none."""
    MonthBasis.objects.filter(month__lte=month).delete()
    return 0


def _delete_people(people: list[int]) -> int:
    """Delete some people's months and return how many rows of totals that were, or months where there was none."""
    marks = ",".join(["%s"] * len(people))
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM store_usage WHERE person IN ({marks})", people)  # noqa: S608 - only marks
        rows = max(int(cursor.rowcount), 0)
    PersonMonth.objects.filter(pk__in=people).delete()
    return rows or len(people)


def _tables(kind: str) -> tuple[str, ...]:
    """Return the tables that hold a kind."""
    if kind == "usage":
        return ("store_usage", table(PersonMonth), table(MonthBasis))
    if kind == "cases":
        return case_retention.TABLES
    if kind == "accounts":
        return account_retention.TABLES
    return tuple(table(rows.model) for rows in ROWS.get(kind, ()))
