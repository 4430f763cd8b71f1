"""What was deleted is in no file of the database afterwards: looked for as a thief would, byte by byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from server import erasing, retention
from server.errors import NotYetErased
from server.store.models import OutboxMessage, Person, PersonMonth

NOW = datetime.now(UTC)
CANARY = "canary-of-somebody-who-left"


def files_of_the_database(request) -> list[Path]:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return sorted(Path(name).parent.glob(f"{Path(name).name}*"))
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")  # writes every page out, and lets go of files of tables that were written anew
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        oid = cursor.fetchone()[0]
    folder = request.getfixturevalue("postgres").folder / "data" / "base" / str(oid)
    return sorted(path for path in folder.iterdir() if path.is_file())


def holding(request) -> list[str]:
    return [path.name for path in files_of_the_database(request) if CANARY.encode() in path.read_bytes()]


def plant() -> None:
    for number in range(300):
        name = f"{CANARY}-{number}"
        Person.objects.create(account=name, key=name, name=name, changed_at=NOW, gone_at=NOW - timedelta(days=500))
        PersonMonth.objects.create(month="2025-01", account=name)


def test_not_a_byte_of_what_was_deleted_is_left_in_the_files(database, people, request):
    plant()
    OutboxMessage.objects.create(
        kind="plain",
        once_key="x",
        user=people.dpo,
        body=CANARY,
        created_at=NOW - timedelta(days=50),
        due_at=NOW,
        sent_at=NOW,
    )
    stays = "somebody-who-is-still-here"
    Person.objects.create(account=stays, key=stays, name=stays, changed_at=NOW)
    assert holding(request), "the search would find it"
    retention.nightly(NOW)
    assert Person.objects.get().name == stays
    assert holding(request) == []


def test_a_run_that_was_stopped_before_erasing_is_made_up_for_by_the_next(database, people, request):
    plant()
    retention.delete_what_is_over(NOW)  # and the collector is killed here
    retention.nightly(NOW + timedelta(minutes=30))
    assert holding(request) == []


def test_a_reader_that_never_ends_is_told_and_nothing_is_lost(database, people, monkeypatch):
    if database != "sqlite":
        pytest.skip("PostgreSQL's readers hold up no vacuum of these tables")
    import sqlite3

    plant()
    reader = sqlite3.connect(connection.settings_dict["NAME"])
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM store_person").fetchone()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 1")
    waited = []
    Person.objects.all().delete()
    with pytest.raises(NotYetErased):
        erasing.make_gone((), (), wait=waited.append)
    assert len(waited) == erasing.TRIES
    reader.close()
    erasing.make_gone((), (), wait=waited.append)
    assert len(waited) == erasing.TRIES
