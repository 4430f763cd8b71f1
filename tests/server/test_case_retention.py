"""A closed case goes with everything of it, its parts too; one that is open, new or coming back stays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from server import case_retention, merging, retention
from server.store.models import (
    AlertRecord,
    AuditEntry,
    CaseEvent,
    Deletion,
    Incident,
    IncidentRecipient,
    Note,
    OutboxMessage,
)

KEPT = timedelta(days=730)


@pytest.fixture
def closed(new_incident, lead_key, people, sealed_note):
    """`closed()`: a case of the lead's, closed just now."""
    from server import cases

    def make():
        incident = new_incident(lead_key)
        return cases.close(people.lead, incident.pk, sealed_note(incident.pk, lead_key))

    return make


def test_a_closed_case_goes_after_its_period_with_everything_of_it(database, closed):
    case = closed()
    at = case.closed_at
    retention.delete_what_is_over(at + KEPT)
    assert Incident.objects.count() == 1
    counts = retention.delete_what_is_over(at + KEPT + timedelta(seconds=1))
    assert counts["cases"] == 1
    for model in (Incident, AlertRecord, IncidentRecipient, Note, CaseEvent):
        assert not model.objects.exists(), model
    assert not OutboxMessage.objects.filter(incident__isnull=False).exists()
    assert AuditEntry.objects.get(action="case_deleted").subject == f"incident:{case.pk}"
    assert Deletion.objects.get(kind="cases").count == 1


@pytest.mark.parametrize(
    "change",
    [
        {"state": "open"},
        {"new_since_closing": True},
        {"back_on": date(2030, 1, 1)},
    ],
)
def test_a_case_that_waits_or_comes_back_is_never_deleted_by_age(database, closed, change):
    case = closed()
    for field, value in change.items():
        setattr(case, field, value)
    case.save()
    assert retention.delete_what_is_over(case.closed_at + timedelta(days=9000))["cases"] == 0
    assert Incident.objects.count() == 1


def test_a_part_goes_with_its_whole_and_keeps_it_while_something_of_it_is_young(
    database, new_incident, lead_key, people, sealed_note
):
    from server import cases

    whole, part = new_incident(lead_key), new_incident(lead_key)
    merging.merge(people.lead, part.pk, whole.pk, whole.received_at)
    whole = cases.close(people.lead, whole.pk, sealed_note(whole.pk, lead_key))
    after = whole.closed_at + KEPT + timedelta(seconds=1)
    part.refresh_from_db()
    part.updated_at = after
    part.save()
    assert list(case_retention.over(after - KEPT)) == []
    part.updated_at = part.received_at
    part.save()
    assert retention.delete_what_is_over(after)["cases"] == 2
    assert not Incident.objects.exists()


def test_a_case_that_was_opened_again_in_between_is_looked_at_anew(database, closed):
    case = closed()
    before = case.closed_at + timedelta(days=1)
    assert list(case_retention.over(before)) == [case.pk]
    case.state = Incident.State.OPEN
    case.save()
    assert case_retention.delete(case.pk, before, before) == 0
    assert Incident.objects.count() == 1
