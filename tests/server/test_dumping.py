"""The database goes into a file and back, as of one moment; a damaged copy replaces nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from server import dumping
from server.errors import SetUpError
from server.store.models import Person

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def add(name: str) -> None:
    Person.objects.create(account=name, key=name, name=name, changed_at=NOW)


def test_what_was_there_comes_back_and_what_came_later_is_gone(database, tmp_path):
    add("before")
    copy = tmp_path / "copy"
    dumping.dump(copy)
    assert copy.stat().st_mode & 0o077 == 0
    add("after")
    dumping.load(copy)
    assert [one.name for one in Person.objects.all()] == ["before"]
    add("later")
    assert Person.objects.count() == 2


def test_a_damaged_copy_is_refused_and_the_database_stays(database, tmp_path):
    add("there")
    copy = tmp_path / "copy"
    copy.write_bytes(b"rubbish" * 1000)
    with pytest.raises(SetUpError):
        dumping.load(copy)
    assert Person.objects.get().name == "there"


def test_tools_that_are_not_installed_are_named(database, tmp_path, monkeypatch):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite needs no tools")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(dumping, "_PROGRAMS", tmp_path)
    with pytest.raises(SetUpError, match="pg_dump is not here"):
        dumping.dump(tmp_path / "copy")
