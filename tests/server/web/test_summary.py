"""The monthly summary's page: kept months as they were made, for whom they are, in every form, on every screen."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client

from server import summary_calendar
from server.store.models import AuditEntry, Device, MonthlySummary
from tests.server.test_summary_formats import SUMMARY, keep

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(people, device):
    """A manager's client, of an organisation with a device since August and October's summary kept."""
    Device.objects.update(enrolled_at=datetime(2026, 8, 20, tzinfo=UTC))
    keep(SUMMARY)
    return signed_in_as(people.manager)


def signed_in_as(user):
    client = Client()
    client.force_login(user)
    return client


def read(client, address, status=200):
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


def test_the_newest_kept_month_is_shown_as_it_was_made(manager):
    page = read(manager, "/summary/")
    for said in ("Use and safeguarding in October 2026", "412", "Streaming (sites) rose most.", "version 2", "Wayland"):
        assert said in page


def test_a_group_alone_has_its_own_figures_and_no_others(manager):
    page = read(manager, "/summary/?month=2026-10&group=learners")
    assert "Learners" in page
    assert "412" in page
    assert "Games" not in page
    assert "Streaming (sites) rose most." not in page


def test_a_month_that_is_none_and_a_group_that_is_none_are_said_in_a_sentence(manager):
    assert "is not a month; write it like 2026-10" in read(manager, "/summary/?month=2026-13", 404)
    assert "There is no group &#x27;nobody&#x27; in 2026-10" in read(
        manager, "/summary/?month=2026-10&group=nobody", 404
    )


def test_of_a_month_without_one_it_is_said_when_it_is_made(manager):
    page = read(manager, "/summary/?month=2026-09")
    assert "There is no summary of September 2026 yet" in page
    assert "Thursday 1 October 2026, 06:00" in page
    assert "Make it now" in page
    later = summary_calendar.last_over(datetime.now(UTC) + timedelta(days=62), "Europe/London")
    page = read(manager, f"/summary/?month={later}")
    assert "The month is not over" in page
    assert "Make it now" not in page


def test_a_month_can_be_made_by_a_button_and_the_log_says_who_pressed_it(manager, people):
    last = summary_calendar.last_over(datetime.now(UTC), "Europe/London")
    MonthlySummary.objects.all().delete()
    answer = manager.post("/summary/make", {"month": last})
    assert (answer.status_code, answer.url) == (302, f"/summary/?month={last}")
    assert MonthlySummary.objects.filter(month=last).count() == 1
    assert AuditEntry.objects.filter(action="summary_made").get().actor == f"user:{people.manager.pk}"
    manager.post("/summary/make", {"month": last})
    assert MonthlySummary.objects.count() == 1


@pytest.mark.parametrize(
    ("month", "told"), [("2999-01", "is not over yet"), ("x", "is not a month"), ("", "not a month")]
)
def test_what_can_not_be_made_is_refused_in_a_sentence(manager, month, told):
    answer = manager.post("/summary/make", {"month": month})
    assert answer.status_code in {404, 409}
    assert told in answer.content.decode()


@pytest.mark.parametrize(
    ("form", "begins"), [("pdf", b"%PDF-"), ("csv", b"\xef\xbb\xbfmonth"), ("json", b"{"), ("html", b"<!doctype")]
)
def test_it_is_given_as_a_file_in_every_form(manager, form, begins):
    answer = manager.get(f"/summary/2026-10.{form}?group=learners")
    assert answer.content.startswith(begins)
    assert answer["Content-Disposition"] == f'attachment; filename="fairwatch-2026-10-learners.{form}"'


@pytest.mark.parametrize("address", ["2026-10.docx", "2026-09.pdf", "2026-10.pdf?group=nobody", "x.json"])
def test_a_file_that_is_not_there_is_not_there(manager, address):
    read(manager, f"/summary/{address}", 404)


@pytest.mark.parametrize("role", ["manager", "lead"])
def test_a_partner_reads_the_figures_of_their_groups_and_nothing_of_the_organisations_cases(manager, people, role):
    user = getattr(people, role)
    user.groups = ["learners"]
    user.save()
    client = signed_in_as(user)
    page = read(client, "/summary/")
    assert "Learners" in page
    for theirs in ("Staff", "Games", "Wayland", "false alarms", "42 minutes", "Cases received"):
        assert theirs not in page
    told = json.loads(client.get("/summary/2026-10.json").content)
    assert [one["group"] for one in told["groups"]] == ["learners"]
    assert (told["incidents"], told["sealed"], told["totals"], told["together"]) == (None, None, [], [])
    read(client, "/summary/2026-10.csv?group=staff", 404)
    read(client, "/summary/?month=2026-10&group=staff", 404)


@pytest.mark.parametrize("role", ["lead", "deputy"])
def test_a_lead_is_shown_no_count_of_cases_which_would_tell_of_one_that_is_kept_from_them(manager, people, role):
    client = signed_in_as(getattr(people, role))
    assert "Learners" in read(client, "/summary/")
    for words in ("Cases received", "42 minutes"):
        assert words in read(manager, "/summary/")
        assert words not in read(client, "/summary/")
    told = json.loads(client.get("/summary/2026-10.json").content)
    assert (told["incidents"], told["sealed"]) == (None, None)
    assert told["totals"] != []


def test_the_top_of_a_group_is_that_group_s_alone(manager):
    both = msgspec.structs.replace(SUMMARY.groups[0], group="staff", name="Staff")
    keep(msgspec.structs.replace(SUMMARY, revision=3, groups=(SUMMARY.groups[0], both)))
    told = json.loads(manager.get("/summary/2026-10.json?group=staff").content)
    assert [(one["name"], one["hours"], one["groups"]) for one in told["top"]] == [("bbc.co.uk", 9.5, ["staff"])]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_and_the_page_fits(manager, people, signed_in, width):
    page = signed_in(people.manager, width)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto("/summary/")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        if folder := os.environ.get("FAIRWATCH_PICTURES"):
            page.screenshot(path=Path(folder) / f"summary-{scheme}-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # One of the two charts is for this width.
    assert page.locator("svg.chart:visible").count() == 1
    assert page.faults == []
