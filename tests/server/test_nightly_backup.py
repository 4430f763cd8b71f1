"""Each night's backup is sealed to a key that is elsewhere, and as many stay as were asked for."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from protocol import backup_sealing
from protocol.errors import OpenError, UnlockError
from server import doctor_machine, nightly_backup, rehearse, restore, schedule
from server.backup_settings import BackupSettings
from server.config import Config
from server.errors import SetUpError
from server.store.models import AuditEntry, Person

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WORDS = "six words that nobody guesses at all"


@pytest.fixture(scope="module")
def key():
    """A backup key: its private half, and its public half as text."""
    pem, public = backup_sealing.new_key(WORDS)
    return backup_sealing.unlock(pem, WORDS), public


@pytest.fixture
def folder(tmp_path):
    """A data folder beside the database."""
    data_dir = tmp_path / "data"
    (data_dir / "keys").mkdir(parents=True)
    (data_dir / "keys" / "django").write_text("secret of the sessions")
    (data_dir / "deletions.jsonl").write_text("")
    return data_dir


@pytest.fixture
def chosen(tmp_path, key, settings):
    """Settings with a folder elsewhere, in force."""
    (tmp_path / "mount").mkdir()
    settings.CONFIG = Config(backup=BackupSettings(key[1], str(tmp_path / "mount"), 2))
    return settings.CONFIG.backup


def make(chosen, folder, now=NOW):
    nightly_backup.make(chosen, folder, threading.Event(), now)


def sealed_in(folder):
    return sorted(path.name for path in folder.glob("fairwatch-*"))


def test_it_lies_sealed_in_the_named_folder_and_nothing_readable_anywhere(
    database, organisation, folder, chosen, tmp_path
):
    Person.objects.create(account="x", key="x", name="canary-of-the-copy", changed_at=NOW)
    make(chosen, folder)
    made = tmp_path / "mount" / "fairwatch-2026-11-22T120000Z.tar.gz.sealed"
    assert made.stat().st_mode & 0o077 == 0
    assert {path.name for path in (tmp_path / "mount").iterdir()} == {made.name, "deletions.jsonl"}
    assert list((folder / "backups").iterdir()) == []
    for secret in (b"canary-of-the-copy", b"secret of the sessions", b"SQLite", b"\x1f\x8b\x08\x00"):
        assert secret not in made.read_bytes()


def test_it_opens_with_the_key_and_with_no_other(database, organisation, folder, chosen, key, tmp_path):
    make(chosen, folder)
    newest = rehearse.newest(folder)
    assert newest.parent == tmp_path / "mount"
    room = tmp_path / "room"
    room.mkdir()
    with pytest.raises(SetUpError, match="--key"):
        restore.unpack(newest, room)
    other, _ = backup_sealing.new_key(WORDS)
    with pytest.raises(OpenError, match="another key"):
        restore.unpack(newest, room, backup_sealing.unlock(other, WORDS))
    assert list(room.iterdir()) == []
    restore.unpack(newest, room, key[0])
    assert (room / "keys" / "django").read_text() == "secret of the sessions"


def test_a_rehearsal_with_the_key_is_on_the_record(database, organisation, folder, chosen, key):
    make(chosen, folder)
    done = rehearse.rehearse(folder, None, NOW, key[0])
    assert (done.lines is not None) is (database == "sqlite")
    assert AuditEntry.objects.filter(action="backup_rehearsed").count() == 1


def test_a_sealed_backup_that_was_cut_off_is_refused(database, organisation, folder, chosen, key, tmp_path):
    make(chosen, folder)
    newest = rehearse.newest(folder)
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.raises(OpenError, match="damaged"):
        restore.unpack(newest, tmp_path, key[0])


def test_as_many_stay_as_were_asked_for_and_what_is_not_ours_stays(database, organisation, folder, chosen, tmp_path):
    mount = tmp_path / "mount"
    (mount / "holidays.tar.gz.sealed").write_text("ours")
    (mount / ".fairwatch-2026-11-01T000000Z.tar.gz.sealed").write_text("half of one")
    for night in range(4):
        make(chosen, folder, NOW + timedelta(days=night))
    names = [f"fairwatch-2026-11-{day}T120000Z.tar.gz.sealed" for day in (24, 25)]
    assert sealed_in(mount) == names
    assert (mount / "holidays.tar.gz.sealed").exists()
    assert not list(mount.glob(".fairwatch-*"))
    assert AuditEntry.objects.filter(actor="job:backup", action="deleted_on_time").count() == 2


def test_a_mount_that_is_away_is_not_made_in_its_place_and_the_doctor_tells(
    database, organisation, folder, chosen, tmp_path
):
    (tmp_path / "mount").rmdir()
    with pytest.raises(SetUpError, match="mount it"):
        make(chosen, folder)
    assert not (tmp_path / "mount").exists()
    found = doctor_machine.backups(folder)
    assert not found.ok
    assert "the last try failed" in found.sentence
    (tmp_path / "mount").mkdir()
    make(chosen, folder, datetime.now(UTC))
    assert doctor_machine.backups(folder).ok


def test_a_collector_that_is_told_to_end_leaves_no_half(database, organisation, folder, chosen, tmp_path):
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(SetUpError, match="told to end"):
        nightly_backup.make(chosen, folder, stopping, NOW)
    assert list((tmp_path / "mount").iterdir()) == []


def test_the_job_is_there_with_a_key_alone_and_makes_one_a_day(database, organisation, folder, chosen, tmp_path):
    stopping = threading.Event()
    assert nightly_backup.timed_jobs(BackupSettings(), folder, stopping) == ()
    jobs = nightly_backup.timed_jobs(chosen, folder, stopping)
    schedule.run_due(jobs, NOW)
    schedule.run_due(jobs, NOW + timedelta(minutes=5))
    assert len(sealed_in(tmp_path / "mount")) == 1
    schedule.run_due(jobs, NOW + timedelta(days=1))
    assert len(sealed_in(tmp_path / "mount")) == 2


def test_the_key_is_unlocked_by_a_file_with_its_words(tmp_path):
    pem, public = backup_sealing.new_key(WORDS)
    (tmp_path / "backup.pem").write_bytes(pem)
    (tmp_path / "words").write_text(WORDS + "\n")
    key = restore.unlocked(tmp_path / "backup.pem", tmp_path / "words")
    assert backup_sealing.to_text(key.public_key().public_bytes_raw()) == public
    assert restore.unlocked(None, None) is None
    (tmp_path / "words").write_text("other words")
    with pytest.raises(UnlockError, match="passphrase"):
        restore.unlocked(tmp_path / "backup.pem", tmp_path / "words")
