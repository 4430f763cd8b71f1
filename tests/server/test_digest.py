"""Digests count what waits for each person, at their hour on their days, once, and never what is kept from them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from server import digest
from server.store.models import Absence, Incident, NotifySettings, OutboxMessage

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)  # a Friday, half past eight in London


@pytest.fixture
def lead(people, deputy_key, new_incident, lead_key):
    """A lead with three cases, one of them overdue; a fourth is sealed to the deputy alone."""
    new_incident(lead_key, urgent=False, at=NOW - timedelta(hours=2))
    new_incident(lead_key, urgent=False, at=NOW - timedelta(hours=3))
    new_incident(lead_key, at=NOW - timedelta(hours=4))
    new_incident(deputy_key, at=NOW)
    return people.lead


def subjects(**wanted):
    return list(OutboxMessage.objects.filter(kind="digest", **wanted).values_list("subject", flat=True))


def test_it_counts_what_is_sealed_to_each_person_and_what_is_overdue(database, lead, people):
    digest.tell_due(NOW)
    assert subjects(user=lead) == ["Fairwatch: 3 cases wait, 1 overdue"]
    assert subjects(user=people.deputy) == ["Fairwatch: 1 case waits"]


def test_it_comes_once_a_day_whoever_looks_and_not_before_its_time(database, lead):
    for minutes in (-15, 0, 15, 30):
        digest.tell_due(NOW + timedelta(minutes=minutes))
        assert len(subjects(user=lead)) == (0 if minutes < 0 else 1)
    digest.tell_due(NOW + timedelta(days=3))
    assert len(subjects(user=lead)) == 2


def test_it_does_not_come_on_days_off_nor_long_after_its_time(database, lead):
    digest.tell_due(NOW + timedelta(days=1))
    digest.tell_due(NOW + timedelta(days=3, hours=6))
    assert subjects() == []


@pytest.mark.parametrize(
    ("settings", "days", "comes"),
    [
        ({"digest": "none"}, 0, 0),
        ({"digest": "weekly"}, 0, 0),
        ({"digest": "weekly"}, 3, 1),
        ({"digest": "weekly", "days": "5"}, 0, 1),
        ({"digest_at": time(9)}, 0, 0),
    ],
)
def test_each_person_chooses_how_often_and_when(database, lead, settings, days, comes):
    NotifySettings.objects.create(user=lead, **settings)
    digest.tell_due(NOW + timedelta(days=days))
    assert len(subjects(user=lead)) == comes


def test_nobody_is_told_that_nothing_waits_or_while_they_are_away(database, lead):
    Absence.objects.create(user=lead, first_day=date(2026, 11, 20), last_day=date(2026, 11, 20), entered_at=NOW)
    digest.tell_due(NOW)
    assert subjects(user=lead) == []
    Absence.objects.all().delete()
    close_all()
    digest.tell_due(NOW)
    assert subjects(user=lead) == []


def test_what_went_on_after_closing_counts(database, lead):
    close_all(new_since_closing=True, updated_at=NOW)
    assert digest.counts(lead, NOW + timedelta(minutes=5)) == (3, 0)


def close_all(**more):
    """Close each incident as the product does, by saving it: that moves its place in the queue."""
    for incident in Incident.objects.all():
        for name, value in {"state": Incident.State.CLOSED, **more}.items():
            setattr(incident, name, value)
        incident.save()
