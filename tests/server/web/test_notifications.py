"""A person's page of notifications: what they choose is kept, secrets are never shown again, and it works by hand."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client

from server import notify, preferences
from server.store.models import Absence, NotifyChannel, NotifySettings, User

pytestmark = pytest.mark.django_db

GOOD = {
    "email": "home@x.example",
    "routine": "digest",
    "days": ["1", "3"],
    "hours_from": "09:00",
    "hours_to": "12:30",
    "digest": "weekly",
    "digest_at": "09:15",
}


@pytest.fixture(autouse=True)
def no_recent_test(monkeypatch):
    monkeypatch.setattr(preferences, "_tests", {})


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def lead(people):
    return client_of(people.lead)


def test_what_a_lead_chooses_is_kept_and_shown(people, lead):
    assert lead.post("/notifications/save", GOOD).status_code == 302
    kept = NotifySettings.objects.get(user=people.lead)
    assert (kept.email, kept.routine, kept.days, kept.hours_only) == ("home@x.example", "digest", "13", False)
    assert (f"{kept.hours_from:%H:%M}", f"{kept.hours_to:%H:%M}", f"{kept.digest_at:%H:%M}") == (
        "09:00",
        "12:30",
        "09:15",
    )
    shown = lead.get("/notifications/").content.decode()
    assert 'value="home@x.example"' in shown
    assert re.search(r'value="weekly" checked', shown)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"email": "nowhere"}, "valid email"),
        ({"days": []}, "required"),
        ({"hours_to": "08:00"}, "end must be after"),
        ({"digest_at": "09:17"}, "valid choice"),
        ({"routine": "never"}, "valid choice"),
        ({"hours_from": "25:00"}, "valid time"),
    ],
)
def test_what_makes_no_sense_is_told_beside_it_and_nothing_is_kept(lead, change, says):
    answer = lead.post("/notifications/save", {**GOOD, **change})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not NotifySettings.objects.exists()


def test_who_is_no_lead_sets_an_address_and_nothing_else(people):
    client = client_of(people.dpo)
    assert "Routine cases" not in client.get("/notifications/").content.decode()
    assert client.post("/notifications/save", {"email": "dpo@x.example", "digest": "none"}).status_code == 302
    kept = NotifySettings.objects.get(user=people.dpo)
    assert (kept.email, kept.digest) == ("dpo@x.example", "daily")


def test_a_secret_goes_in_and_never_comes_out_again(people, lead):
    given = {"label": "My phone", "url": "ntfys://ntfy.example/SECRET", "urgent_only": "on"}
    assert lead.post("/notifications/ways/add", given).status_code == 302
    shown = lead.get("/notifications/").content.decode()
    assert "SECRET" not in shown
    assert "My phone" in shown
    assert "ntfy, address hidden" in shown
    bad = lead.post("/notifications/ways/add", {"label": "x", "url": "syslog://SECRET"})
    assert bad.status_code == 422
    assert "are not taken" in bad.content.decode()
    assert "SECRET" not in bad.content.decode()


def test_a_test_says_whether_it_went(people, lead, hook, monkeypatch):
    url = f"json://127.0.0.1:{hook.port}/SECRET"
    channel = NotifyChannel.objects.create(user=people.lead, label="Chat", url=url, added_at=datetime.now(UTC))
    assert "with you in a moment" in lead.post(f"/notifications/ways/{channel.pk}/test", follow=True).content.decode()
    again = lead.post(f"/notifications/ways/{channel.pk}/test", follow=True).content.decode()
    assert "wait a little" in again
    monkeypatch.setattr(preferences, "_tests", {})
    hook.status = 500
    failed = lead.post(f"/notifications/ways/{channel.pk}/test", follow=True).content.decode()
    assert "Not sent: the service did not take it" in failed
    assert "fails" in failed
    assert "SECRET" not in again + failed


def test_another_person_s_way_and_absence_are_out_of_reach(people, lead):
    now = datetime.now(UTC)
    channel = NotifyChannel.objects.create(user=people.deputy, label="Chat", url="jsons://x/y", added_at=now)
    away = Absence.objects.create(user=people.deputy, first_day=now.date(), last_day=now.date(), entered_at=now)
    for address in (
        f"/notifications/ways/{channel.pk}/remove",
        f"/notifications/ways/{channel.pk}/test",
        f"/notifications/away/{away.pk}/end",
    ):
        assert "That is gone already." in lead.post(address, follow=True).content.decode()
    assert NotifyChannel.objects.exists()
    assert Absence.objects.exists()


def test_an_absence_is_entered_seen_by_colleagues_and_taken_out(people, lead):
    today = datetime.now(UTC).date()
    days = {"first_day": today.isoformat(), "last_day": (today + timedelta(days=3)).isoformat()}
    assert lead.post("/notifications/away/add", days).status_code == 302
    assert "away now" in client_of(people.deputy).get("/notifications/").content.decode()
    assert "away now" not in client_of(people.partner).get("/notifications/").content.decode()
    lead.post(f"/notifications/away/{Absence.objects.get().pk}/end")
    assert not Absence.objects.exists()
    wrong = lead.post("/notifications/away/add", {"first_day": days["last_day"], "last_day": days["first_day"]})
    assert wrong.status_code == 422
    assert "before the first" in wrong.content.decode()


def test_who_can_not_be_reached_is_told_so(people, lead):
    User.objects.update(email="")
    assert "No message reaches you" in lead.get("/notifications/").content.decode()


@pytest.mark.more
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("width", [1280, 360])
def test_the_pages_pass_axe_and_fit_a_phone(people, signed_in, new_incident, lead_key, width):
    now = datetime.now(UTC)
    NotifyChannel.objects.create(
        user=people.lead, label="Chat", url="jsons://x/y", added_at=now, fault="service", failing_since=now
    )
    case = new_incident(lead_key, at=now)
    notify.incident_recorded(case, now)
    for user, address in (
        (people.lead, "/notifications/"),
        (people.lead, f"/desk/waiting/{case.reference}/"),
        (people.it, "/messages/"),
    ):
        page = signed_in(user, width)
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [one["id"] for one in found] == []
        assert page.faults == []
