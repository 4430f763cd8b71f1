"""The lead's day at a real collector: a key made in the browser and signed by custodians, and one case to its end.

Everything is a process of its own: the collector, the custodians' command, Chromium. Only the device is played here, by
the messages it would send.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from base64 import b64decode, b64encode
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from protocol import leadkeys, sealing, signing
from protocol.messages import (
    Alert,
    AlertHeader,
    Batch,
    EnrolReply,
    EnrolRequest,
    Evidence,
    Heading,
    MatchedBy,
    Message,
    Parcel,
    Receipts,
    Seen,
    decode,
    encode,
)
from protocol.publication import RecipientList, decode_recipients
from protocol.rolekeys import new_key
from rules.compiler import compile_shipped
from tests.journey import canary
from tests.journey.recorder import Recorder

BIN = Path(sys.executable).parent
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
HOST, PERSON, NOTE = "www.canary-7f3a.example", "quill.ravensworth", "Zebrafish: rang the tutor"
PASSWORD = "long enough for anybody"
WORDS = "anchor basil cactus dolphin ember falcon\n"
WAIT_MS = 20_000
ROOMS = ("/desk/", "/desk/key/", "/desk/trial/", "/devices/", "/lists/", "/summary/", "/audit/", "/rules/")
pytestmark = [
    pytest.mark.more,
    pytest.mark.skipif(CHROMIUM is None, reason="the desk needs a Chromium browser, and this system offers none"),
    pytest.mark.timeout(150),
]


@dataclass
class Desk:
    """The collector's folder and address, and what happened at the desk."""

    folder: Path
    url: str
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

    @property
    def data(self) -> Path:
        return self.folder / "collector"

    def command(self, name: str, *arguments: object, text: str = "") -> str:
        words = [str(BIN / name), *map(str, arguments)]
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def post(self, path: str, message: Message, key, key_id: str) -> bytes:
        body = encode(message)
        headers = signing.sign_request("POST", self.url + path, body, key=key, key_id=key_id, at=datetime.now(UTC))
        request = urllib.request.Request(self.url + path, body, {**headers, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read()


@pytest.fixture(scope="module")
def desk(tmp_path_factory, playwright_driver):
    """The day, lived once; each test looks at another side of it."""
    folder = tmp_path_factory.mktemp("desk")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    wire = Recorder(port, folder / "wire")
    day = Desk(folder, f"http://localhost:{wire.port}")
    day.command("fairwatch-server", "init", "--data-dir", day.data, "--name", "Bright Path Training", "--url", day.url)
    # This day is about cases; how people sign in with a second factor is `test_sign_in.py`.
    with (day.data / "collector.toml").open("a") as settings:
        settings.write("[sign_in]\nsecond_factor = []\n")
    for role in ("lead", "it", "manager", "dpo"):
        person = ("--role", role, "--email", f"{role}@brightpath.example", "--display-name", f"The {role}")
        day.command(
            "fairwatch-server", "user", role, "--data-dir", day.data, *person, "--password-stdin", text=PASSWORD
        )
    run = [BIN / "fairwatch-server", "run", "--data-dir", day.data, "--http", "--listen", f"127.0.0.1:{port}"]
    with (folder / "collector.log").open("wb") as output:
        collector = subprocess.Popen(run, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_for(day.url + "/v1/health")
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        browser = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=[*flags, "--disable-dev-shm-usage"])
        # The lead's browser keeps a profile on disk, as people's do: it is searched once it is closed.
        lead = playwright_driver.chromium.launch_persistent_context(
            day.folder / "profile", executable_path=CHROMIUM, args=[*flags, "--disable-dev-shm-usage"]
        )
        _live(day, lead, browser)
        browser.close()
    finally:
        # Before the collector ends, so that the write-ahead log is still there to be copied.
        _back_up(day)
        collector.send_signal(signal.SIGTERM)
        collector.wait(20)
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


def _wait_for(url):
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the collector did not start")


def _live(day, lead, browser):
    page, errors = _signed_in(day, lead, "lead")
    day.words = words = _make_key(day, page)
    _custodians_sign(day)
    _device_reports(day, _enrol(day))
    page.goto(day.url + "/desk/")
    day.sealed_page = page.inner_text("main")
    page.fill("#passphrase", words)
    page.click("#unlock-go")
    page.wait_for_selector("#queue[data-opened]")
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
        other = browser.new_page() if role == "stranger" else _signed_in(day, browser, role)[0]
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


def _signed_in(day, browser, name):
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    errors = []
    page.on("pageerror", lambda fault: errors.append(str(fault)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(day.url + "/")
    page.fill("#id_login", name)
    page.fill("#id_password", PASSWORD)
    page.click("main button")
    page.wait_for_selector(".who")
    return page, errors


def _make_key(day, page):
    page.goto(day.url + "/desk/key/")
    page.click("#make:enabled")
    page.wait_for_selector("#sheet:not([hidden])")
    words = " ".join(page.locator("#words li").all_inner_texts())
    day.fingerprint = page.inner_text("#fingerprint")
    page.fill("#check", "six other words than those shown")
    page.click("#save")
    page.wait_for_selector("#make-problem:not([hidden])")
    page.fill("#check", words)
    page.click("#save")
    page.wait_for_selector("#saved:not([hidden])")
    page.goto(day.url + "/desk/key/")
    day.waiting = page.inner_text("main")
    with page.expect_download() as download:
        page.click("text=Save the key file")
    download.value.save_as(day.folder / "lead.json")
    assert leadkeys.unlock(decode((day.folder / "lead.json").read_bytes(), leadkeys.LeadKey), words)
    return words


def _custodians_sign(day):
    (day.folder / "words.txt").write_text(WORDS)
    secret = ("--passphrase-file", day.folder / "words.txt", "--yes")
    ceremony, rules = day.folder / "ceremony", day.folder / "rules"
    online = day.data / "keys" / "online-keys.json"
    it_words = ("--it-passphrase-file", day.folder / "words.txt")
    day.command(
        "fairwatch-custody", "ceremony", "--dir", ceremony, "--pilot", "--online-keys", online, *it_words, *secret
    )
    compile_shipped(rules)
    shutil.copy(Path(leadkeys.__file__).parents[1] / "rules" / "policy.toml", rules / "policy.toml")
    policy = [rules / name for name in ("policy.toml", "categories.toml", "protected.pack", "nameable.pack")]
    own = ("--dir", ceremony, "--key", ceremony / "private" / "custodian.pem", *secret)
    lead = f"The lead={day.folder / 'lead.json'}"
    day.command("fairwatch-custody", "sign", "recipients", "--lead-key", lead, *own)
    day.command("fairwatch-custody", "sign", "policy", *policy, *own)
    by_it = ("--dir", ceremony, "--key", ceremony / "private" / "it.pem", *secret)
    day.command("fairwatch-custody", "sign", "packs", *(rules / "packs").glob("*.pack"), *by_it)
    day.command("fairwatch-server", "publish", ceremony / "publication", "--data-dir", day.data)


def _enrol(day):
    key = ("--key", day.folder / "ceremony" / "private" / "it.pem", "--passphrase-file", day.folder / "words.txt")
    what = ("--group", "learners", "--expires", "1d", "--uses", "1", "--collector", day.url, "--yes")
    publication = ("--publication", day.folder / "ceremony" / "publication", "--out", day.folder)
    day.command("fairwatch-custody", "token", *key, *what, *publication)
    day.command("fairwatch-server", "token", day.folder / "token-registration.json", "--data-dir", day.data)
    device = new_key()
    token = (day.folder / "token.txt").read_text().strip()
    request = EnrolRequest(1, token, device.public_key().public_bytes_raw(), "laptop-7", "Linux")
    return device, decode(day.post("/v1/enrol", request, device, "enrol"), EnrolReply).device


def _signed_recipients(day) -> RecipientList:
    (path,) = (day.data / "rules" / "targets" / "recipients").glob("*recipients.json")
    return decode_recipients(path.read_bytes())


def _device_reports(day, enrolled):
    key, device = enrolled
    listed, at, record = _signed_recipients(day), datetime.now(UTC).replace(microsecond=0), uuid4()
    readers = listed.for_case("learners", PERSON)
    header = encode(
        AlertHeader(
            version=1,
            record=record,
            counter=1,
            alert=record,
            revision=0,
            device=device,
            signer=device,
            group="learners",
            urgent=True,
            started=at,
            ended=at,
            sealed_to=tuple(one.key_id for one in readers),
            recipients_version=listed.version,
            policy_version=1,
        )
    )
    entry = HOST.removeprefix("www.")
    matched = (MatchedBy("self_harm", entry, ("self_harm",)),)
    said = {
        "heading": Heading(1, "self_harm", PERSON, "host", 3),
        "evidence": Evidence(
            1,
            "self_harm",
            PERSON,
            "host",
            "browser_history",
            3,
            (Seen(HOST, 3, at, at),),
            matched,
            "self_harm = flag",
            1,
        ),
    }
    sealed = {purpose: _seal(content, purpose, device, record, header, readers) for purpose, content in said.items()}
    alert = Alert(header, *sealed.values(), signing.sign_alert(key, header, *sealed.values()))
    parcel = Parcel(record, 1, "alert", 1, msgspec.Raw(encode(alert)))
    reply = day.post("/v1/records", Batch(1, device, (parcel,)), key, str(device))
    assert decode(reply, Receipts).receipts[0].result == "stored"


def _seal(content, purpose, device: UUID, record: UUID, header: bytes, readers):
    place = sealing.Place(purpose=purpose, subject=device, record=record, header=header)
    return sealing.seal(encode(content), [one.public_key for one in readers], place)


# --- what came of it ---------------------------------------------------------------------------------------------


def test_the_key_waits_for_the_custodians_and_its_fingerprint_is_what_they_sign(desk):
    assert "Waiting for the custodians’ signature" in desk.waiting
    file = decode((desk.folder / "lead.json").read_bytes(), leadkeys.LeadKey)
    assert desk.fingerprint == leadkeys.fingerprint(file.public_key)
    assert file.key_id in {one.key_id for one in _signed_recipients(desk).recipients if one.role == "lead"}


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
