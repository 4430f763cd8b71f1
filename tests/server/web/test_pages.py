"""The pages in a real Chromium: what was altered is never shown as true, and everybody can use them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from msgspec import structs

from protocol import leadkeys as keyfile
from protocol.documents import seal_signed
from protocol.messages import encode
from server import leadkeys
from server.store.models import AuditEntry, Device, Incident, LeadKey, Note, Person
from tests.server.web.held import Held

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
PHRASE = "anchor basil cactus dolphin ember falcon"
HOST = "canary-host.example"
WAIT_MS = 15_000
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def file():
    return keyfile.make(PHRASE)


@pytest.fixture
def site(live_server_files, live_server, people, file, chromium):
    """`site(role, width)`: a page of somebody who signed in, in a browser of their own."""
    leadkeys.keep(people.lead, encode(file))
    contexts = []

    def sign_in(role, width=1280):
        context = chromium.new_context(viewport={"width": width, "height": 800}, base_url=live_server.url)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.faults = []
        page.on("pageerror", lambda fault: page.faults.append(str(fault)))
        if role != "stranger":
            # Signed in by its cookie: the password's hash is slow on purpose, and the journey types it.
            client = Client()
            client.force_login(getattr(people, role))
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        page.goto("/")
        return page

    yield sign_in
    for context in contexts:
        context.close()


@pytest.fixture
def cases(site, device, file):
    """Three cases: one as it came, one with an altered heading, one whose record was moved in from the first."""
    for number in range(3):
        assert device.send(device.alert(Held(file), name=HOST, person=f"person-{number}")).results == [("stored", None)]
    good, altered, moved = Incident.objects.order_by("received_at")
    record = altered.records.get()
    record.heading = bytes(record.heading[:-1]) + bytes([record.heading[-1] ^ 1])
    record.save()
    first = good.records.get()
    copied = moved.records.get()
    for field in ("header", "heading", "evidence", "evidence_sha256", "signature"):
        setattr(copied, field, getattr(first, field))
    copied.save()
    return good, altered, moved


def unlock(page):
    page.wait_for_selector("#unlock-go:enabled")
    page.fill("#passphrase", PHRASE)
    page.press("#passphrase", "Enter")
    page.wait_for_selector("#unlocked:not([hidden])")


def test_an_altered_or_moved_record_is_said_to_be_so_and_never_shown_as_true(site, cases):
    page = site("lead")
    unlock(page)
    page.wait_for_selector("#queue[data-opened]")
    good, altered, moved = (page.inner_text(f"tr[data-incident='{case.pk}']") for case in cases)
    assert "person-0" in good
    assert "Gambling" in good
    assert "altered after it left the device" in altered
    assert "moved after it left the device" in moved
    for text in (altered, moved):
        assert "Not to be trusted" in text
        assert "person-" not in text
        assert "Gambling" not in text


def test_evidence_exchanged_after_the_heading_was_read_is_not_shown(site, cases):
    page = site("lead")
    unlock(page)
    page.goto(f"/desk/incidents/{cases[0].pk}/")
    page.wait_for_selector("#open:enabled")
    record = cases[0].records.get()
    record.evidence = bytes(record.evidence[:-1]) + bytes([record.evidence[-1] ^ 1])
    record.save()
    page.click("#open")
    page.wait_for_selector("#desk-problem:not([hidden])")
    assert "altered" in page.inner_text("#desk-problem")
    assert page.is_hidden("#opened")
    assert AuditEntry.objects.filter(action="evidence_released").count() == 1


def test_a_reader_whom_the_device_did_not_seal_to_gets_no_note(site, cases, people):
    stranger = keyfile.make("stranger")
    page = site("lead")
    unlock(page)

    def add_reader(route):
        answer = route.fetch()
        given = answer.json()
        given["recipients"].append(json.loads(encode(stranger))["public_key"])
        route.fulfill(response=answer, json=given)

    page.route("**/release", add_reader)
    page.goto(f"/desk/incidents/{cases[0].pk}/")
    page.click("#open:enabled")
    page.wait_for_selector("#desk-problem:not([hidden])")
    assert "never sealed to" in page.inner_text("#desk-problem")
    assert page.is_hidden("#note-card")


def test_a_note_that_the_collector_made_up_moved_or_put_under_another_name_is_not_shown(site, cases, file, people):
    lead, stranger = keyfile.unlock(file, PHRASE), os.urandom(64)
    good, other = cases[0].pk, cases[1].pk
    said = {"kind": "outcome", "finding": "false_alarm", "outcome": "none", "author": "The lead"}
    text = json.dumps({**said, "text": "nothing in it", "at": "2026-11-20T10:00:00Z"}).encode()
    readers = [file.public_key]
    mine = seal_signed("note", text.replace(b"nothing in it", b"rang the tutor"), readers, good, uuid4(), lead)
    forged = seal_signed("note", text, readers, good, uuid4(), stranger)
    moved = seal_signed("note", text, readers, other, uuid4(), lead)
    renamed = structs.replace(forged, id=uuid4(), signer=file.public_key)
    for note in (mine, forged, moved, renamed):
        kept = {name: getattr(note, name) for name in ("id", "envelope", "signer", "signature")}
        Note.objects.create(incident=cases[0], author=people.lead, at=datetime.now(UTC), **kept)
    page = site("lead")
    unlock(page)
    page.goto(f"/desk/incidents/{good}/")
    page.click("#open:enabled")
    page.wait_for_selector("#opened:not([hidden])")
    shown = page.inner_text("#notes")
    assert "rang the tutor" in shown
    assert shown.count("Not to be trusted") == 3
    assert "nothing in it" not in shown
    assert page.faults == []


def test_wrong_words_are_refused_in_words_and_right_ones_open_on_the_second_try(site, cases):
    page = site("lead")
    page.wait_for_selector("#unlock-go:enabled")
    page.fill("#passphrase", "six words that are not right")
    page.press("#passphrase", "Enter")
    page.wait_for_selector("#unlock-problem:not([hidden])")
    assert "do not open the key" in page.inner_text("#unlock-problem")
    unlock(page)
    assert page.input_value("#passphrase") == ""


KEPT = """async () => {
  const db = await new Promise((done) => {
    const asked = indexedDB.open("fairwatch", 1);
    asked.onsuccess = () => done(asked.result);
  });
  const all = await new Promise((done) => {
    const asked = db.transaction("key").objectStore("key").getAll();
    asked.onsuccess = () => done(asked.result);
  });
  db.close();
  return all.map(({ pair }) => pair.privateKey.extractable || pair.signingKey.extractable);
}"""


@pytest.mark.parametrize("way", ["#lock-now", "text=Sign out"])
def test_the_key_stays_between_pages_and_is_gone_after_locking_or_signing_out(site, cases, way):
    page = site("lead")
    unlock(page)
    page.goto("/desk/key/")
    page.wait_for_selector("#unlocked:not([hidden])")
    assert page.evaluate(KEPT) == [False]
    page.click(way)
    page.wait_for_selector("#locked:visible, #id_login")
    assert page.evaluate(KEPT) == []


def test_what_was_opened_leaves_the_screen_after_half_an_hour_without_a_hand_on_it(site, cases):
    page = site("lead")
    page.clock.install()
    page.goto("/desk/")
    unlock(page)
    page.wait_for_selector("#queue[data-opened]")
    page.clock.fast_forward("29:00")
    assert "person-0" in page.inner_text("#queue")
    page.clock.fast_forward("02:00")
    page.wait_for_selector("#locked:visible")
    assert "person-0" not in page.content()
    assert page.evaluate(KEPT) == []


def test_locking_in_one_tab_takes_the_words_from_the_others(site, cases):
    page = site("lead")
    unlock(page)
    other = page.context.new_page()
    other.goto("/desk/")
    other.wait_for_selector("#queue[data-opened]")
    page.click("#lock-now")
    other.wait_for_selector("#locked:visible")
    assert "person-0" not in other.content()


def test_everything_from_signing_in_to_closing_goes_by_keyboard_alone(site, cases):
    page = site("lead")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.wait_for_selector("#unlock-go:enabled")
    _tab_to(page, "#passphrase")
    page.keyboard.type(PHRASE)
    page.keyboard.press("Enter")
    page.wait_for_selector("#queue[data-opened]")
    _tab_to(page, f"a[href='/desk/incidents/{cases[0].pk}/']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#open:enabled")
    _tab_to(page, "#open")
    page.keyboard.press("Enter")
    page.wait_for_selector("#opened:not([hidden])")
    assert HOST in page.inner_text("#opened")
    _tab_to(page, "input[name=finding]")
    page.keyboard.press("Space")
    _tab_to(page, "#outcome")
    page.keyboard.press("ArrowDown")
    _tab_to(page, "#close-text")
    page.keyboard.type("A slip.")
    _tab_to(page, "#close button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#case[data-state=closed]")
    assert page.faults == []


def _tab_to(page, selector):
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert style != "none", f"no visible focus on {selector}"
            return
    raise AssertionError(f"{selector} can't be reached by keyboard")


PAGES = {
    "stranger": ["/account/login/", "/nothing"],
    "lead": [
        "/desk/",
        "/desk/?state=closed",
        "/desk/trial/",
        "/desk/key/",
        "/desk/incidents/{case}/",
        "/account/password/change/",
    ],
    "it": ["/devices/", "/people/", "/desk/"],
    "manager": ["/summary/"],
    "dpo": ["/audit/"],
}
FAULTS = """() => {
  const faults = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) faults.push(`${page.scrollWidth - page.clientWidth} px too wide`);
  for (const one of document.querySelectorAll("table")) {
    const room = one.parentElement.getBoundingClientRect();
    if (one.getBoundingClientRect().right > room.right) faults.push("a table wider than its card");
  }
  const named = (one) => one.labels?.length || one.getAttribute("aria-label") || one.type === "hidden";
  for (const one of document.querySelectorAll("input, select, textarea")) {
    if (!named(one)) faults.push(`no label: ${one.name || one.id}`);
  }
  for (const one of document.querySelectorAll("table")) if (!one.caption) faults.push("a table without caption");
  for (const one of document.querySelectorAll("th")) if (!one.scope) faults.push("a heading cell without scope");
  for (const one of document.querySelectorAll("button, a")) {
    if (!one.textContent.trim()) faults.push("a button or link without words");
  }
  for (const name of ["header", "main", "footer"]) if (!document.querySelector(name)) faults.push(`no ${name}`);
  const ids = Array.from(document.querySelectorAll("[id]"), (one) => one.id);
  if (new Set(ids).size !== ids.length) faults.push("an id twice");
  return faults;
}"""
# The contrast of every text against what is behind it (WCAG 2.2, 1.4.3), with alpha-free colours as ours are.
CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (colour.startsWith("rgb(")) return parse(colour);
    }
    return [255, 255, 255];
  };
  const low = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !node.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.push(`${ratio.toFixed(2)}: ${walk.currentNode.data.trim().slice(0, 30)}`);
  }
  return low;
}"""


@pytest.mark.parametrize("role", PAGES)
def test_pages_fit_a_phone_and_are_labelled_and_legible_in_light_and_dark(site, cases, role):
    page = site(role, width=360)
    for address in PAGES[role]:
        page.goto(address.format(case=cases[0].pk))
        assert page.evaluate(FAULTS) == [], address
        for width in (800, 1024, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(FAULTS) == [], (address, width)
        page.set_viewport_size({"width": 360, "height": 800})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(CONTRAST) == [], (address, scheme)
    assert page.faults == []


def test_the_rules_in_force_fit_every_width_and_are_legible_for_everybody(site, custodians, monkeypatch):
    custodians.publish()
    monkeypatch.setattr(settings, "DATA_DIR", custodians.collector)
    for role in ("stranger", "dpo"):
        page = site(role)
        page.goto("/rules/")
        assert "Flagged at once" in page.inner_text("main")
        for width in (1280, 1024, 800, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(FAULTS) == [], width
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(CONTRAST) == [], scheme
        assert page.faults == []


def test_the_check_of_contrast_sees_pale_text(site):
    page = site("stranger")
    page.evaluate("document.querySelector('h1').style.color = 'rgb(200, 200, 200)'")
    assert page.evaluate(CONTRAST) != []


def test_the_unlocked_queue_and_an_opened_case_fit_every_width_too(site, device, file, cases):
    device.send(device.alert(Held(file), name="a-long-host-name." * 12 + "example", person="long-name-" * 16))
    page = site("lead", width=360)
    unlock(page)
    page.wait_for_selector("#queue[data-opened]")
    for width in (1280, 1024, 800, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(FAULTS) == [], width
    page.goto(f"/desk/incidents/{Incident.objects.latest('received_at').pk}/")
    page.click("#open:enabled")
    page.wait_for_selector("#close-card:not([hidden])")
    for width in (1280, 1024, 800, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(FAULTS) == [], width


def test_the_printed_sheet_holds_the_words_and_no_buttons(site):
    page = site("deputy")
    page.goto("/desk/key/")
    page.click("#make:enabled")
    page.wait_for_selector("#sheet:not([hidden])")
    page.emulate_media(media="print")
    shown = page.inner_text("body")
    for word in page.locator("#words li").all_inner_texts():
        assert word in shown
    assert "Fairwatch key sheet" in shown
    assert "The deputy safeguarding lead" in shown
    assert "Save my key" not in shown
    assert not LeadKey.objects.filter(user__username="deputy").exists()


def test_text_from_a_device_stays_text(site, device, file):
    Device.objects.filter(pk=device.id).update(name="<img src=x onerror=alert(1)>")
    device.send(device.alert(Held(file), name=HOST, person="<b id=made>bold</b>", category="made_up"))
    page = site("lead")
    unlock(page)
    page.wait_for_selector("#queue[data-opened]")
    text = page.inner_text("#queue")
    assert "<b id=made>bold</b>" in text
    assert "<img src=x" in text
    assert page.query_selector("#made, #queue img") is None


def test_after_unlocking_the_lead_sees_real_names_with_the_accounts_beneath(site, cases):
    Person.objects.create(account="Person-0", key="person-0", name="Zoë Adams", partner="North", changed_at=NOW)
    page = site("lead")
    assert "Zoë Adams" not in page.content()
    unlock(page)
    row = page.locator("tr", has_text="Zoë Adams")
    row.wait_for()
    assert "person-0 · North" in row.inner_text()
    assert page.faults == []


def picture(page, name):
    """Check the page as it stands, in both schemes, and leave pictures where FAIRWATCH_PICTURES says."""
    folder = os.environ.get("FAIRWATCH_PICTURES")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(FAULTS) == []
        assert page.evaluate(CONTRAST) == []
        if folder:
            page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", full_page=True)


def test_it_looks_at_what_a_list_of_people_would_change_and_then_imports_it(site, tmp_path):
    Person.objects.create(account="ben", key="ben", name="Ben Brown", changed_at=NOW)
    file = tmp_path / "people.csv"
    file.write_text("Sign-in name;Real name;Group;Phone\nanna;Anna Adams;learners;1\nx;=cmd|'/C calc'!A0;;\n")
    page = site("it")
    page.goto("/people/")
    picture(page, "people")
    page.set_input_files("#people-file", file)
    page.click("#people-look")
    page.locator("#people-preview").wait_for()
    told = page.locator("#people-told").inner_text()
    assert "1 new, 0 changed, 1 no longer listed" in told
    assert "begins with «=»" in told
    assert "Columns that are not used: Phone." in told
    picture(page, "people-preview")
    page.set_viewport_size({"width": 360, "height": 800})
    picture(page, "people-phone")
    assert Person.objects.count() == 1
    page.click("#people-go")
    page.locator("#people-done").wait_for()
    listed = {one.name: one.gone_at is None for one in Person.objects.all()}
    assert listed == {"Anna Adams": True, "Ben Brown": False}
    page.set_input_files("#people-file", {"name": "x.xlsx", "mimeType": "text/csv", "buffer": b"PK\x03\x04"})
    page.click("#people-look")
    page.locator("#people-problem").wait_for()
    assert "spreadsheet's own file" in page.locator("#people-problem").inner_text()
    assert page.faults == []
