"""A backup is one file for the collector's account alone, whole or not at all, made while others write."""

from __future__ import annotations

import tarfile
from datetime import UTC, datetime

import msgspec
import pytest

from server import backup
from server.errors import SetUpError
from server.store.models import AuditEntry, Person

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    """A data folder beside the database."""
    data_dir = tmp_path / "data"
    (data_dir / "keys").mkdir(parents=True)
    (data_dir / "keys" / "django").write_text("secret")
    (data_dir / "rules").mkdir()
    (data_dir / "rules" / "a.json").write_text("{}")
    (data_dir / "logs").mkdir()
    (data_dir / "logs" / "collector.log").write_text("x")
    return data_dir


def test_it_holds_the_database_keys_and_rules_each_with_its_hash_and_no_logs(database, organisation, folder):
    made = backup.make(folder, NOW)
    assert made == folder / "backups" / "fairwatch-2026-11-22T120000Z.tar.gz"
    assert made.stat().st_mode & 0o077 == 0
    with tarfile.open(made) as archive:
        names = set(archive.getnames())
        manifest = msgspec.json.decode(archive.extractfile(backup.MANIFEST).read(), type=backup.Manifest)
    assert manifest.engine == database
    assert names == {backup.MANIFEST, *manifest.files}
    assert {"keys/django", "rules/a.json"} < names
    assert not any(name.startswith("logs") for name in names)
    assert AuditEntry.objects.get().action == "backup_made"
    assert list((folder / "backups").iterdir()) == [made], "nothing half-made is left"


def test_it_is_never_written_over_a_file_that_is_there(database, organisation, folder, tmp_path):
    target = tmp_path / "mine.tar.gz"
    target.write_text("mine")
    with pytest.raises(SetUpError, match="there already"):
        backup.make(folder, NOW, target)
    assert target.read_text() == "mine"


def test_what_was_deleted_before_is_in_no_page_of_the_copy(database, organisation, folder, tmp_path):
    Person.objects.create(account="x", key="x", name="canary-of-the-copy", changed_at=NOW)
    Person.objects.all().delete()
    made = backup.make(folder, NOW)
    with tarfile.open(made) as archive:
        assert all(b"canary-of-the-copy" not in archive.extractfile(one).read() for one in archive if one.isfile())


def test_a_fault_in_between_leaves_no_half_of_a_backup(database, organisation, folder, monkeypatch):
    def no_room(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("server.dumping.dump", no_room)
    with pytest.raises(OSError, match="No space"):
        backup.make(folder, NOW)
    assert list((folder / "backups").iterdir()) == []


def test_what_a_power_cut_left_of_one_is_no_hindrance_to_the_next(database, organisation, folder, tmp_path):
    (tmp_path / ".mine.tar.gz").write_bytes(b"half")
    made = backup.make(folder, NOW, tmp_path / "mine.tar.gz")
    assert tarfile.is_tarfile(made)
    assert not (tmp_path / ".mine.tar.gz").exists()
