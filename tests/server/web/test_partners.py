"""Management and the data protection officer keep the register of partners on its page; nobody else enters."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.test import Client
from playwright.sync_api import expect

from server import partners
from server.partners import Details
from server.store.models import Partner
from tests.server.web.look import look

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_a_partners_own_manager_does_not_enter_and_is_not_shown_the_way(people):
    people.manager.groups = ["learners"]
    people.manager.save()
    client = Client()
    client.force_login(people.manager)
    assert client.get("/partners/").status_code == 403
    assert client.post("/partners/add", {"name": "X"}).status_code == 403
    assert "/partners/" not in client.get("/training/").content.decode()
    assert not Partner.objects.exists()


@pytest.mark.django_db
def test_a_slip_costs_nothing_of_what_was_typed(people):
    client = Client()
    client.force_login(people.dpo)
    page = client.post("/partners/add", {"name": "North", "lead": "Dana <Reed>", "policy_on": "2999-01-01"})
    assert page.status_code == 422
    text = page.content.decode()
    assert "The date of the policy must lie between 1990 and today." in text
    assert 'value="Dana &lt;Reed&gt;"' in text
    assert 'value="2999-01-01"' in text
    page = client.post("/partners/add", {"name": "North", "policy_on": "soon"})
    assert (page.status_code, Partner.objects.count()) == (422, 0)


@pytest.mark.django_db
def test_a_form_that_is_older_than_somebody_elses_change_is_refused(people):
    client = Client()
    client.force_login(people.manager)
    kept = partners.add(None, Details("North"), NOW)
    address = f"/partners/{kept.pk}/change"
    assert client.post(address, {"name": "North"}).status_code == 409
    old = {"name": "North", "lead": "Mine", "seen": datetime(2026, 11, 19, tzinfo=UTC).isoformat()}
    page = client.post(address, old)
    assert page.status_code == 422
    assert "Somebody changed this partner since you looked" in page.content.decode()
    assert Partner.objects.get().lead == ""
    assert client.post(address, {**old, "seen": NOW.isoformat()}).status_code == 302
    assert Partner.objects.get().lead == "Mine"


@pytest.mark.more
@pytest.mark.django_db(transaction=True)
def test_a_partner_is_added_changed_and_ended_in_the_browser(signed_in, people):
    dates = dict.fromkeys(("agreement_on", "policy_on"), date(2024, 9, 1))
    partners.add(None, Details("Harbour Skills", "Dana Reed", "dana@harbour.example", **dates), NOW)
    page = signed_in(people.dpo)
    page.goto("/partners/")
    page.fill("#id_name", "North College")
    page.fill("#id_lead", "Kim Lo")
    for field in ("agreement_on", "policy_on", "training_on"):
        page.fill(f"#id_{field}", "2026-09-01")
    page.click("button:has-text('Add')")
    expect(page.locator("[role=status]")).to_have_text("North College is in the register.")
    expect(page.locator("tbody tr").first).to_contain_text("Harbour Skills")
    expect(page.locator("tbody tr").first).to_contain_text("overdue")
    look(page, "partners")
    page.click("a:has-text('Harbour Skills')")
    expect(page.locator("#id_policy_on")).to_have_value("2024-09-01")
    page.fill("#id_training_on", "2026-10-01")
    look(page, "partner")
    page.click("button:has-text('Save')")
    expect(page.locator("[role=status]")).to_have_text("Harbour Skills was changed.")
    page.click("a:has-text('Harbour Skills')")
    page.click("button:has-text('End the partnership')")
    expect(page.locator("[role=status]")).to_have_text("Harbour Skills is no longer in the register.")
    expect(page.locator("tbody")).not_to_contain_text("Harbour Skills")
    assert page.faults == []
