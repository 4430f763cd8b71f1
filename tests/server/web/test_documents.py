"""Whoever signs in reads and acknowledges documents; who has still to is seen only by role and groups."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from playwright.sync_api import expect

from rules.policy import Policy
from server.store.models import AcknowledgementRecord, Person
from tests.server.test_acknowledgements import POLICY
from tests.server.web.look import look

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.fixture
def asked(people, monkeypatch):
    policy = Policy.parse(POLICY, "policy.toml")
    monkeypatch.setattr("server.policy_in_force._numbered", lambda: {30: policy})
    for account, group in (("sam", "staff"), ("lee", "learners")):
        Person.objects.create(account=account, key=account, name=f"{account} <b>", group=group, changed_at=NOW)
    return people


@pytest.mark.django_db
def test_who_has_still_to_is_shown_by_role_and_group(asked):
    for user, sam, lee in (
        (asked.it, True, True),
        (asked.manager, True, True),
        (asked.lead, True, True),
        (asked.partner, False, True),
        (asked.dpo, False, False),
    ):
        client = Client()
        client.force_login(user)
        page = client.get("/documents/").content.decode()
        assert ("sam &lt;b&gt;" in page, "lee &lt;b&gt;" in page) == (sam, lee)
        assert "Code of conduct" in page


@pytest.mark.django_db
def test_words_that_are_no_longer_in_force_are_not_acknowledged(asked):
    client = Client()
    client.force_login(asked.dpo)
    refused = client.post("/documents/acknowledge", {"document": "code", "shown": "0" * 64})
    assert (refused.status_code, AcknowledgementRecord.objects.count()) == (409, 0)


@pytest.mark.more
@pytest.mark.django_db(transaction=True)
def test_a_document_is_read_and_acknowledged_in_the_browser(signed_in, asked):
    page = signed_in(asked.manager)
    page.goto("/documents/")
    look(page, "documents")
    code = page.locator("section", has_text="Code of conduct")
    expect(code.locator("a")).to_have_attribute("href", "https://example.org/code")
    code.locator("button").click()
    expect(page.locator("[role=status]")).to_contain_text("It is kept with your name")
    expect(code).to_contain_text("acknowledged on")
    expect(page.locator("section", has_text="Staff handbook")).to_contain_text("to be read")
    kept = AcknowledgementRecord.objects.get()
    assert (kept.document, kept.user, kept.device) == ("code", asked.manager, None)
    assert page.faults == []
