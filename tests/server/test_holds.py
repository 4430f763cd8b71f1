"""A case on hold is not deleted, however old; who may hold it, until when, and what is told of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from server import cases, holds, merging, retention
from server.errors import NotAllowed, NotThere, SetUpError, WrongState
from server.store.models import AuditEntry, CaseEvent, CaseHold, Incident, OutboxMessage

NOW = datetime.now(UTC)
SOON = (NOW + timedelta(days=30)).date()
LONG_AFTER = NOW + timedelta(days=3000)


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def closed(database, new_incident, lead_key, people, sealed_note):
    case = new_incident(lead_key)
    return cases.close(people.lead, case.pk, sealed_note(case.pk, lead_key))


def test_a_held_case_stays_however_old_and_goes_once_the_hold_is_lifted(closed, people):
    holds.put(people.lead, closed.pk, "claim", SOON, NOW)
    assert retention.delete_what_is_over(LONG_AFTER)["cases"] == 0
    holds.lift(people.dpo, closed.pk, NOW)
    assert retention.delete_what_is_over(LONG_AFTER)["cases"] == 1
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"case_held", "hold_lifted", "case_deleted"} <= actions


def test_a_held_part_keeps_the_whole(database, new_incident, lead_key, people, sealed_note):
    whole, part = new_incident(lead_key), new_incident(lead_key)
    merging.merge(people.lead, part.pk, whole.pk, NOW)
    cases.close(people.lead, whole.pk, sealed_note(whole.pk, lead_key))
    holds.put(people.dpo, part.pk, "authority", SOON, NOW)
    assert retention.delete_what_is_over(LONG_AFTER)["cases"] == 0
    assert Incident.objects.count() == 2


def test_holding_anew_replaces_the_reason_and_the_day_and_keeps_the_history(closed, people):
    holds.put(people.lead, closed.pk, "claim", SOON, NOW)
    holds.put(people.dpo, closed.pk, "complaint", SOON + timedelta(days=9), NOW)
    assert holds.of(closed.pk).reason == "complaint"
    assert CaseHold.objects.count() == 2
    assert CaseEvent.objects.filter(what="held").count() == 2


@pytest.mark.parametrize("who", ["it", "manager", "deputy", "partner"])
def test_whom_the_case_is_not_for_can_neither_hold_nor_lift(closed, people, who):
    with pytest.raises((NotAllowed, NotThere)):
        holds.put(getattr(people, who), closed.pk, "claim", SOON, NOW)
    with pytest.raises((NotAllowed, NotThere)):
        holds.lift(getattr(people, who), closed.pk, NOW)
    assert not CaseHold.objects.exists()


def test_the_officer_finds_a_case_by_its_number_and_nobody_else_does(closed, people):
    assert holds.by_reference(people.dpo, f" {closed.reference.lower()} ") == closed.pk
    with pytest.raises(NotThere):
        holds.by_reference(people.dpo, "FW-2026-0")
    with pytest.raises(NotAllowed):
        holds.by_reference(people.it, closed.reference)


@pytest.mark.parametrize(
    ("reason", "days"), [("claim", 0), ("claim", -1), ("claim", 800), ("because of Dee", 30), ("", 30)]
)
def test_free_words_and_other_days_are_refused(closed, people, reason, days):
    with pytest.raises(WrongState):
        holds.put(people.lead, closed.pk, reason, (NOW + timedelta(days=days)).date(), NOW)
    assert not CaseHold.objects.exists()


def test_lifting_what_is_not_held_is_refused(closed, people):
    with pytest.raises(WrongState, match="not on hold"):
        holds.lift(people.lead, closed.pk, NOW)


def test_when_the_day_comes_the_officer_and_who_set_it_are_told_once_and_the_hold_goes_on(closed, people):
    holds.put(people.lead, closed.pk, "enquiry", SOON, NOW)
    holds.tell_of_reviews(NOW)
    told = OutboxMessage.objects.filter(subject__contains="hold")
    assert not told.exists()
    for _ in range(2):
        holds.tell_of_reviews(NOW + timedelta(days=31))
    assert {one.user_id for one in told} == {people.dpo.pk, people.lead.pk}
    assert told.count() == 2
    assert holds.of(closed.pk) is not None


def test_the_file_beside_the_database_has_ids_and_fixed_words_and_follows_every_change(closed, people, folder):
    holds.put(people.lead, closed.pk, "claim", SOON, NOW)
    (kept,) = json.loads((folder / holds.FILE_NAME).read_text())
    assert set(kept) == {"incident", "reason", "review_on", "set_at"}
    assert holds.in_file(folder / holds.FILE_NAME) == holds.carried()
    holds.lift(people.lead, closed.pk, NOW)
    assert holds.in_file(folder / holds.FILE_NAME) == []


def test_what_is_carried_over_is_held_once_and_only_where_the_case_is(closed, people, folder):
    holds.put(people.lead, closed.pk, "claim", SOON, NOW)
    held = holds.carried()
    CaseHold.objects.all().delete()
    assert holds.take_in([*held, *held], NOW) == 1
    Incident.objects.all().delete()
    assert holds.take_in(held, NOW) == 0
    (folder / "odd").write_text("{}")
    with pytest.raises(SetUpError, match="no list of cases on hold"):
        holds.in_file(folder / "odd")
