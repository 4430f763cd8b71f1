"""The page of lists on trial in a real Chromium: sums alone, and what was altered is said and not added."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client

from protocol import leadkeys as keyfile
from protocol import sealing, signing
from protocol.messages import TrialCounts, TrialEntry, TrialHeader, TrialPack, TrialReport, encode
from server import leadkeys, phones
from server.store.models import AuditEntry
from server.store.models import TrialReport as Stored

pytestmark = [pytest.mark.more, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
PHRASE = "anchor basil cactus dolphin ember falcon"
CASINO, MANY = "canary-casino.example", "everybodys-news.example"
FAULTS = """() => {
  const faults = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) faults.push(`${page.scrollWidth - page.clientWidth} px too wide`);
  for (const one of document.querySelectorAll("table")) {
    const room = one.parentElement.getBoundingClientRect();
    if (one.getBoundingClientRect().right > room.right) faults.push("a table wider than its card");
    if (!one.caption) faults.push("a table without caption");
  }
  for (const one of document.querySelectorAll("th")) if (!one.scope) faults.push("a heading cell without scope");
  const ids = Array.from(document.querySelectorAll("[id]"), (one) => one.id);
  if (new Set(ids).size !== ids.length) faults.push("an id twice");
  return faults;
}"""


@pytest.fixture(scope="module")
def file():
    return keyfile.make(PHRASE)


@pytest.fixture
def site(live_server_files, live_server, people, file, chromium):
    """`site(role, width)`: a page of somebody who signed in, in a browser of their own."""
    leadkeys.keep(people.lead, encode(file))
    contexts = []

    def sign_in(role, width=1280):
        context = chromium.new_context(viewport={"width": width, "height": 900}, base_url=live_server.url)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.faults = []
        page.on("pageerror", lambda fault: page.faults.append(str(fault)))
        client = Client()
        client.force_login(getattr(people, role))
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        return page

    yield sign_in
    for context in contexts:
        context.close()


def reports(device, key, *packs, day=date(2026, 11, 20)):
    """Send a day's report of a device."""
    record = uuid4()
    header = encode(
        TrialHeader(
            version=1,
            record=record,
            counter=device.counter + 1,
            device=device.id,
            signer=device.id,
            group=device.group,
            day=day,
            sealed_to=(key.key_id,),
            recipients_version=1,
            policy_version=1,
        )
    )
    place = sealing.Place(purpose="trial", subject=device.id, record=record, header=header)
    envelope = sealing.seal(encode(TrialCounts(1, packs)), [key.public_key], place, largest=True)
    body = TrialReport(header, envelope, signing.sign_trial(device.key, header, envelope))
    assert device.send(device.parcel("trial", body, record=record)).results == [("stored", None)]


def pack(*entries, more=0, name="ut1_gambling"):
    return TrialPack(name, 4, 31_000, tuple(TrialEntry(entry, (category,), n) for entry, category, n in entries), more)


@pytest.fixture
def month(device, other_device, file):
    """Two devices over two days: a site that both met, one that one met, and a list that nobody met."""
    quiet = pack(name="ut1_weapons")
    reports(device, file, pack((CASINO, "gambling", 3), (MANY, "gambling", 40), more=2), quiet)
    reports(device, file, pack((MANY, "gambling", 20)), quiet, day=date(2026, 11, 21))
    reports(other_device, file, pack((MANY, "gambling", 7)), quiet)


def open_counts(page):
    page.goto("/desk/trial/")
    page.wait_for_selector("#unlock-go:enabled")
    page.fill("#passphrase", PHRASE)
    page.press("#passphrase", "Enter")
    page.wait_for_selector("#unlocked:not([hidden])")
    page.click("#open-counts:enabled")
    page.wait_for_selector("#counts[data-opened]")


def test_the_lead_sees_sums_by_list_and_entry_and_what_promoting_needs(site, month, device):
    page = site("lead")
    open_counts(page)
    met, quiet = page.locator("[data-list]").all()
    assert met.locator("tbody tr").all_inner_texts() == [
        f"{MANY}\tGambling\t2\t67",
        f"{CASINO}\tGambling\t1\t3",
    ]
    words = met.inner_text()
    assert "Met 72 times, 2 entries of 31,000. Tried on 2 devices over 2 days." in words
    assert "And 2 times by entries that busy days left out." in words
    assert "ut1_gambling = 31000" in words
    assert "Nothing on this list was met." in quiet.inner_text()
    assert "Only the custodians can let a list act" in page.inner_text("main")
    assert str(device.id) not in page.content()
    assert "laptop-01" not in page.content()
    assert AuditEntry.objects.filter(action="trial_counts_opened").count() == 1
    assert page.faults == []


def test_a_gateway_is_said_to_stand_for_its_phones_and_an_app_is_named(site, month, device, other_device, file):
    phones.set_gateway(None, other_device.id, datetime.now(UTC), gateway=True)
    reports(other_device, file, pack(("service:tiktok", "social_networking", 9), name="curated"))
    page = site("lead")
    open_counts(page)
    with_both = page.inner_text("[data-list='ut1_gambling']")
    assert "Tried on 2 devices" in with_both
    assert "A gateway counts for all its phones as one device; 1 is counted here." in with_both
    assert page.locator("[data-list='curated'] tbody tr").all_inner_texts() == [
        "TikTok (likely app use)\tSocial media and chat\t1\t9"
    ]
    assert page.faults == []


def test_nothing_is_fetched_or_logged_before_the_button_is_pressed(site, month):
    page = site("lead")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/desk/trial/")
    page.wait_for_selector("#unlock-go:enabled")
    page.fill("#passphrase", PHRASE)
    page.press("#passphrase", "Enter")
    page.wait_for_selector("#open-counts:visible")
    assert not [one for one in asked if one.endswith("/desk/data/trial")]
    assert not AuditEntry.objects.filter(action="trial_counts_opened").exists()


def test_an_altered_report_and_one_that_was_moved_are_said_and_not_added(site, month):
    first, second, third = Stored.objects.order_by("pk")
    first.envelope = bytes(first.envelope[:-1]) + bytes([first.envelope[-1] ^ 1])
    first.save()
    second.envelope, second.signature = third.envelope, third.signature
    second.save()
    page = site("lead")
    open_counts(page)
    assert "2 reports could not be opened" in page.inner_text("#counts .message")
    assert page.locator("[data-list] tbody tr").all_inner_texts() == [f"{MANY}\tGambling\t1\t7"]


def test_more_reports_than_one_answer_holds_are_all_added(site, month, monkeypatch):
    monkeypatch.setattr("server.trials.PAGE_REPORTS", 1)
    page = site("lead")
    open_counts(page)
    assert "Met 72 times" in page.inner_text("[data-list='ut1_gambling']")
    assert page.inner_text("#progress") == "3 reports opened"
    assert AuditEntry.objects.filter(action="trial_counts_opened").count() == 1


def test_with_no_reports_the_page_says_so(site):
    page = site("lead")
    open_counts(page)
    assert "No device has reported on a list" in page.inner_text("#counts")


def test_a_name_from_a_list_can_not_act_in_the_page(site, device, file):
    reports(device, file, pack(("<img src=x onerror=document.title='acted'>", "gambling", 1)))
    page = site("lead")
    open_counts(page)
    assert page.locator("#counts img").count() == 0
    assert "onerror" in page.inner_text("#counts")
    assert "acted" not in page.title()


def test_it_fits_every_width_in_light_and_dark(site, month, device, other_device, file):
    phones.set_gateway(None, other_device.id, datetime.now(UTC), gateway=True)
    reports(other_device, file, pack(("service:tiktok", "social_networking", 9), name="curated"))
    reports(device, file, pack(("a" * 60 + "." + "b" * 60 + ".example", "gambling", 1)), day=date(2026, 11, 22))
    page = site("lead")
    open_counts(page)
    folder = os.environ.get("FAIRWATCH_PICTURES")
    for width in (1280, 1024, 800, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(FAULTS) == [], width
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            if folder:
                page.screenshot(path=Path(folder) / f"trial-{width}-{scheme}.png", full_page=True)


def test_the_log_says_it_in_words(site, month, people):
    page = site("lead")
    open_counts(page)
    client = Client()
    client.force_login(people.dpo)
    log = client.get("/audit/").content.decode()
    assert "Opened the counts of lists on trial" in log
    assert datetime.now(UTC) - AuditEntry.objects.get(action="trial_counts_opened").at < timedelta(minutes=5)


def test_no_page_of_it_changes_by_a_byte_when_counts_come(people, device, file):
    client = Client()
    client.force_login(people.it)
    leadkeys.keep(people.lead, encode(file))
    before = client.get("/devices/").content
    reports(device, file, pack((CASINO, "gambling", 3)))
    after = client.get("/devices/").content

    def without_token(page):
        start = page.index(b'name="csrfmiddlewaretoken" value="') + 34
        return page[:start] + page[start + 64 :]

    assert without_token(after) == without_token(before)
