"""The data protection officer reads what is kept for how long and what was deleted, on any screen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from server import retention
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
