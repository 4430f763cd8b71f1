"""Each kind of record goes when its period is over, and not a day before."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server import deletion_log, retention, summary
from server.errors import SetUpError
from server.store.models import (
    AcknowledgementRecord,
    AuditEntry,
    Deletion,
    Incident,
    OutboxMessage,
    Partner,
    Person,
    PersonMonth,
    SeenRecord,
    TrainingRecord,
    Usage,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "month"),
    [
        (datetime(2026, 12, 16, tzinfo=UTC), "2026-10"),
        (datetime(2026, 12, 15, 23, 59, tzinfo=UTC), "2026-09"),
        (datetime(2027, 1, 14, 23, 59, tzinfo=UTC), "2026-10"),
        (datetime(2027, 1, 15, tzinfo=UTC), "2026-11"),
        (datetime(2027, 2, 14, 23, 59, tzinfo=UTC), "2026-11"),
        (datetime(2027, 2, 15, tzinfo=UTC), "2026-12"),
    ],
)
def test_a_month_is_over_45_days_after_its_end(now, month):
    assert retention.last_month_to_delete(now, "UTC") == month


def test_personal_totals_go_45_days_after_the_month_and_others_stay(database, device):
    device.send(device.totals())
    ended = datetime(2026, 12, 1, tzinfo=UTC)
    retention.delete_what_is_over(ended + timedelta(days=44))
    assert Usage.objects.count() == 3
    counts = retention.delete_what_is_over(ended + timedelta(days=45))
    assert counts["usage"] == 3
    assert not Usage.objects.exists()
    assert not PersonMonth.objects.exists()
    assert AuditEntry.objects.get().action == "deleted_on_time"


def test_what_was_seen_is_remembered_for_more_than_a_year_and_incidents_stay(database, device, lead_key):
    device.send(device.alert(lead_key))
    now = datetime.now(UTC)
    retention.delete_what_is_over(now + timedelta(days=399))
    assert SeenRecord.objects.count() == 1
    retention.delete_what_is_over(now + timedelta(days=401))
    assert SeenRecord.objects.count() == 0
    assert Incident.objects.count() == 1


def test_nothing_to_delete_is_not_on_the_audit_log(database, organisation):
    retention.delete_what_is_over(NOW)
    assert not AuditEntry.objects.exists()


def test_who_is_no_longer_listed_is_deleted_when_their_period_is_over(database):
    for name, gone_at in (("listed", None), ("lately", NOW - timedelta(days=399)), ("long", NOW - timedelta(days=401))):
        Person.objects.create(account=name, key=name, name=name, changed_at=NOW, gone_at=gone_at)
    assert retention.delete_what_is_over(NOW)["people"] == 1
    assert set(Person.objects.values_list("key", flat=True)) == {"listed", "lately"}


def test_training_goes_with_its_person_and_that_of_accounts_on_no_list_when_it_is_long_past_due(database):
    for key, gone_at in (("here", None), ("left", NOW - timedelta(days=401))):
        Person.objects.create(account=key, key=key, name=key, changed_at=NOW, gone_at=gone_at)
    days = {"here": 2000, "left": 10, "unlisted old": 401, "unlisted": 399}
    for key, ago in days.items():
        done_on = (NOW - timedelta(days=ago)).date()
        TrainingRecord.objects.create(account=key, key=key, course="Prevent", course_key="prevent", done_on=done_on)
    counts = retention.delete_what_is_over(NOW)
    assert (counts["training"], counts["people"]) == (1, 2), "the person, and with them what they were trained in"
    assert set(TrainingRecord.objects.values_list("key", flat=True)) == {"here", "unlisted"}


def test_acknowledgements_go_with_their_person_and_old_ones_of_accounts_on_no_list_too(database, people):
    Person.objects.create(account="left", key="left", name="left", changed_at=NOW, gone_at=NOW - timedelta(days=401))
    Person.objects.create(account="here", key="here", name="here", changed_at=NOW)
    rows = (("left", 1, None), ("here", 500, None), ("old", 401, None), ("new", 399, None), ("dpo", 500, people.dpo))
    for key, ago, user in rows:
        AcknowledgementRecord.objects.create(
            key=key, account=key, document="code", version="1", at=NOW - timedelta(days=ago), received_at=NOW, user=user
        )
    counts = retention.delete_what_is_over(NOW)
    assert (counts["acknowledgements"], counts["people"]) == (1, 2), "the person, and with them what they acknowledged"
    assert set(AcknowledgementRecord.objects.values_list("key", flat=True)) == {"here", "new", "dpo"}


def test_a_partner_that_ended_is_deleted_when_its_period_is_over(database):
    for name, ended_at in (("here", None), ("late", NOW - timedelta(days=399)), ("long", NOW - timedelta(days=401))):
        Partner.objects.create(name=name, key=name, changed_at=NOW, ended_at=ended_at)
    assert retention.delete_what_is_over(NOW)["partners"] == 1
    assert set(Partner.objects.values_list("key", flat=True)) == {"here", "late"}


def test_messages_go_after_thirty_days_but_what_still_waits_stays(database, people):
    for once, settled in (("sent", {"sent_at": NOW}), ("given up", {"given_up_at": NOW}), ("waits", {})):
        OutboxMessage.objects.create(
            kind="plain", once_key=once, user=people.dpo, created_at=NOW, due_at=NOW, **settled
        )
    retention.delete_what_is_over(NOW + timedelta(days=30))
    assert OutboxMessage.objects.count() == 3
    retention.delete_what_is_over(NOW + timedelta(days=30, seconds=1))
    assert list(OutboxMessage.objects.values_list("once_key", flat=True)) == ["waits"]


def test_periods_are_those_that_the_organisation_chose(database, settings):
    settings.CONFIG = replace(settings.CONFIG, retention={"people": 30})
    Person.objects.create(account="x", key="x", name="x", changed_at=NOW, gone_at=NOW - timedelta(days=31))
    assert retention.delete_what_is_over(NOW)["people"] == 1
    assert Deletion.objects.get(kind="people").days == 30


def test_a_run_that_is_stopped_keeps_what_it_did_and_the_next_goes_on(database, device, monkeypatch):
    month = f"{datetime.now(UTC):%Y-%m}"
    PersonMonth.objects.bulk_create(PersonMonth(month=month, account=f"p{number}") for number in range(120))
    later = datetime.now(UTC) + timedelta(days=100)
    done = []

    def twice(people):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(people)
        return usual(people)

    usual = retention._delete_people
    monkeypatch.setattr(retention, "_delete_people", twice)
    with pytest.raises(KeyboardInterrupt):
        retention.delete_what_is_over(later)
    assert PersonMonth.objects.count() == 20
    assert Deletion.objects.get(kind="usage").count == 100
    monkeypatch.setattr(retention, "_delete_people", usual)
    retention.delete_what_is_over(later + timedelta(minutes=30))
    assert not PersonMonth.objects.exists()


def test_of_a_month_that_is_half_deleted_no_summary_is_made(database, device, monkeypatch):
    device.send(device.totals())
    month = PersonMonth.objects.first().month
    PersonMonth.objects.create(month=month, account="somebody else")
    monkeypatch.setattr(retention, "PEOPLE_AT_ONCE", 1)
    later = datetime.now(UTC) + timedelta(days=100)
    steps = retention._steps("usage", later - timedelta(days=45), later)
    next(steps)()
    deletion_log.note("usage", 45, later - timedelta(days=45), next(steps)(), later)
    assert PersonMonth.objects.exists()
    with pytest.raises(SetUpError, match="before its totals were deleted"):
        summary.make(month, later)


def test_old_mails_and_backups_go_and_others_stay(database, organisation, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    for folder in ("mails", "backups"):
        (tmp_path / folder).mkdir()
        for name, age in (("old", 31), ("new", 29)):
            file = tmp_path / folder / name
            file.write_text("x")
            os.utime(file, ((NOW - timedelta(days=age)).timestamp(),) * 2)
    assert retention.delete_files(NOW) == 2
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["new", "new"]
    assert {one.kind: one.count for one in Deletion.objects.all()} == {"mails": 1, "backups": 1}


def test_what_a_killed_backup_or_restore_left_goes_as_backups_do(database, organisation, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    for name, age in (("backups/.backup-a", 31), ("backups/.backup-b", 29), (".restore-a", 31), (".restore-b", 29)):
        room = tmp_path / name
        room.mkdir(parents=True)
        (room / "collector.sqlite3").write_text("a copy")
        os.utime(room, ((NOW - timedelta(days=age)).timestamp(),) * 2)
    retention.delete_files(NOW)
    left = {str(path.relative_to(tmp_path)) for path in (*tmp_path.glob("backups/*"), *tmp_path.glob(".restore-*"))}
    assert left == {"backups/.backup-b", ".restore-b"}
    assert Deletion.objects.get().count == 2


def test_the_command_says_what_is_kept_and_deletes_on_demand(tmp_path, fresh_collector):
    data_dir = fresh_collector(tmp_path / "data")

    def command(*arguments):
        whole = [sys.executable, "-m", "server", *arguments, "--data-dir", str(data_dir)]
        return subprocess.run(whole, capture_output=True, text=True, timeout=60, check=True).stdout

    (data_dir / "mails" / "old").write_text("x")
    os.utime(data_dir / "mails" / "old", (0, 0))
    words = command("retention", "--now")
    assert list((data_dir / "mails").iterdir()) == []
    assert "Each person’s totals of use: 45 days after the end of their month" in words
    assert "Open cases" in words
