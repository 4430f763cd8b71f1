"""The lead's day at a real collector: a key made in the browser and signed by custodians, and one case to its end."""

from __future__ import annotations

import json
import shutil
import sqlite3
from base64 import b64decode, b64encode
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from protocol import leadkeys
from protocol.messages import decode
from tests.journey import canary
from tests.journey.office import (
    CHROMIUM,
    FLAGS,
    Office,
    custodians_sign,
    enrol,
    free_port,
    make_key,
    report,
    signed_in,
    signed_recipients,
    unlock_desk,
)
from tests.journey.recorder import Recorder

HOST, PERSON, NOTE = "www.canary-7f3a.example", "quill.ravensworth", "Zebrafish: rang the tutor"
ROOMS = ("/desk/", "/desk/key/", "/desk/trial/", "/devices/", "/lists/", "/summary/", "/audit/", "/rules/")
pytestmark = [
    pytest.mark.more,
    pytest.mark.skipif(CHROMIUM is None, reason="the desk needs a Chromium browser, and this system offers none"),
    pytest.mark.timeout(150),
]


@dataclass
class Desk(Office):
    """An organisation, and what happened at its desk."""

    words: str = ""
    fingerprint: str = ""
    waiting: str = ""
    sealed_page: str = ""
    queue: str = ""
    case: str = ""
    closed: str = ""
    log: str = ""
    it_page: str = ""
    rooms: dict[str, dict[str, tuple[int | str, str]]] = field(default_factory=dict)
    went_back: list[str] = field(default_factory=list)
    errors: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def desk(tmp_path_factory, playwright_driver):
    """The day, lived once; each test looks at another side of it."""
    folder = tmp_path_factory.mktemp("desk")
    port = free_port()
    wire = Recorder(port, folder / "wire")
    day = Desk(folder, f"http://localhost:{wire.port}")
    day.begin()
    for role in ("lead", "it", "manager", "dpo"):
        day.add(role, role)
    with day.running(port):
        try:
            browser = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            # The lead's browser keeps a profile on disk, as people's do: it is searched once it is closed.
            lead = playwright_driver.chromium.launch_persistent_context(
                day.folder / "profile", executable_path=CHROMIUM, args=list(FLAGS)
            )
            _live(day, lead, browser)
            browser.close()
        finally:
            # Before the collector ends, so that the write-ahead log is still there to be copied.
            _back_up(day)
            wire.close()
    return day


def _back_up(day):
    """Copy the database in the ways in which administrators do, while the collector runs."""
    (day.folder / "backup").mkdir()
    with (
        closing(sqlite3.connect(f"file:{day.data / 'collector.sqlite3'}?mode=ro", uri=True)) as database,
        closing(sqlite3.connect(day.folder / "backup" / "copy.sqlite3")) as copy,
    ):
        database.backup(copy)
        (day.folder / "backup" / "dump.sql").write_text("\n".join(copy.iterdump()))
    for path in day.data.glob("collector.sqlite3*"):
        shutil.copy(path, day.folder / "backup")


def _live(day, lead, browser):
    page, errors = signed_in(day, lead, "lead")
    day.words, day.fingerprint = make_key(day, page, day.folder / "lead.json")
    day.waiting = page.inner_text("main")
    custodians_sign(day, "--lead-key", f"The lead={day.folder / 'lead.json'}")
    report(day, enrol(day, "learners", "laptop-7"), "learners", PERSON, HOST)
    page.goto(day.url + "/desk/")
    day.sealed_page = page.inner_text("main")
    unlock_desk(day, page, day.words)
    day.queue = page.inner_text("#queue")
    page.click("#queue tbody a")
    page.wait_for_selector("#open:enabled")
    page.click("#open")
    page.wait_for_selector("#opened:not([hidden])")
    page.fill("#note-text", NOTE)
    page.click("#note button")
    page.wait_for_selector("#notes article")
    day.case = page.inner_text("main")
    page.check("input[value=concern]")
    page.select_option("#outcome", "channel")
    page.fill("#close-text", NOTE)
    page.click("#close button")
    page.wait_for_selector("#case[data-state=closed]")
    day.closed = page.inner_text("main")
    page.click(".who form button")
    page.wait_for_selector("#id_login")
    for _ in range(3):
        page.go_back()
        page.wait_for_load_state()
        day.went_back.append(page.inner_text("body"))
    page.context.close()
    for role in ("it", "manager", "dpo", "stranger"):
        other = browser.new_page() if role == "stranger" else signed_in(day, browser, role)[0]
        day.rooms[role] = {address: _looked_at(day, other, address) for address in ROOMS}
        if role == "dpo":
            other.goto(day.url + "/audit/")
            day.log = other.inner_text("#standing") + other.inner_text("tbody")
        other.context.close()
    day.it_page = day.rooms["it"]["/devices/"][1]
    day.errors = tuple(errors)


def _looked_at(day, page, address):
    answer = page.goto(day.url + address)
    return answer.status if page.url == day.url + address else "sent away", page.inner_text("body")


# --- what came of it ---------------------------------------------------------------------------------------------


def test_the_key_waits_for_the_custodians_and_its_fingerprint_is_what_they_sign(desk):
    assert "Waiting for the custodians’ signature" in desk.waiting
    file = decode((desk.folder / "lead.json").read_bytes(), leadkeys.LeadKey)
    assert desk.fingerprint == leadkeys.fingerprint(file.public_key)
    assert file.key_id in {one.key_id for one in signed_recipients(desk).recipients if one.role == "lead"}


def test_before_unlocking_the_queue_names_no_person_and_no_category(desk):
    assert "FW-" in desk.sealed_page
    assert "learners" in desk.sealed_page
    assert "waiting for the custodians" not in desk.sealed_page
    for word in (PERSON, "Self-harm", HOST):
        assert word not in desk.sealed_page


def test_after_unlocking_category_person_and_count_appear_but_no_host(desk):
    for word in (PERSON, "Self-harm", "3"):
        assert word in desk.queue
    assert HOST not in desk.queue


def test_the_opened_case_says_what_was_seen_why_and_by_what(desk):
    for word in (HOST, HOST.removeprefix("www."), PERSON, "Self-harm", "self_harm = flag", "signature holds", NOTE):
        assert word in desk.case
    assert "The browser’s own history" in desk.case


def test_the_case_is_closed_with_its_outcome(desk):
    assert "Referred: Prevent or Channel" in desk.closed
    assert "Close the case" not in desk.closed


def test_the_log_shows_exactly_one_opening_and_holds(desk):
    assert desk.log.count("Opened the evidence") == 1
    assert desk.log.count("Wrote a note") == 1
    assert desk.log.count("Closed the case") == 1
    assert "The chain holds" in desk.log


def test_it_sees_the_device_and_nothing_of_the_case(desk):
    assert "laptop-7" in desk.it_page
    for word in ("FW-", PERSON, "harm", "case"):
        assert word not in desk.it_page


@pytest.mark.parametrize("word", [HOST, HOST.removeprefix("www."), PERSON, NOTE])
def test_nothing_of_what_was_sealed_is_anywhere_at_the_collector(desk, word):
    assert canary.found(word, desk.data) == []


@pytest.mark.parametrize(
    ("role", "own"),
    [
        ("it", {"/devices/", "/lists/", "/rules/"}),
        ("manager", {"/summary/", "/rules/"}),
        ("dpo", {"/audit/", "/rules/"}),
        ("stranger", {"/rules/"}),
    ],
)
def test_who_is_no_lead_enters_their_own_rooms_alone_and_reads_nothing_of_the_case(desk, role, own):
    rooms = desk.rooms[role]
    assert {address for address, (status, _) in rooms.items() if status == 200} == own
    assert {status for address, (status, _) in rooms.items() if address not in own} == {
        "sent away" if role == "stranger" else 403
    }
    for address, (_, text) in rooms.items():
        for word in (HOST, PERSON, NOTE):
            assert word not in text, address
        # That there is a case, and its reference, is for leads and for who keeps watch over them.
        assert (role == "dpo" and address == "/audit/") == ("FW-" in text and "Case" in text), address


@pytest.mark.parametrize("word", [HOST, HOST.removeprefix("www."), PERSON, NOTE])
def test_nothing_of_what_was_sealed_is_in_a_backup(desk, word):
    assert canary.found("laptop-7", desk.folder / "backup"), "the search finds what is there in clear"
    assert canary.found(word, desk.folder / "backup") == []


@pytest.mark.parametrize("word", [HOST, HOST.removeprefix("www."), PERSON, NOTE])
def test_nothing_of_what_was_sealed_went_over_the_wire(desk, word):
    # The device, the browsers of all roles, every page, script, form and file, both ways, under the encryption.
    for there in ("laptop-7", "The lead", "self_harm"):
        assert canary.found(there, desk.folder / "wire"), "the search finds what is there in clear"
    assert canary.found(word, desk.folder / "wire") == []


@pytest.mark.parametrize("word", [HOST, HOST.removeprefix("www."), PERSON, NOTE])
def test_nothing_that_was_opened_stays_in_the_browsers_folder(desk, word):
    assert canary.found("fairwatch-head", desk.folder / "profile") or canary.found(desk.url, desk.folder / "profile")
    assert canary.found(word, desk.folder / "profile") == []


def test_after_signing_out_the_back_button_shows_nothing_that_was_opened(desk):
    assert len(desk.went_back) == 3
    for shown in desk.went_back:
        assert "Sign in" in shown or "Signed out" in shown
        for word in (HOST, PERSON, NOTE, "Self-harm"):
            assert word not in shown


def test_neither_the_words_nor_the_private_key_reached_the_collector(desk):
    file = json.loads((desk.folder / "lead.json").read_text())
    assert canary.found(file["key_id"], desk.data) != []
    assert canary.found(desk.words, desk.data) == []
    private = leadkeys.unlock(decode((desk.folder / "lead.json").read_bytes(), leadkeys.LeadKey), desk.words)
    held = b"".join(path.read_bytes() for path in desk.data.rglob("*") if path.is_file())
    assert b64decode(file["public_key"]) in held
    assert private not in held
    assert b64encode(private) not in held


def test_no_page_reported_an_error(desk):
    assert desk.errors == ()
