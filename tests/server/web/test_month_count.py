"""Leads count a month's sealed cases in real Chromium and hand the totals in; managers read them, as far as told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from protocol import leadkeys as keyfile
from protocol.documents import seal_signed
from server import summary, summary_calendar
from server.store.models import AuditEntry, Device, Incident, MonthSealedTotals, Note
from tests.server.web.held import Held
from tests.server.web.look import look

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(150)]
OUTCOMES = ["false_alarm"] * 5 + ["accepted"] + [None] * 5


@pytest.fixture
def month(device, team, team_files, team_words, people):
    """Last month: 11 routine cases of drugs, 6 of them decided; one about the deputy; one whose decision is forged."""
    zone = "Europe/London"
    name = summary_calendar.last_over(datetime.now(UTC), zone)
    within = datetime.fromisoformat(f"{name}-10T10:00:00+00:00")
    Device.objects.update(enrolled_at=within - timedelta(days=40))
    keys = [Held(team_files[one]) for one in ("lead", "deputy")]
    private = {one: keyfile.unlock(team_files[one], team_words[one]) for one in team_words}
    private["stranger"] = keyfile.unlock(keyfile.make("stranger"), "stranger")
    for number, finding in enumerate([*OUTCOMES, "forged"]):
        case = send(device, keys, f"person{number}", within)
        if finding is not None:
            signer = private["stranger" if finding == "forged" else "lead"]
            decide(case, "false_alarm" if finding == "forged" else finding, keys, signer, people.lead)
    send(device, keys[:1], "dee", within)
    summary.make(name, datetime.now(UTC))
    return name


def send(device, keys, person, at):
    """A routine case of drugs, received at that time."""
    parcel = device.alert(*keys, person=person, urgent=False, category="drugs")
    assert device.send(parcel).results == [("stored", None)]
    case = Incident.objects.latest("received_at")
    case.received_at = at
    case.save()
    return case


def decide(case, finding, keys, signer, author):
    """Close a case as the browser does it."""
    said = {"version": 1, "kind": "outcome", "text": "Because.", "finding": finding, "outcome": "none"}
    note = seal_signed("note", json.dumps(said).encode(), [one.public for one in keys], case.pk, uuid4(), signer)
    Note.objects.create(
        id=note.id, incident=case, author=author, at=case.received_at, closing=True, envelope=note.envelope,
        signer=note.signer, signature=note.signature,
    )  # fmt: skip
    case.state = Incident.State.CLOSED
    case.closed_at = case.received_at
    case.save()


def count(page, month):
    """Go from the summary to the page, and count."""
    page.goto(f"/summary/?month={month}")
    page.click(f"a[href='/desk/month/{month}/']")
    page.click("#count")
    page.wait_for_selector("#counted:not([hidden])")


def counted(page):
    """What the page has counted, by caption and kind."""
    found = {}
    for table in page.locator("#count-tables table").all():
        rows = table.locator("tbody tr").all()
        found[table.locator("caption").inner_text()] = {
            row.locator("th").inner_text(): row.locator("td").first.inner_text() for row in rows
        }
    return found


@pytest.mark.more
def test_a_lead_counts_looks_and_hands_in_and_the_manager_reads_what_may_be_told(team_site, signed_in, people, month):
    page = team_site("lead")
    count(page, month)
    assert counted(page) == {
        "Routine cases": {"Drugs": "12"},
        "What came of them": {
            "A false alarm": "5",
            "Not decided yet": "5",
            "True, and accepted": "1",
            "Could not be read": "1",
        },
    }
    look(page, "month-count")
    assert not MonthSealedTotals.objects.exists()
    page.click("#hand-in")
    expect(page.locator("#handed-in")).to_contain_text("The summary has been made anew with these totals")
    assert MonthSealedTotals.objects.get().by == people.lead
    assert AuditEntry.objects.filter(action="decisions_opened").count() == 1
    page.goto(f"/summary/?month={month}")
    expect(page.locator("#counting ~ p").first).to_contain_text("handed in the totals of the sealed cases")
    expect(page.locator("body")).not_to_contain_text("What came of them")
    assert page.faults == []
    manager = signed_in(people.manager)
    manager.goto(f"/summary/?month={month}")
    body = manager.locator("main")
    expect(body).to_contain_text("What came of them")
    expect(body).to_contain_text("version 2")
    expect(body).not_to_contain_text("Awaiting the lead")
    expect(body).not_to_contain_text("True, and accepted")
    look(manager, "summary-handed-in")


@pytest.mark.more
def test_the_deputy_counts_the_same_and_a_second_hand_in_with_little_news_is_kept(team_site, month):
    pages = [team_site(role) for role in ("lead", "deputy")]
    for page, said in zip(pages, ("made anew with these totals", "stays as it was told before"), strict=True):
        count(page, month)
        page.click("#hand-in")
        expect(page.locator("#handed-in")).to_contain_text(said)
    assert counted(pages[0]) == counted(pages[1])
    assert summary.newest(month).revision == 2
