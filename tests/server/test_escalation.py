"""An urgent case rings on, wider at each step, until somebody takes it; one process takes each step."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from server import escalation, holding, merging, notify
from server.config import Config
from server.errors import NotAllowed, NotThere
from server.notify_config import Contact, Escalating
from server.store.models import Absence, AuditEntry, Escalation, Incident, OutboxMessage

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)  # a Friday night


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def configured(settings):
    settings.CONFIG = Config(
        escalation=Escalating((10, 20), 30), contacts=(Contact("Night service", "night@council.example"),)
    )


@pytest.fixture
def case(new_incident, lead_key, deputy_key):
    incident = new_incident(lead_key, deputy_key, at=NOW)
    notify.incident_recorded(incident, NOW)
    return incident


def told():
    """Whom the outbox tells, in order, each wave as (minutes, names); all of it counts as sent."""
    waves: dict[float, list[str]] = {}
    for row in OutboxMessage.objects.filter(kind="urgent").order_by("created_at", "pk").select_related("user"):
        minutes = (row.created_at - NOW).total_seconds() / 60
        waves.setdefault(minutes, []).append(row.user.username if row.user is not None else row.contact)
    return {minutes: sorted(names) for minutes, names in waves.items()}


def ring_through(*minutes):
    for minute in minutes:
        OutboxMessage.objects.update(sent_at=at(minute))
        escalation.ring(at(minute))


def test_it_goes_from_the_lead_to_the_deputy_to_the_contact_and_round_again(database, people, case):
    ring_through(*range(1, 95))
    everybody = ["Night service", "deputy", "lead"]
    assert told() == {0: ["lead"], 10: ["deputy", "lead"], 30: everybody, 60: everybody, 90: everybody}


def test_repeats_of_all_cases_fall_on_the_same_minute(database, people, new_incident, lead_key):
    for minute in (0, 3, 7):
        notify.incident_recorded(new_incident(lead_key, at=at(minute)), at(minute))
    ring_through(*range(1, 62))
    assert set(Escalation.objects.values_list("next_at", flat=True)) == {at(90)}


def test_acknowledging_stops_it_for_all_and_is_audited(database, people, case):
    ring_through(10)
    waiting = OutboxMessage.objects.filter(sent_at__isnull=True).count()
    assert waiting == 2
    kept = holding.acknowledge(people.deputy, case.pk, at(11))
    assert (kept.id, kept.at) == (people.deputy.pk, at(11))
    assert not OutboxMessage.objects.filter(sent_at__isnull=True).exists()
    ring_through(30, 60, 90)
    assert list(told()) == [0]
    entry = AuditEntry.objects.get(action="incident_acknowledged")
    assert (entry.actor, entry.subject) == (f"user:{people.deputy.pk}", f"incident:{case.pk}")


def test_who_took_it_first_keeps_it(database, people, case):
    holding.acknowledge(people.lead, case.pk, at(1))
    assert holding.acknowledge(people.deputy, case.pk, at(2)).id == people.lead.pk
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("role", ["it", "manager", "dpo"])
def test_nobody_else_can_stop_it(database, people, case, role):
    with pytest.raises(NotAllowed):
        holding.acknowledge(getattr(people, role), case.pk, at(1))
    assert Escalation.objects.get().ended_at is None


def test_the_lead_it_is_about_can_not_stop_it(database, people, new_incident, lead_key, deputy_key):
    incident = new_incident(deputy_key)
    with pytest.raises(NotThere):
        holding.acknowledge(people.lead, incident.pk, NOW)


def test_a_late_acknowledgement_changes_nothing_of_a_closed_case(database, people, case):
    closed = Incident.objects.get()
    closed.state, closed.closed_at, closed.closed_by = Incident.State.CLOSED, at(5), people.lead
    closed.save()
    notify.incident_closed(case, at(5))
    holding.acknowledge(people.deputy, case.pk, at(6))
    kept = Incident.objects.get()
    assert (kept.state, kept.closed_by) == ("closed", people.lead)
    ring_through(10, 30)
    assert list(told()) in ([], [0])


def test_opening_gives_time_once_and_does_not_stop_it(database, people, case):
    notify.evidence_released(case, people.lead, at(9))
    ring_through(10, 18)
    assert list(told()) == [0]
    ring_through(19)
    assert list(told()) == [0, 19]
    notify.evidence_released(case, people.lead, at(38))
    ring_through(39)
    assert list(told()) == [0, 19, 39]


def test_a_case_that_goes_on_after_closing_rings_anew_once(database, people, case):
    holding.acknowledge(people.lead, case.pk, at(1))
    OutboxMessage.objects.create(
        kind="urgent", once_key="kept", user=people.lead, created_at=NOW, due_at=NOW, sent_at=NOW, incident=case
    )
    case.refresh_from_db()
    case.state, case.closed_at, case.new_since_closing = "closed", at(5), True
    case.acknowledged_by = case.acknowledged_at = None
    case.save()
    for minute in (8, 9):
        notify.incident_recorded(case, at(minute))
    assert told() == {0: ["lead"], 8: ["lead"]}
    holding.acknowledge(people.deputy, case.pk, at(10))
    notify.incident_recorded(case, at(12))
    assert told() == {0: ["lead"]}
    assert Incident.objects.get().acknowledged_by == people.deputy


def test_a_case_that_came_while_the_clock_was_ahead_rings_anew_too(database, people, new_incident, lead_key):
    case = new_incident(lead_key, at=at(60))
    notify.incident_recorded(case, at(60))
    notify.incident_closed(case, NOW)
    case.state, case.closed_at, case.new_since_closing = "closed", NOW, True
    case.save()
    notify.incident_recorded(case, at(5))
    assert escalation.is_ringing(case)


def test_nobody_is_rung_twice_for_what_has_not_reached_them(database, people, case):
    for minute in (10, 30, 60):
        escalation.ring(at(minute))
    assert told() == {0: ["lead"], 10: ["deputy"], 30: ["Night service"]}


def test_when_nobody_is_there_the_contact_is_told_at_once(database, people, new_incident, lead_key):
    Absence.objects.create(user=people.lead, first_day=date(2026, 11, 20), last_day=date(2026, 11, 20), entered_at=NOW)
    notify.incident_recorded(new_incident(lead_key), NOW)
    assert told() == {0: ["Night service", "lead"]}


def test_after_downtime_one_step_is_taken_not_all_that_were_missed(database, people, case):
    ring_through(600)
    assert told() == {0: ["lead"], 600: ["deputy", "lead"]}
    assert Escalation.objects.get().next_at == at(620)


def test_a_clock_that_is_set_back_leaves_nobody_waiting_for_a_time_that_was_wrong(database, people, case):
    ring_through(*range(1, 32))
    rung = len(told())
    ring_through(-600)
    assert min(told()) == -600
    ring_through(-599, -590)
    assert len(told()) == rung + 1
    ring_through(*range(-589, -540))
    assert len(told()) > rung + 1


def test_opening_a_case_gives_its_time_by_the_longest_step_too(database, people, case, settings):
    settings.CONFIG = Config(escalation=Escalating((1,), 2))
    escalation.opened(case, NOW)
    ring_through(1, 2, 9)
    assert told() == {0: ["lead"]}


def test_processes_that_ring_at_once_take_the_step_once(database, people, case):
    start, steps = threading.Barrier(4), []

    def process():
        start.wait()
        steps.append(escalation.ring(at(10)))
        connection.close()

    threads = [threading.Thread(target=process) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(steps) == [0, 0, 0, 1]
    assert Escalation.objects.get().step == 1


def test_a_part_of_a_case_that_somebody_has_rings_no_more(database, people, case, new_incident, lead_key, deputy_key):
    whole = new_incident(lead_key, deputy_key, at=NOW)
    merging.merge(people.lead, case.pk, whole.pk, at(1))
    assert escalation.is_ringing(case)
    merging.take_apart(people.lead, case.pk, at(2))
    holding.acknowledge(people.deputy, whole.pk, at(3))
    merging.merge(people.lead, case.pk, whole.pk, at(4))
    assert not escalation.is_ringing(case)
