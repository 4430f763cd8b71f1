"""Each kind of record goes when its period is over, and not a day before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server import retention
from server.store.models import (
    AuditEntry,
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
    assert retention.delete_what_is_over(NOW)["training"] == 2
    assert set(TrainingRecord.objects.values_list("key", flat=True)) == {"here", "unlisted"}


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
