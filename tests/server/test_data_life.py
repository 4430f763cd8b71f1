"""The outlook says when the oldest of a kind goes and how many soon; cases open for very long are told of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server import cases, data_life
from server.store.models import Incident, OutboxMessage, Person, PersonMonth

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def outlook(kind: str, now: datetime = NOW):
    return next(one for one in data_life.outlooks(now) if one.kind.id == kind)


def test_it_says_when_the_oldest_goes_and_how_many_within_thirty_days(database, organisation):
    assert outlook("people").next is None
    for name, days in (("a", 390), ("b", 380), ("c", 10)):
        gone = NOW - timedelta(days=days)
        Person.objects.create(account=name, key=name, name=name, changed_at=NOW, gone_at=gone)
    told = outlook("people")
    assert told.next == NOW + timedelta(days=10)
    assert told.soon == 2
    assert not told.chosen


def test_a_month_of_use_goes_45_days_after_its_end(database, organisation):
    PersonMonth.objects.create(month="2026-10", account="a")
    assert outlook("usage").next == datetime(2026, 12, 16, tzinfo=UTC)
    PersonMonth.objects.create(month="2025-12", account="a")
    assert outlook("usage").next == NOW, "what is overdue goes tonight"


def test_closed_cases_are_counted_and_open_ones_told_of_once_a_month(
    database, new_incident, lead_key, people, sealed_note
):
    case = new_incident(lead_key)
    later = datetime.now(UTC) + timedelta(days=366)
    assert data_life.long_open(datetime.now(UTC)) == 0
    assert data_life.long_open(later) == 1
    for _ in range(2):
        data_life.tell_of_long_open(later)
    told = OutboxMessage.objects.filter(user=people.dpo, subject__contains="over a year")
    assert told.count() == 1
    assert case.reference not in told.get().body
    assert outlook("cases").soon == 0
    cases.close(people.lead, case.pk, sealed_note(case.pk, lead_key))
    assert data_life.long_open(later) == 0
    closed = Incident.objects.get().closed_at
    assert outlook("cases", closed + timedelta(days=701)).soon == 1
    assert outlook("cases").next == closed + timedelta(days=730)
