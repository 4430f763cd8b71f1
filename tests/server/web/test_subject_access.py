"""The data protection officer starts a request, exports it, and reads what leads decided, but never of their own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from server import subject_decisions
from server.store.models import AuditEntry, SubjectRequest
from tests.server.web.look import look

NOW = datetime.now(UTC)


@pytest.fixture
def officer(people):
    client = Client()
    client.force_login(people.dpo)
    return client


def start(client, **form):
    given = {"account": "dee", "identity": "known", "received_on": f"{NOW.date()}", **form}
    return client.post("/subject-access/start", given, follow=True).content.decode()


@pytest.mark.django_db
def test_a_request_is_started_extended_exported_and_closed(officer, people):
    assert "every lead is asked" in start(officer)
    request = SubjectRequest.objects.get()
    address = f"/subject-access/{request.pk}/"
    made = officer.post(f"{address}export", {"form": "json"})
    assert json.loads(made.content)["account"] == "dee"
    assert "attachment" in made["Content-Disposition"]
    assert officer.post(f"{address}export", {"form": "pdf"}).content.startswith(b"%PDF")
    assert AuditEntry.objects.filter(action="subject_exported", actor=f"user:{people.dpo.pk}").count() == 2
    assert "The time is extended" in officer.post(f"{address}extend", {"reason": "many"}, follow=True).content.decode()
    assert (
        "The request is closed"
        in officer.post(f"{address}close", {"closing": "answered"}, follow=True).content.decode()
    )
    assert "Extend or close it" not in officer.get(address).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"account": ""}, "Write the account by which the person signs in"),
        ({"identity": ""}, "Say how you know who asks"),
        ({"received_on": "soon"}, "Choose the day on which the request came."),
        ({"received_on": "2999-01-01"}, "within the last year"),
    ],
)
def test_odd_forms_are_refused_in_words(officer, form, words):
    assert words in start(officer, **form)
    assert not SubjectRequest.objects.exists()


@pytest.mark.django_db
def test_a_format_that_is_none_is_refused_on_the_page(officer):
    start(officer)
    address = f"/subject-access/{SubjectRequest.objects.get().pk}/"
    assert (
        "It is made as pdf or json" in officer.post(f"{address}export", {"form": "docx"}, follow=True).content.decode()
    )


@pytest.mark.django_db
def test_the_page_of_their_own_request_keeps_decisions_from_the_officer(officer, people, team):
    start(officer, account="dpo@brightpath.example")
    request = SubjectRequest.objects.get()
    on = NOW.date() + timedelta(days=9)
    subject_decisions.decide(people.lead, request.pk, "withhold", "crime", on, NOW)
    page = officer.get(f"/subject-access/{request.pk}/").content.decode()
    assert "This request may be your own" in page
    assert "Schedule 2" not in page


@pytest.mark.more
@pytest.mark.django_db(transaction=True)
def test_the_officer_s_pages_are_clear_on_every_screen(signed_in, people, team):
    page = signed_in(people.dpo)
    page.goto("/subject-access/")
    page.fill("#account", "dee@brightpath.example")
    page.select_option("#identity", "account")
    page.click("button:has-text('Write it down')")
    page.wait_for_selector("text=The request is written down")
    look(page, "subject-access")
    request = SubjectRequest.objects.get()
    on = NOW.date() + timedelta(days=90)
    subject_decisions.decide(people.lead, request.pk, "withhold", "harm", on, NOW)
    page.click("th a")
    page.wait_for_selector("text=Serious harm to somebody’s health")
    look(page, "subject-access-request")
    with page.expect_download() as saved:
        page.click("button:has-text('Export as JSON')")
    assert saved.value.suggested_filename.endswith(".json")
    assert page.faults == []
