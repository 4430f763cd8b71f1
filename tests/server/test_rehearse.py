"""A rehearsal opens a backup beside, says what is wrong with it, leaves nothing behind and is on the record."""

from __future__ import annotations

import tarfile
from datetime import UTC, datetime

import msgspec
import pytest

from server import audit, backup, rehearse
from server.errors import SetUpError
from server.store.models import AuditEntry

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    """A data folder beside the database."""
    data_dir = tmp_path / "data"
    (data_dir / "keys").mkdir(parents=True)
    (data_dir / "keys" / "django").write_text("secret")
    return data_dir


def test_a_backup_that_opens_is_counted_and_on_the_record_and_nothing_is_left(database, organisation, folder):
    audit.write("command", "initialised", "organisation", now=NOW)
    made = backup.make(folder, NOW)
    done = rehearse.rehearse(folder, None, NOW)
    assert done.backup == made
    assert done.lines == (2 if database == "sqlite" else None)
    assert AuditEntry.objects.filter(action="backup_rehearsed").count() == 1
    assert list((folder / "backups").iterdir()) == [made]


def test_without_a_backup_it_says_how_to_make_one(database, organisation, folder):
    with pytest.raises(SetUpError, match="fairwatch-server backup"):
        rehearse.rehearse(folder, None, NOW)


def test_a_damaged_backup_is_told_and_counts_as_no_rehearsal(database, organisation, folder):
    made = backup.make(folder, NOW)
    made.write_bytes(made.read_bytes()[:-200])
    with pytest.raises(SetUpError, match="damaged"):
        rehearse.rehearse(folder, None, NOW)
    assert not AuditEntry.objects.filter(action="backup_rehearsed").exists()
    assert list((folder / "backups").iterdir()) == [made]


def test_a_database_that_is_none_is_told_though_its_hash_is_right(database, organisation, folder, tmp_path):
    made = backup.make(folder, NOW)
    room = tmp_path / "room"
    with tarfile.open(made) as archive:
        archive.extractall(room, filter="data")
    manifest = msgspec.json.decode((room / backup.MANIFEST).read_bytes(), type=backup.Manifest)
    name = next(name for name in manifest.files if name.startswith("collector.") and not name.endswith(".toml"))
    (room / name).write_bytes(b"no database" * 1000)
    manifest.files[name] = backup.sha256_of(room / name)
    (room / backup.MANIFEST).write_bytes(msgspec.json.encode(manifest))
    with tarfile.open(made, "w:gz") as archive:
        for one in (backup.MANIFEST, *manifest.files):
            archive.add(room / one, one)
    with pytest.raises(SetUpError, match=r"can't be opened|pg_restore failed"):
        rehearse.rehearse(folder, None, NOW)
