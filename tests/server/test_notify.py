"""What is told when: urgent at any hour and once, routine gathered within hours and then silent, nothing of samples."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from server import cases, escalation, incidents, notify
from server.store.models import Escalation, Incident, NotifySettings, OutboxMessage, Role, User

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)  # a Friday


def rows(**wanted):
    return list(OutboxMessage.objects.filter(**wanted).order_by("pk"))


def test_an_urgent_alert_is_told_of_in_the_transaction_that_stores_it(database, people, device, lead_key):
    assert device.send(device.alert(lead_key)).results == [("stored", None)]
    (row,) = rows()
    incident = Incident.objects.get()
    assert (row.kind, row.user, row.incident, row.due_at) == ("urgent", people.lead, incident, incident.received_at)
    assert (row.subject, row.body) == ("", "")


def test_an_alert_that_is_refused_tells_nobody(database, people, device, other_device, lead_key):
    alert = uuid4()
    device.send(device.alert(lead_key, alert=alert))
    reply = other_device.send(other_device.alert(lead_key, alert=alert, revision=1))
    assert reply.results[0][0] == "refused"
    assert len(rows()) == 1


def test_an_update_that_turns_urgent_is_told_as_urgent_once(database, people, device, lead_key):
    alert = uuid4()
    for revision, urgent in ((0, False), (1, True), (2, True)):
        assert device.send(device.alert(lead_key, alert=alert, revision=revision, urgent=urgent)).results
        OutboxMessage.objects.filter(kind="urgent").update(sent_at=NOW)
    # The routine message had not gone yet; the urgent one says more.
    assert [row.kind for row in rows()] == ["urgent"]


def test_a_fault_in_telling_never_costs_the_alert_and_is_made_good(database, people, device, lead_key, monkeypatch):
    def fails(*_):
        OutboxMessage.objects.create(once_key="half", created_at=NOW, due_at=NOW)
        raise ZeroDivisionError

    monkeypatch.setattr(escalation, "begin", fails)
    assert device.send(device.alert(lead_key)).results == [("stored", None)]
    assert rows() == []
    monkeypatch.undo()
    assert notify.missed(datetime.now(UTC)) == 1
    assert [row.kind for row in rows()] == ["urgent"]
    assert notify.missed(datetime.now(UTC)) == 0


def test_a_sample_tells_nobody(database, people, new_incident, lead_key):
    incident = new_incident(lead_key)
    incident.sample = True
    incident.save()
    notify.incident_recorded(incident, NOW)
    assert notify.missed(NOW) == 0
    assert not rows()
    assert not Escalation.objects.exists()


def test_routine_cases_are_gathered_for_ten_minutes(database, people, new_incident, lead_key):
    for minute in (0, 4, 9):
        at = NOW + timedelta(minutes=minute)
        notify.incident_recorded(new_incident(lead_key, urgent=False, at=at), at)
    assert {row.due_at for row in rows()} == {NOW + timedelta(minutes=10)}
    assert len(rows(kind="routine")) == 3


@pytest.mark.parametrize(
    ("hours_only", "due"),
    [(True, datetime(2026, 11, 23, 8, 30, tzinfo=UTC)), (False, datetime(2026, 11, 20, 20, 10, tzinfo=UTC))],
)
def test_a_routine_case_of_the_evening_waits_for_work_if_its_lead_wants(
    database, people, new_incident, lead_key, hours_only, due
):
    NotifySettings.objects.create(user=people.lead, hours_only=hours_only)
    notify.incident_recorded(new_incident(lead_key, urgent=False), NOW + timedelta(hours=10))
    assert [row.due_at for row in rows()] == [due]


def test_updates_of_a_routine_case_are_silent_for_a_day(database, people, new_incident, lead_key):
    incident = new_incident(lead_key, urgent=False)
    for revision, hours in enumerate((0, 1, 23, 25, 26)):
        OutboxMessage.objects.update(sent_at=NOW)
        incident.revision = revision
        notify.incident_recorded(incident, NOW + timedelta(hours=hours))
    assert [row.created_at for row in rows()] == [NOW, NOW + timedelta(hours=25)]


def test_an_update_says_nothing_while_the_first_message_waits_for_monday(database, people, new_incident, lead_key):
    incident = new_incident(lead_key, urgent=False)
    for revision, hours in enumerate((10, 40)):
        incident.revision = revision
        notify.incident_recorded(incident, NOW + timedelta(hours=hours))
    assert len(rows()) == 1


def test_who_wants_only_digests_gets_urgent_cases_all_the_same(database, people, new_incident, lead_key):
    NotifySettings.objects.create(user=people.lead, routine="digest")
    notify.incident_recorded(new_incident(lead_key, urgent=False), NOW)
    assert rows() == []
    notify.incident_recorded(new_incident(lead_key), NOW)
    assert [row.kind for row in rows()] == ["urgent"]


def test_a_closed_case_is_told_of_no_more(database, people, new_incident, lead_key):
    incident = new_incident(lead_key, urgent=False)
    notify.incident_recorded(incident, NOW)
    notify.incident_closed(incident, NOW)
    assert rows() == []


def test_a_case_whose_day_has_come_is_told_of_as_routine(database, people, new_incident, lead_key, sealed_note):
    incident = new_incident(lead_key)
    closed = cases.close(
        people.lead, incident.pk, sealed_note(incident.pk, lead_key), back_on=date(2026, 12, 1), now=NOW
    )
    assert closed.back_on is not None
    cases.bring_back(NOW + timedelta(days=11))
    assert [(row.kind, row.incident) for row in rows()] == [("routine", incident)]


def test_a_plain_message_reaches_each_person_of_a_role_once(database, people):
    User.objects.create(username="dpo2", role=Role.DPO)
    User.objects.create(username="left", role=Role.DPO, is_active=False)
    for _ in range(2):
        notify.plain([Role.DPO, people.dpo, people.manager], "S" * 300, "Body", "head:2026-11-20", NOW)
    assert sorted(row.user.username for row in rows()) == ["dpo", "dpo2", "manager"]
    assert {(len(row.subject), row.body, row.kind) for row in rows()} == {(200, "Body", "plain")}


def test_the_data_protection_officer_is_told_when_a_staff_case_is_opened_and_by_whom_only_in_the_log(
    database, people, new_incident, lead_key, deputy_key
):
    incident = new_incident(lead_key, deputy_key)
    for user in (people.lead, people.lead, people.deputy):
        incidents.release(user, incident.pk, now=NOW)
    told = rows(kind="plain")
    assert [row.user for row in told] == [people.dpo, people.dpo]
    assert incident.reference in told[0].body
    for word in ("staff", people.lead.username, people.lead.display_name, "laptop-01"):
        assert word not in told[0].subject + told[0].body


def test_nobody_is_told_when_a_case_of_others_than_staff_is_opened(database, people, other_device, lead_key):
    other_device.send(other_device.alert(lead_key))
    incidents.release(people.lead, Incident.objects.get().pk, now=NOW)
    assert rows(kind="plain") == []
