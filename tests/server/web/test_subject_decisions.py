"""A lead looks through the sealed cases in real Chromium, makes the paper to hand over, and records a decision."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from playwright.sync_api import expect

from server import subject_decisions
from server.store.models import AuditEntry, SubjectDecision
from tests.server.web.held import Held
from tests.server.web.look import look

NOW = datetime.now(UTC)


@pytest.fixture
def request_of(people, team):
    def made(account):
        return subject_decisions.start(people.dpo, account, "known", NOW.date(), NOW)

    return made


@pytest.mark.more
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(150)
def test_the_lead_finds_opens_prints_and_decides(team_site, device, team_files, request_of, unlock_with):
    keys = [Held(team_files[one]) for one in ("lead", "deputy")]
    for person in ("sam", r"CORP\sam", "eve"):
        assert device.send(device.alert(*keys, person=person, urgent=False)).results == [("stored", None)]
    request = request_of("sam")
    page = team_site("lead")
    page.goto("/desk/requests/")
    look(page, "requests-for-data")
    page.click("th a")
    page.click("#look")
    expect(page.locator("#looked")).to_have_text("Looked through: 3 cases.")
    expect(page.locator("#found tbody tr")).to_have_count(2)
    look(page, "request-for-data")
    assert not AuditEntry.objects.filter(action="evidence_released").exists()
    page.locator("#found button").first.click()
    expect(page.locator("#paper-text")).to_have_value(re.compile("flagged.example"))
    assert AuditEntry.objects.filter(action="evidence_released").count() == 1
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(page.locator("#paper")).to_contain_text("flagged.example")
    expect(page.locator("#found")).to_be_hidden()
    page.emulate_media(media="screen")
    page.select_option("#what", "withhold")
    page.select_option("#ground", "others")
    page.fill("#review", f"{NOW.date() + timedelta(days=60)}")
    page.click("button:has-text('Record the decision')")
    page.wait_for_selector("text=Your decision is recorded.")
    made = SubjectDecision.objects.get()
    assert (made.request, made.what, made.ground) == (request, "withhold", "others")
    assert page.faults == []


@pytest.mark.django_db
def test_whom_it_is_about_gets_no_page_and_no_heading_of_it(people, request_of):
    request = request_of("dee")  # an account of the deputy's
    for user, status in ((people.lead, 200), (people.deputy, 404)):
        client = Client()
        client.force_login(user)
        assert client.get(f"/desk/requests/{request.pk}/").status_code == status
        assert client.get(f"/desk/data/requests/{request.pk}/cases").status_code == status
    assert f"{request.pk}" not in client.get("/desk/requests/").content.decode()


@pytest.mark.django_db
def test_the_pages_say_the_same_with_and_without_a_case(people, request_of, device, team_files):
    request = request_of("sam")
    client = Client()
    client.force_login(people.dpo)

    def seen():
        page = client.get(f"/subject-access/{request.pk}/").content.decode()
        return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)

    before = seen()
    assert device.send(device.alert(Held(team_files["lead"]), person="sam")).results == [("stored", None)]
    assert seen() == before


@pytest.mark.django_db
def test_odd_decisions_are_refused_in_words(people, request_of):
    address = f"/desk/requests/{request_of('sam').pk}/decide"
    client = Client()
    client.force_login(people.lead)
    for form, words in (
        ({}, "Choose what you decided."),
        ({"what": "withhold", "review_on": "soon"}, "Choose the day on which you look at it again."),
        ({"what": "withhold", "ground": "harm"}, "must be after today"),
    ):
        assert words in client.post(address, form, follow=True).content.decode()
    assert not SubjectDecision.objects.exists()
