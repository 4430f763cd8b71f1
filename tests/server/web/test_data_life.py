"""The data protection officer reads what is kept for how long and what was deleted, on any screen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from server import holds, retention
from server.retention_kinds import KINDS
from server.store.models import Person
from tests.server.web.look import look

NOW = datetime.now(UTC)


@pytest.fixture
def gone(organisation):
    for name, days in (("a", 500), ("b", 390)):
        left = NOW - timedelta(days=days)
        Person.objects.create(account=name, key=name, name="Dee Canary", changed_at=NOW, gone_at=left)


@pytest.mark.django_db
def test_every_kind_stands_there_with_its_period_and_the_log_names_nobody(people, gone):
    retention.delete_what_is_over(NOW)
    client = Client()
    client.force_login(people.dpo)
    page = client.get("/data-life/").content.decode()
    for kind in KINDS:
        assert f'id="kind-{kind.id}"' in page
    assert "400 days after an import no longer had them" in page
    assert "1 within 30 days" in page
    assert "kept for 400 days: over before" in page
    assert "Canary" not in page


@pytest.mark.more
@pytest.mark.django_db(transaction=True)
def test_it_is_clear_to_axe_and_fits_every_screen_light_and_dark(signed_in, people, gone):
    retention.delete_what_is_over(NOW)
    page = signed_in(people.dpo)
    page.goto("/data-life/")
    page.wait_for_selector("h1:has-text('Data life')")
    assert page.locator("#kind-usage").get_by_text("45 days after the end of their month").is_visible()
    look(page, "data-life")
    assert page.faults == []


@pytest.fixture
def dpo(people):
    client = Client()
    client.force_login(people.dpo)
    return client


@pytest.mark.django_db
def test_the_officer_holds_a_case_by_its_number_and_lifts_it(dpo, new_incident, lead_key):
    case = new_incident(lead_key)
    day = (NOW + timedelta(days=20)).date()
    form = {"reference": case.reference, "reason": "claim", "review_on": f"{day}"}
    page = dpo.post("/data-life/hold", form, follow=True).content.decode()
    assert "It is on hold." in page
    assert "A legal claim" in page
    assert holds.of(case.pk).review_on == day
    page = dpo.post("/data-life/lift", {"reference": case.reference}, follow=True).content.decode()
    assert "The hold is lifted." in page
    assert holds.of(case.pk) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "There is no case of that number."),
        ({"reference": "FW-1"}, "There is no case of that number."),
        ({"review_on": "soon", "reason": "claim"}, "Choose the day on which somebody looks at it again."),
        ({"review_on": "1999-01-01", "reason": "claim"}, "within two years"),
        ({"review_on": "2999-01-01", "reason": "claim"}, "within two years"),
        ({"review_on": f"{(NOW + timedelta(days=9)).date()}", "reason": "Dee"}, "Choose a reason."),
    ],
)
def test_odd_forms_are_refused_in_words(dpo, new_incident, lead_key, form, words):
    case = new_incident(lead_key)
    given = {"reference": case.reference, **form} if form else {}
    assert words in dpo.post("/data-life/hold", given, follow=True).content.decode()
    assert holds.of(case.pk) is None


@pytest.mark.more
@pytest.mark.django_db(transaction=True)
def test_a_lead_holds_a_case_on_its_page_and_the_officer_sees_it(signed_in, people, new_incident, lead_key):
    case = new_incident(lead_key)
    page = signed_in(people.lead)
    page.goto(f"/desk/incidents/{case.pk}/")
    page.click("#hold-card summary")
    page.select_option("#hold-reason", "complaint")
    page.fill("#hold-review", f"{(NOW + timedelta(days=20)).date()}")
    page.click("#hold-card button:has-text('Put it on hold')")
    page.wait_for_selector("#hold-card >> text=a complaint or appeal")
    look(page, "case-on-hold")
    officer = signed_in(people.dpo)
    officer.goto("/data-life/")
    officer.wait_for_selector(f"text={case.reference}")
    look(officer, "data-life-holds")
    officer.click(f"button[aria-label='Lift the hold of {case.reference}']")
    officer.wait_for_selector("text=No case is on hold.")
    assert page.faults == officer.faults == []
