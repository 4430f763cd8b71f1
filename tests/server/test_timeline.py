"""What happened to a case is kept in order, each person's first opening once, and with no word of what it is about."""

from __future__ import annotations

from datetime import timedelta

from server import incidents, timeline
from server.store.models import AuditEntry, CaseEvent, Incident
from server.timeline import What


def test_the_first_opening_is_kept_once_and_each_person_s_first_too(
    database, device, people, lead_key, deputy_key, now
):
    device.send(device.alert(lead_key, deputy_key))
    case = Incident.objects.get().pk
    incidents.release(people.lead, case, now=now)
    incidents.release(people.lead, case, now=now + timedelta(minutes=5))
    incidents.release(people.deputy, case, now=now + timedelta(minutes=9))
    incident = Incident.objects.get()
    assert incident.first_opened_at == now
    assert [(one.what, one.by, one.at) for one in timeline.of(incident)] == [
        ("opened", people.lead, now),
        ("opened", people.deputy, now + timedelta(minutes=9)),
    ]
    assert AuditEntry.objects.filter(action="evidence_released").count() == 3
    assert timeline.has_opened(people.deputy, case)


def test_who_has_not_opened_a_case_has_not(database, people, case):
    assert not timeline.has_opened(people.lead, case)


def test_an_event_stands_in_the_audit_log_with_ids_and_fixed_words_alone(database, people, case, now):
    incident = Incident.objects.get()
    timeline.add(incident, What.ASSIGNED, people.lead, now, to=people.deputy)
    timeline.add(incident, What.CAME_BACK, None, now)
    lines = AuditEntry.objects.order_by("seq").values_list("actor", "action", "subject")
    assert list(lines) == [
        (f"user:{people.lead.pk}", "incident_assigned", f"incident:{case} user:{people.deputy.pk}"),
        ("job:cases", "incident_came_back", f"incident:{case}"),
    ]


def test_what_a_release_or_a_closing_logs_itself_is_not_logged_twice(database, people, case, now):
    timeline.add(Incident.objects.get(), What.CLOSED, people.lead, now)
    assert CaseEvent.objects.count() == 1
    assert not AuditEntry.objects.exists()
