"""The page behind an urgent message's link: looking changes nothing, and only the button of a reader takes a case."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from server import cases, notify
from server.store.models import AuditEntry, Escalation, Incident

pytestmark = pytest.mark.django_db


def client_of(user, **options) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


@pytest.fixture
def ringing(new_incident, lead_key, deputy_key):
    def more():
        incident = new_incident(lead_key, deputy_key, at=datetime.now(UTC))
        notify.incident_recorded(incident, datetime.now(UTC))
        return incident

    return more


def test_opening_the_link_takes_nothing_however_it_is_asked(people, ringing):
    case = ringing()
    page = f"/desk/waiting/{case.reference}/"
    for client in (Client(), client_of(people.lead)):
        for method in ("GET", "HEAD", "OPTIONS"):
            client.generic(method, page)
            client.generic(method, f"{page}take")
    assert Incident.objects.get().acknowledged_by is None
    assert Escalation.objects.get().ended_at is None


def test_a_stranger_comes_back_to_the_link_after_signing_in(people, ringing):
    page = f"/desk/waiting/{ringing().reference}/"
    assert Client().get(page).url == f"/account/login/?next={page}"


def test_the_button_takes_it_for_all_and_says_who_has_it(people, ringing):
    case = ringing()
    page = f"/desk/waiting/{case.reference}/"
    assert f"{case.reference} waits" in client_of(people.deputy).get(page).content.decode()
    answer = client_of(people.deputy).post(f"{page}take", follow=True)
    assert f"{people.deputy.display_name} has {case.reference}" in answer.content.decode()
    assert Escalation.objects.get().ended_at is not None
    assert AuditEntry.objects.filter(action="incident_acknowledged").count() == 1
    late = client_of(people.lead).post(f"{page}take", follow=True).content.decode()
    assert f"{people.deputy.display_name} has taken {case.reference} already." in late
    assert Incident.objects.get().acknowledged_by == people.deputy


def test_without_the_page_s_token_the_button_does_nothing(people, ringing):
    case = ringing()
    client = client_of(people.lead, enforce_csrf_checks=True)
    assert client.post(f"/desk/waiting/{case.reference}/take").status_code == 403
    assert Incident.objects.get().acknowledged_by is None


def test_a_case_kept_from_a_lead_is_not_there_for_them(people, new_incident, deputy_key, lead_key):
    about_the_lead = new_incident(deputy_key, at=datetime.now(UTC))
    notify.incident_recorded(about_the_lead, datetime.now(UTC))
    client = client_of(people.lead)
    for reference in (about_the_lead.reference, "FW-2026-99999"):
        assert client.get(f"/desk/waiting/{reference}/").status_code == 404
        assert client.post(f"/desk/waiting/{reference}/take").status_code == 404
    assert "No urgent case waits" in client.get("/desk/waiting/").content.decode()
    client.post("/desk/waiting/take", {"case": about_the_lead.reference})
    assert Escalation.objects.get().ended_at is None


def test_all_that_was_seen_is_taken_at_once_and_what_came_since_rings_on(people, ringing):
    seen = [ringing() for _ in range(3)]
    client = client_of(people.lead)
    assert "3 urgent cases wait" in client.get("/desk/waiting/").content.decode()
    later = ringing()
    client.post("/desk/waiting/take", {"case": [one.reference for one in seen]})
    assert list(Escalation.objects.filter(ended_at=None).values_list("incident", flat=True)) == [later.pk]


def test_a_closed_case_says_so_and_stays_closed(people, ringing, lead_key, sealed_note):
    case = ringing()
    cases.close(people.lead, case.pk, sealed_note(case.pk, lead_key))
    client = client_of(people.deputy)
    assert f"{case.reference} is closed" in client.get(f"/desk/waiting/{case.reference}/").content.decode()
    client.post(f"/desk/waiting/{case.reference}/take")
    assert Incident.objects.get().state == "closed"
