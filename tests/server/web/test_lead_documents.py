"""Mutes and exceptions in real Chromium: what one lead mutes leaves every lead's list; a false alarm becomes a line."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from server.store.models import AuditEntry, Incident, LeadDocument
from tests.server.web.held import Held
from tests.server.web.look import look

pytestmark = [pytest.mark.more, pytest.mark.django_db(transaction=True), pytest.mark.timeout(150)]
BETS, POKER = "0123456789abcdef", "fedcba9876543210"
ROWS = "#queue tbody tr[data-incident]"


@pytest.fixture
def cases(device, team, team_files):
    """Sealed to both leads: two routine cases of one entry, an urgent one of it, and one of another."""
    keys = [Held(team_files[name]) for name in ("lead", "deputy")]
    for person, tag, urgent in (
        ("amira", BETS, False),
        ("ben", BETS, False),
        ("carl", BETS, True),
        ("dora", POKER, False),
    ):
        name = "bets.example" if tag == BETS else "poker.example"
        parcel = device.alert(*keys, person=person, urgent=urgent, name=name, entries=(tag,))
        assert device.send(parcel).results == [("stored", None)]
    return list(Incident.objects.order_by("received_at"))


@pytest.fixture
def about_the_deputy(device, team, team_files):
    """A routine case of the same entry about the account dee, the deputy's own: sealed to the lead alone."""
    key = Held(team_files["lead"])
    parcel = device.alert(key, person="dee", urgent=False, name="bets.example", entries=(BETS,))
    assert device.send(parcel).results == [("stored", None)]
    return Incident.objects.latest("received_at")


def opened(page):
    """Go to the queue, and wait until all is opened."""
    page.goto("/desk/")
    page.wait_for_selector("#queue[data-opened]")
    return page


def mute(page, case):
    page.check(f"[data-choose='{case.pk}']")
    page.click("#together-muting summary")
    page.click("#mute")
    expect(page.locator("#mute-done")).to_contain_text("Muted for 14 days, for every lead.")


def close_as_false_alarm(page):
    """Open the evidence of the case on the page, close it as a false alarm, and propose an exception."""
    page.click("#open:enabled")
    page.wait_for_selector("#print-part:not([hidden])")
    expect(page.locator("#propose-part")).to_be_hidden()
    page.check("input[value=false_alarm]")
    page.check("#propose")
    page.select_option("#outcome", "none")
    page.fill("#close-text", "A card game for children")
    with page.expect_response("**/exceptions/propose"):
        page.click("#close button")
    page.wait_for_selector("#case[data-state=closed]")


@pytest.mark.more
def test_a_muted_entry_leaves_every_leads_list_but_never_an_urgent_case(team_site, cases):
    page = opened(team_site("lead"))
    mute(page, cases[0])
    expect(page.locator("#found")).to_have_text("2 muted cases are not shown.")
    shown = page.inner_text("#queue")
    assert "carl" in shown, "an urgent case always shows"
    assert "amira" not in shown
    assert "ben" not in shown
    (kept,) = LeadDocument.objects.all()
    assert BETS.encode() not in bytes(kept.envelope)
    assert timedelta(days=13) < kept.until - kept.made_at <= timedelta(days=14)

    deputy = opened(team_site("deputy"))
    expect(deputy.locator("#found")).to_have_text("2 muted cases are not shown.")
    deputy.check("#muted")
    expect(deputy.locator(ROWS)).to_have_count(2)
    deputy.check(f"[data-choose='{cases[1].pk}']")
    deputy.click("#together-muting summary")
    look(deputy, "queue-muted")
    deputy.click("#unmute")
    expect(deputy.locator("#mute-done")).to_contain_text("The mute has ended")
    deputy.uncheck("#muted")
    expect(deputy.locator(ROWS)).to_have_count(4)
    done = AuditEntry.objects.filter(action__contains="mute").order_by("seq").values_list("action", flat=True)
    assert list(done) == ["entry_muted", "mute_ended"]


def test_nobody_mutes_what_may_be_about_themselves(team_site, cases, about_the_deputy):
    mute(opened(team_site("deputy")), cases[0])
    page = opened(team_site("lead"))
    expect(page.locator("#found")).to_have_text("2 muted cases are not shown.")
    expect(page.locator(ROWS)).to_have_count(3)
    assert "dee" in page.inner_text("#queue")


@pytest.mark.more
def test_an_exception_from_a_case_about_a_lead_is_kept_from_that_lead(team_site, about_the_deputy):
    page = team_site("lead")
    page.goto(f"/desk/incidents/{about_the_deputy.pk}/")
    close_as_false_alarm(page)
    page.goto("/desk/exceptions/")
    page.wait_for_selector("#exceptions[data-opened]")
    expect(page.locator("#proposed")).to_contain_text("bets.example")
    deputy = team_site("deputy")
    deputy.goto("/desk/exceptions/")
    expect(deputy.locator("#none")).to_be_visible()
    assert deputy.is_hidden("#unreadable")


def test_a_mute_that_was_altered_mutes_nothing(team_site, cases):
    page = opened(team_site("lead"))
    mute(page, cases[0])
    kept = LeadDocument.objects.get()
    LeadDocument.objects.update(signature=bytes(kept.signature[:-1]) + bytes([kept.signature[-1] ^ 1]))
    opened(page)
    expect(page.locator(ROWS)).to_have_count(4)


@pytest.mark.more
def test_a_false_alarm_becomes_a_line_for_the_next_policy(team_site, cases):
    page = team_site("lead")
    page.goto(f"/desk/incidents/{cases[3].pk}/")
    close_as_false_alarm(page)
    (kept,) = LeadDocument.objects.filter(kind="exception")
    assert b"poker" not in bytes(kept.envelope)

    deputy = team_site("deputy")
    deputy.goto("/desk/exceptions/")
    deputy.wait_for_selector("#exceptions[data-opened]")
    expect(deputy.locator("#proposed")).to_contain_text("poker.example")
    deputy.check("[name=chosen]")
    deputy.wait_for_selector("#made:not([hidden])")
    (line,) = tomllib.loads(deputy.input_value("#lines"))["exceptions"]
    until = line.pop("until")
    assert line == {
        "category": "gambling",
        "site": "poker.example",
        "group": "staff",
        "response": "ignore",
        "reason": "false_alarm",
    }
    assert until.isoformat() == deputy.input_value("#until")
    look(deputy, "exceptions")
    deputy.click("#taken-up")
    deputy.wait_for_selector("#none:not([hidden])")
    assert AuditEntry.objects.filter(action="exception_taken_up").count() == 1
