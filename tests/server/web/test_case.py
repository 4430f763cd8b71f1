"""The case's page in real Chromium, with two leads at once: who has it, what happened, what else there is, on paper."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings

from server.store.models import AuditEntry, Incident, Note
from tests.server.web.held import Held

pytestmark = [pytest.mark.more, pytest.mark.django_db(transaction=True), pytest.mark.timeout(150)]
HOST = "canary-host.example"
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def cases(team, team_files, device):
    """Four cases, urgent: one, two of the same person (near it, and long before), one of somebody else."""
    keys = [Held(one) for one in team_files.values()]
    now = datetime.now(UTC).replace(microsecond=0)
    for person, days in (("amira", 0), ("CORP\\amira", 3), ("amira", 90), ("ben", 1)):
        at = now - timedelta(days=days)
        change = lambda header, at=at: msgspec.structs.replace(header, started=at, ended=at)  # noqa: E731
        assert device.send(device.alert(*keys, name=HOST, person=person, change=change)).results == [("stored", None)]
    return list(Incident.objects.order_by("-started"))  # now, a day, three and ninety days ago


def opened(page, case):
    """Go to a case and open its evidence."""
    page.goto(f"/desk/incidents/{case.pk}/")
    page.click("#open:enabled")
    page.wait_for_selector("#opened:not([hidden])")
    page.wait_for_selector("#print-part:not([hidden]), #desk-problem:not([hidden])")
    assert (page.inner_text("#desk-problem"), page.faults) == ("", [])


def faults(page):
    """What axe finds on a page."""
    found = Axe().run(page, options=AXE_RULES).response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found]


@pytest.mark.more
def test_two_leads_never_follow_the_same_case_unknowingly(team_site, cases):
    lead, deputy = team_site("lead"), team_site("deputy")
    for page in (lead, deputy):
        opened(page, cases[0])
    lead.click("#take")
    lead.wait_for_selector("#standing-words:has-text('You have this case')")
    deputy.wait_for_selector("#standing-words:has-text('The safeguarding lead has this case')")
    deputy.wait_for_selector("#looking:has-text('The safeguarding lead')")
    deputy.wait_for_selector("#notes:has-text('The safeguarding lead took the case.')")
    lead.fill("#note-text", "Rang the tutor")
    lead.click("#note button")
    deputy.wait_for_selector("#notes article:has-text('Rang the tutor')")
    deputy.check("input[value=concern]")
    deputy.select_option("#outcome", "channel")
    deputy.fill("#close-text", "Rang the Prevent team")
    deputy.click("#close button")
    lead.wait_for_selector("#case[data-state=closed]")
    lead.wait_for_selector("#notes article:has-text('Referred: Prevent or Channel')")
    assert lead.is_hidden("#close-card")
    lead.fill("#reopen-text", "They rang back")
    lead.click("#reopen button")
    deputy.wait_for_selector("#case[data-state=open]")
    assert (lead.faults, deputy.faults) == ([], [])


@pytest.mark.more
def test_a_press_on_old_news_tells_who_has_the_case(team_site, cases):
    lead, deputy = team_site("lead"), team_site("deputy")
    deputy.goto(f"/desk/incidents/{cases[0].pk}/")
    deputy.wait_for_selector("#take")
    deputy.route("**/look", lambda route: route.abort())
    lead.goto(f"/desk/incidents/{cases[0].pk}/")
    lead.click("#take")
    lead.wait_for_selector("#standing-words:has-text('You have this case')")
    deputy.click("#take")
    deputy.wait_for_selector("#standing-problem:has-text('The safeguarding lead has this case now.')")
    assert Incident.objects.get(pk=cases[0].pk).assigned_to.username == "lead"


def test_whoever_opens_the_evidence_before_other_cases_are_compared_can_write_and_decide(team_site, cases):
    page = team_site("lead")
    held = []
    page.route("**/near*", lambda route: held.append(route))
    opened(page, cases[0])
    page.wait_for_selector("#note-card:not([hidden])")
    page.wait_for_selector("#close-card:not([hidden])")
    assert len(held) == 1, "the comparison still waits"
    held[0].continue_()
    page.wait_for_selector("#related-near:not([hidden])")
    assert page.faults == []


def test_a_case_that_is_watched_keeps_its_day_and_the_sealed_words_say_why(team_site, cases):
    page = team_site("lead")
    opened(page, cases[0])
    page.check("input[value=accepted]")
    page.wait_for_selector("#accepted-until:visible")
    page.check("input[value=concern]")
    page.wait_for_selector("#accepted-until", state="hidden")
    page.select_option("#outcome", "watch")
    page.fill("#close-text", "See how the month goes")
    page.click("#close button")
    assert Incident.objects.get(pk=cases[0].pk).state == "open"
    soon = (datetime.now(UTC) + timedelta(days=30)).date()
    page.fill("#watch-until", soon.isoformat())
    page.click("#close button")
    page.wait_for_selector("#case[data-state=closed]")
    shown = page.inner_text("#notes")
    assert "A true concern · Watch until a date" in shown
    assert f"Back in the queue on {soon.day} {soon:%B %Y}" in shown
    assert Incident.objects.get(pk=cases[0].pk).back_on == soon


def test_other_cases_of_the_person_are_found_here_linked_and_made_a_part(team_site, cases):
    page = team_site("lead")
    opened(page, cases[0])
    near, before, else_ = cases[2], cases[3], cases[1]
    page.wait_for_selector("#related-near:not([hidden])")
    assert near.reference in page.inner_text("#related-near")
    assert before.reference in page.inner_text("#related-earlier")
    assert else_.reference not in page.inner_text("#related-near") + page.inner_text("#related-earlier")
    assert else_.reference in page.inner_text("#related-device")
    page.click(f"[aria-label='Link {before.reference} to this case']")
    page.wait_for_selector(f"#notes article:has-text('Linked to {before.reference}')")
    page.click(f"[aria-label='Make {near.reference} a part of this case']")
    page.wait_for_selector(f"#parts:has-text('{near.reference}')")
    assert Incident.objects.get(pk=near.pk).merged_into_id == cases[0].pk
    page.click(f"[aria-label='Take {near.reference} apart from this case']")
    page.wait_for_selector("#parts-card", state="hidden")
    assert Incident.objects.get(pk=near.pk).merged_into is None
    # A link is a sealed note like any other: which cases belong together is nowhere in clear.
    assert before.pk.bytes not in b"".join(bytes(note.envelope) for note in Note.objects.all())
    assert not AuditEntry.objects.filter(subject__contains=str(before.pk)).exists()
    assert page.faults == []


@pytest.mark.more
def test_words_that_were_typed_outlive_a_lock_and_the_end_of_a_session(team_site, team_words, cases):
    page = team_site("lead")
    opened(page, cases[0])
    page.fill("#note-text", "Zebrafish: half a sentence")
    page.dispatch_event("#note-text", "change")
    page.wait_for_function("Object.keys(localStorage).some((one) => one.startsWith('fairwatch-draft:'))")
    assert "Zebrafish" not in page.evaluate("JSON.stringify(localStorage)")
    cookies = page.context.cookies()
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.click("#note button")
    page.wait_for_selector("#note-problem:has-text('What you typed is kept, sealed, in this browser.')")
    assert page.input_value("#note-text") == "Zebrafish: half a sentence"
    page.context.add_cookies(cookies)
    page.click("#lock-now")
    page.wait_for_selector("#unlock-go:enabled")
    page.fill("#passphrase", team_words["lead"])
    page.press("#passphrase", "Enter")
    page.click("#open:enabled")
    page.wait_for_selector("#print-part:not([hidden])")
    assert page.input_value("#note-text") == "Zebrafish: half a sentence"
    page.click("#note button")
    page.wait_for_selector("#notes article:has-text('Zebrafish')")
    assert page.evaluate("Object.keys(localStorage).filter((one) => one.startsWith('fairwatch-draft:'))") == []


def test_the_case_file_on_paper_holds_what_was_opened_and_no_buttons(team_site, cases):
    page = team_site("lead")
    opened(page, cases[0])
    page.emulate_media(media="print")
    shown = page.inner_text("body")
    for words in (cases[0].reference, HOST, "amira", "Case file of Bright Path Training", "Lists that agree"):
        assert words in shown
    for words in ("Write a note", "Take this case", "What to do now", "Sign out"):
        assert words not in shown
    assert page.locator("button:visible").count() == 0
    assert len(page.pdf(format="A4")) > 10_000


def test_a_concern_is_recorded_sealed_and_opened_like_any_case(team_site, team, people, device):
    page = team_site("lead")
    page.goto("/desk/concern/")
    page.wait_for_selector("#concern-card:not([hidden])")
    page.fill("#concern-person", "amira")
    page.select_option("#concern-source", "tutor")
    page.select_option("#concern-category", "self_harm")
    page.select_option("#concern-group", "staff")
    page.check("input[name=urgency][value=urgent]")
    page.fill("#concern-when", "2026-11-20T09:30")
    page.fill("#concern-text", "Zebrafish: said she is tired of it all")
    page.click("#concern button")
    page.wait_for_selector("#recorded:not([hidden])")
    assert "It can be opened by: Sam Okafor, Priya Nair." in page.inner_text("#recorded-readers")
    incident = Incident.objects.get()
    deputy = team_site("deputy")
    deputy.wait_for_selector("#queue[data-opened]")
    assert "amira" in deputy.inner_text("#queue")
    opened(deputy, incident)
    for words in (
        "Zebrafish: said she is tired of it all",
        "A tutor or another member of staff",
        "lead’s signature holds",
    ):
        assert words in deputy.inner_text("#opened")
    assert "recorded this concern" in deputy.inner_text("#notes")
    assert (page.faults, deputy.faults) == ([], [])


def test_a_concern_about_a_colleague_is_not_sealed_to_them(team_site, team, device):
    page = team_site("lead")
    page.goto("/desk/concern/")
    page.wait_for_selector("#concern-card:not([hidden])")
    page.fill("#concern-person", "dee@corp.example")
    page.select_option("#concern-source", "other")
    page.select_option("#concern-category", "other")
    page.select_option("#concern-group", "staff")
    page.check("input[name=urgency][value=routine]")
    page.fill("#concern-when", "2026-11-20T09:30")
    page.fill("#concern-text", "What was seen")
    page.click("#concern button")
    page.wait_for_selector("#recorded:not([hidden])")
    assert "It can be opened by: Sam Okafor." in page.inner_text("#recorded-readers")
    deputy = team_site("deputy")
    assert deputy.goto(f"/desk/incidents/{Incident.objects.get().pk}/").status == 404


@pytest.mark.more
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_and_nothing_is_too_wide(team_site, cases, width, scheme):
    page = team_site("lead", width)
    page.emulate_media(color_scheme=scheme)
    opened(page, cases[0])
    page.wait_for_selector("#related-near:not([hidden])")
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    for address in (None, "/desk/concern/", "/desk/card/"):
        if address:
            page.goto(address)
            page.wait_for_selector("main h1")
        assert faults(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), address
