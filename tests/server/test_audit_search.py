"""Lines are found by who, what, about what and when; ids are told as a reader knows them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from server import audit, audit_search
from server.audit_search import Wanted
from server.store.models import Incident

LONDON = ZoneInfo("Europe/London")


@pytest.fixture
def log(people, device, deputy_key):
    device.send(device.alert(deputy_key))
    case = Incident.objects.get()
    lead, it = audit.actor_of(people.lead), audit.actor_of(people.it)
    for at, *line in (
        # In summer a London day begins at 23:00 UTC of the day before.
        (datetime(2026, 6, 30, 22, 59, tzinfo=UTC), lead, "evidence_released", f"incident:{case.pk}"),
        (datetime(2026, 6, 30, 23, 0, tzinfo=UTC), lead, "note_added", f"incident:{case.pk}"),
        (datetime(2026, 7, 1, 22, 59, tzinfo=UTC), it, "user_changed", lead),
        (datetime(2026, 7, 1, 23, 0, tzinfo=UTC), "job:retention", "deleted_on_time", "usage"),
    ):
        audit.write(*line, now=at)
    return case


def found(*, most=50, **wanted):
    return [one.action for one in audit_search.find(Wanted(**wanted), LONDON, most)]


def test_without_a_wish_all_come_newest_first(log):
    assert found() == ["deleted_on_time", "user_changed", "note_added", "evidence_released"]
    assert found(most=2) == ["deleted_on_time", "user_changed"]
    assert found(before=2) == ["evidence_released"]


def test_by_who_what_and_about_what(log, people):
    assert found(actor=audit.actor_of(people.lead)) == ["note_added", "evidence_released"]
    assert found(action="user_changed") == ["user_changed"]
    assert found(subject=log.reference) == ["note_added", "evidence_released"]
    assert found(subject=f"Case {log.reference.lower()}") == ["note_added", "evidence_released"]
    assert found(subject="lead") == ["user_changed"]
    assert found(subject=f"incident:{uuid4()}") == []
    assert found(subject="' OR 1=1 --") == []


def test_days_are_the_organisations_and_both_are_included(log):
    first = date(2026, 7, 1)
    assert found(since=first, until=first) == ["user_changed", "note_added"]
    assert found(until=date(2026, 6, 30)) == ["evidence_released"]
    assert found(since=date(2026, 7, 2)) == ["deleted_on_time"]


def test_ids_are_told_by_name_and_reference(log, people):
    told = audit_search.find(Wanted(), LONDON, 50)
    assert told[3].about == f"Case {log.reference}"
    assert told[3].who == "The safeguarding lead, safeguarding lead"
    assert told[1].about == "The safeguarding lead, safeguarding lead"
    assert told[0].who == "job:retention"


def test_what_can_be_chosen_is_what_stands_in_the_log(log, people):
    assert audit_search.actions() == ["deleted_on_time", "evidence_released", "note_added", "user_changed"]
    actors = audit_search.actors()
    assert actors["job:retention"] == "job:retention"
    assert actors[audit.actor_of(people.dpo)].startswith("The data protection officer")
    assert not [one for one in actors if one.startswith("device:")]


def test_a_line_that_names_no_real_case_is_told_as_it_stands(log):
    audit.write("user:x", "evidence_released", "incident:17")
    assert audit_search.find(Wanted(), LONDON, 1)[0].about == "incident:17"
