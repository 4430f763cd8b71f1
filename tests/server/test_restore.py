"""Putting a backup back does its deletions again, signs everybody out, and changes nothing when it can't be right."""

from __future__ import annotations

import io
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session

from server import backup, cases, deletion_log, holds, restore, retention
from server.errors import SetUpError
from server.store.models import AuditEntry, Deletion, Incident, Person

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=10)


@pytest.fixture
def folder(tmp_path, settings):
    """A data folder beside the database."""
    data_dir = tmp_path / "data"
    (data_dir / "keys").mkdir(parents=True)
    (data_dir / "keys" / "django").write_text("secret")
    (data_dir / "rules").mkdir()
    (data_dir / "rules" / "a.json").write_text("old")
    (data_dir / "collector.toml").write_text('listen = "127.0.0.1:1"\n')
    settings.DATA_DIR = data_dir
    return data_dir


@pytest.fixture
def room(tmp_path):
    made = tmp_path / "room"
    made.mkdir()
    return made


def gone(name: str, days: int) -> None:
    left = NOW - timedelta(days=days)
    Person.objects.create(account=name, key=name, name=name, changed_at=NOW, gone_at=left)


def names() -> set[str]:
    return set(Person.objects.values_list("name", flat=True))


def test_what_was_deleted_since_the_backup_is_deleted_again(database, organisation, folder, room):
    gone("long", 395)
    gone("lately", 10)
    Session.objects.create(session_key="x", session_data="", expire_date=NOW + timedelta(days=900))
    made = backup.make(folder, NOW)
    (folder / "rules" / "a.json").write_text("new")
    retention.delete_what_is_over(LATER)
    assert names() == {"lately"}
    gone("since", 1)
    counts = restore.put_back(folder, room, restore.unpack(made, room), [], LATER + timedelta(hours=1))
    assert counts["people"] == 1
    assert names() == {"lately"}
    assert not Session.objects.exists()
    assert (folder / "rules" / "a.json").read_text() == "new", "devices refuse rules older than those they saw"
    assert Deletion.objects.filter(kind="people").count() == 2, "both that which was carried over, and this one"
    assert AuditEntry.objects.filter(action="backup_restored").count() == 1
    assert len(list((folder / "backups").glob("*.tar.gz"))) == 2, "the state before is there, should this be a mistake"


def test_a_shorter_period_of_then_counts_though_the_settings_are_other_ones_now(
    database, organisation, folder, room, settings
):
    gone("somebody", 50)
    made = backup.make(folder, NOW)
    deletion_log.note("people", 30, NOW - timedelta(days=30), 1, NOW)
    restore.put_back(folder, room, restore.unpack(made, room), [], LATER)
    assert names() == set()


def test_an_empty_folder_becomes_the_collector_and_another_log_s_deletions_are_done(
    database, organisation, folder, room, tmp_path, settings
):
    gone("somebody", 50)
    made = backup.make(folder, NOW)
    deletion_log.note("people", 30, NOW - timedelta(days=30), 1, NOW)
    kept = shutil.copy(folder / deletion_log.FILE_NAME, tmp_path / "kept.jsonl")
    moved = shutil.copy(made, tmp_path / "backup.tar.gz")
    Deletion.objects.all().delete()
    shutil.rmtree(folder)
    folder.mkdir()
    restore.put_back(folder, room, restore.unpack(Path(moved), room), [Path(kept)], LATER)
    assert names() == set()
    assert (folder / "keys" / "django").read_text() == "secret"
    assert (folder / "rules" / "a.json").read_text() == "old"
    assert (folder / "mails").is_dir()


@pytest.mark.more
def test_what_a_power_cut_left_of_a_restore_is_no_hindrance_to_the_next(database, organisation, folder, room):
    made = backup.make(folder, NOW)
    (folder / "keys" / "django").write_bytes(b"")
    (folder / "rules" / "a.json").unlink()
    (folder / "rules" / ".a.json.restoring").write_text("ha")
    restore.put_back(folder, room, restore.unpack(made, room), [], LATER)
    assert (folder / "keys" / "django").read_text() == "secret"
    assert (folder / "rules" / "a.json").read_text() == "old"
    assert [each.name for each in (folder / "rules").iterdir() if each.is_file()] == ["a.json"]


def test_a_case_that_was_put_on_hold_since_the_backup_is_still_on_hold_and_not_deleted(
    database, folder, room, new_incident, lead_key, people, sealed_note
):
    case = new_incident(lead_key)
    case = cases.close(people.lead, case.pk, sealed_note(case.pk, lead_key))
    made = backup.make(folder, NOW)
    holds.put(people.dpo, case.pk, "claim", (NOW + timedelta(days=30)).date(), NOW)
    after = case.closed_at + timedelta(days=3000)
    restore.put_back(folder, room, restore.unpack(made, room), [], after)
    assert Incident.objects.filter(pk=case.pk).exists()
    assert holds.of(case.pk).reason == "claim"


def test_the_backup_of_another_collector_is_refused(database, organisation, folder, room):
    made = backup.make(folder, NOW)
    (folder / "keys" / "django").write_text("another")
    gone("here", 1)
    with pytest.raises(SetUpError, match="another collector"):
        restore.put_back(folder, room, restore.unpack(made, room), [], LATER)
    assert names() == {"here"}


def test_a_damaged_backup_and_other_files_are_refused(database, organisation, folder, room, tmp_path):
    made = backup.make(folder, NOW)
    whole = made.read_bytes()
    for number, data in enumerate((whole[: len(whole) // 2], b"rubbish", b"")):
        bad = tmp_path / f"bad{number}"
        bad.write_bytes(data)
        inside = room / str(number)
        inside.mkdir()
        with pytest.raises(SetUpError, match="no backup"):
            restore.unpack(bad, inside)


def test_a_file_more_in_it_is_refused(database, organisation, folder, room, tmp_path):
    made = backup.make(folder, NOW)
    changed = tmp_path / "changed.tar.gz"
    with tarfile.open(made) as old, tarfile.open(changed, "w:gz") as new:
        for one in old:
            new.addfile(one, old.extractfile(one))
        extra = tarfile.TarInfo("rules/extra.json")
        extra.size = 2
        new.addfile(extra, io.BytesIO(b"{}"))
    with pytest.raises(SetUpError, match="damaged"):
        restore.unpack(changed, room)


def test_nothing_is_put_back_under_a_collector_that_runs(database, organisation, folder, room):
    import socket

    made = backup.make(folder, NOW)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        (folder / "collector.toml").write_text(f'listen = "127.0.0.1:{port}"\n')
        with pytest.raises(SetUpError, match="stop the collector first"):
            restore.put_back(folder, room, restore.unpack(made, room), [], LATER)
