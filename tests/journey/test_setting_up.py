"""Setting up for real: every command of docs/setting-up.md is run as it stands there, one computer a folder.

Two custodians, IT, the lead, the collector with TLS and a device: each knows only its own folder and the USB stick.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from ssl import CERT_NONE, create_default_context

import pytest

from rules.policy import Policy
from server.children import Children, EveryHost
from server.stage import BROWSERS, DEMO_ENTRY, DEMO_HOST
from tests.journey.keyboard import Computer
from tests.journey.signing_in import choose_password, set_up_app
from tests.server.mail_server import mail_server

DOCUMENT = Path(__file__).parents[2] / "docs" / "setting-up.md"
BLOCK = re.compile(r"^```(\S*) ?(\S*) ?(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
COMPUTERS = ("collector", "it", "custodian-1", "custodian-2", "lead", "device", "recovery")
MAIL_HOST = """'host = "smtp.example.org"'"""
ADDRESS = "https://fairwatch.example.org:8460"
CHROMIUM = next((path for name in BROWSERS if (path := shutil.which(name))), None)
FLAGS = ("--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage")
WAIT_MS = 20_000
pytestmark = [
    pytest.mark.more,
    pytest.mark.skipif(CHROMIUM is None, reason="the lead makes a key in Chromium, and this system offers none"),
    pytest.mark.timeout(150),
]


@dataclass
class Day:
    """The computers, the stick that goes between them, and what came of it."""

    folder: Path
    port: int
    mail_port: int
    at: dict[str, Computer]
    blocks: list[tuple[str, str, str]]
    shown: list[tuple[str, str]] = field(default_factory=list)
    sealed_queue: str = ""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def stick(self) -> Path:
        return self.folder / "stick"

    def take(self, count: int = 1) -> str:
        """Run the next blocks of the document, each on its computer; returns what the last one showed."""
        shown = ""
        for _ in range(count):
            name, how, commands = self.blocks.pop(0)
            for words, meant in (
                ("/var/lib/fairwatch-collector", self.folder / "collector" / "data"),
                ("/var/lib/fairwatch", self.folder / "device" / "data"),
                ("/media/stick", self.stick),
                (ADDRESS, self.url),
                ("0.0.0.0:8460", f"127.0.0.1:{self.port}"),
                (MAIL_HOST, f"'host = \"127.0.0.1\"' 'port = {self.mail_port}' 'security = \"none\"'"),
            ):
                commands = commands.replace(words, str(meant))
            if how == "keeps running":
                self.at[name].keep_running(commands.strip())
            else:
                shown = self.at[name].run(commands)
                self.shown.append((name, shown))
        return shown

    def said(self, name: str) -> str:
        return "".join(shown for computer, shown in self.shown if computer == name)


def blocks_of(text: str) -> list[tuple[str, str, str]]:
    """Return (computer, how, commands) of every block, in order; a block that is not ours fails."""
    found = BLOCK.findall(text)
    assert len(found) * 2 == text.count("```")
    assert {(kind, name in COMPUTERS, how in {"", "keeps running"}) for kind, name, how, _ in found} == {
        ("sh", True, True)
    }
    return [(name, how, commands) for _, name, how, commands in found]


@pytest.fixture(scope="module")
def post():
    """A real mail server, in the place of the organisation's."""
    with mail_server() as taking:
        yield taking


@pytest.fixture(scope="module")
def day(tmp_path_factory, playwright_driver, post):
    """The day, lived once; each test looks at another side of it."""
    folder = tmp_path_factory.mktemp("setting-up")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    computers = {name: Computer(folder / name) for name in COMPUTERS}
    for made in (*computers.values(), Computer(folder / "stick")):
        made.folder.mkdir()
    lived = Day(folder, port, post.port, computers, blocks_of(DOCUMENT.read_text("utf-8")))
    browsers = Children(folder, {**os.environ, "HOME": str(folder / "device")})
    sites = EveryHost()
    try:
        browser = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, "--no-sandbox"])
        _live(lived, browser, browsers, sites)
        browser.close()
    finally:
        browsers.end()
        sites.stop()
        for computer in reversed(computers.values()):
            computer.stop()
    return lived


def _live(day, browser, browsers, sites):
    made = day.take()
    (day.stick / "certificate-pin.txt").write_text(re.search(r"for enrolment tokens: (\w{64})", made)[1])
    invitation = re.search(r"lead \(lead\) can sign in\s+Invitation, [^\n]+: (\S+)", made)[1]
    day.take()
    _wait_for(lambda: _answers(day.url))
    day.take(3)
    page = _signed_in(browser, invitation)
    _make_key(day, page)
    day.take()
    _make_the_policy_own(day.folder / "custodian-1" / "rules" / "policy.toml")
    day.take()
    day.take(4)
    shutil.copytree(
        day.stick / "publication", day.folder / "custodian-1" / "ceremony" / "publication", dirs_exist_ok=True
    )
    shutil.copy(day.folder / "it" / "token.txt", day.folder / "device")
    day.take()
    profile = day.folder / "device" / "browser"
    pace = "send_seconds = 2\ntick_seconds = 1"  # and only this browser: the test's machine has others
    (day.folder / "device" / "data" / "agent.toml").write_text(f"profiles = [{json.dumps(str(profile))}]\n{pace}\n")
    day.take()
    _wait_for((day.folder / "device" / "data" / "session.sock").exists)
    day.take()
    _wait_for(lambda: _is_watching(day))
    day.take()
    rules = f"--host-resolver-rules=MAP * 127.0.0.1:{sites.port}"
    browsers.start(
        "chromium", [CHROMIUM, "--headless=new", f"--user-data-dir={profile}", rules, *FLAGS, "--no-sandbox",
                     "--remote-debugging-port=0", "--disable-features=HttpsUpgrades", f"http://{DEMO_HOST}/"],
    )  # fmt: skip
    _wait_for(lambda: _queue(day, page), 60)
    day.sealed_queue = page.inner_text("main")
    page.click("#queue tbody a")
    with page.expect_download() as download:
        page.click("text=save it sealed")
    for name in ("lead", "recovery"):
        download.value.save_as(day.folder / name / "case.sealed.json")
    shutil.copy(day.stick / "lead.json", day.folder / "lead")
    for number in (1, 3):
        shutil.copy(
            day.folder / "custodian-1" / "ceremony" / "recovery" / f"share-{number}.txt", day.folder / "recovery"
        )
    day.take(2)
    page.context.close()


def _wait_for(there, seconds=30.0):
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


def _answers(url):
    context = create_default_context()
    context.check_hostname, context.verify_mode = False, CERT_NONE
    try:
        with urllib.request.urlopen(f"{url}/v1/health", timeout=2, context=context) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def _signed_in(browser, invitation):
    # Chromium makes passkeys only behind certificates that it knows, so the lead uses an app on the phone.
    page = browser.new_page(ignore_https_errors=True)
    page.set_default_timeout(WAIT_MS)
    choose_password(page, invitation)
    set_up_app(page)
    page.click("text=I have them; go on")
    page.wait_for_selector(".who")
    return page


def _make_key(day, page):
    page.goto(day.url + "/desk/key/")
    page.click("#make:enabled")
    page.wait_for_selector("#sheet:not([hidden])")
    day.at["lead"].words = " ".join(page.locator("#words li").all_inner_texts())
    page.fill("#check", day.at["lead"].words)
    page.click("#save")
    page.wait_for_selector("#saved:not([hidden])")
    page.goto(day.url + "/desk/key/")
    with page.expect_download() as download:
        page.click("text=Save the key file")
    download.value.save_as(day.stick / "lead.json")


def _make_the_policy_own(path):
    text = path.read_text()
    own = text.replace("Sample Training Provider", "Bright Path Training").replace(
        "Mon-Fri 08:00-18:00", "Mon-Sun 00:00-24:00"
    )
    assert Policy.parse(own, "policy.toml").organisation == "Bright Path Training"
    assert own.count("Mon-Sun") == 1  # the test also runs at night
    path.write_text(own)


def _is_watching(day):
    printed = day.at["device"].run(f"fairwatch-agent status --data-dir {day.folder / 'device' / 'data'} --json")
    sources = {one["name"]: one for one in json.loads(printed)["sources"]}
    shown = "Bright Path Training" in "\n".join(day.at["device"].lines)
    return sources["rules"]["state"] == "working" and shown and "notice" not in sources["foreground"]["reason"]


def _queue(day, page):
    page.goto(day.url + "/desk/")
    return "FW-" in page.inner_text("main")


# --- what came of it ---------------------------------------------------------------------------------------------


def test_every_block_of_the_document_was_run(day):
    assert day.blocks == []
    assert {name for name, _ in day.shown} == set(COMPUTERS)


def test_the_ceremony_shows_the_fingerprints_that_the_others_read_out(day):
    for name in ("it", "custodian-2"):
        fingerprint = re.search(r"compare this aloud: ([0-9a-f ]+)", day.said(name))[1].strip()
        assert fingerprint in day.said("custodian-1")


def test_the_second_custodian_is_shown_whom_evidence_will_be_sealed_to(day):
    said = day.said("custodian-2")
    assert "Sam Okafor" in said
    assert "sokafor" in said
    assert "all signatures are there" in said


def test_the_doctor_finds_nothing_wrong(day):
    said = day.said("collector").rpartition("folders: ")[2]
    assert "publication: signed rules valid until" in said
    assert "BAD" not in said


def test_the_device_told_its_person_before_it_watched(day):
    assert "Bright Path Training" in "\n".join(day.at["device"].lines)


def test_the_lead_opens_the_case_without_the_site(day):
    said = day.said("lead")
    assert "FW-" in said
    assert DEMO_HOST in said
    assert DEMO_ENTRY in said


def test_two_recovery_shares_open_it_too(day):
    assert DEMO_HOST in day.said("recovery")


def test_the_stick_never_held_a_private_key_a_share_or_anybodys_words(day):
    files = [path for path in day.stick.rglob("*") if path.is_file()]
    assert {path.relative_to(day.stick).parts[0] for path in files} == {
        "it.public.json", "custodian-2.public.json", "online-keys.json", "lead.json", "publication", "packs",
        "certificate-pin.txt", "token-registration.json",
    }  # fmt: skip
    secrets = [computer.words for computer in day.at.values() if computer.words]
    shares = (day.folder / "custodian-1" / "ceremony" / "recovery").iterdir()
    secrets += [line for path in shares for line in path.read_text().splitlines() if len(line.split()) > 12]
    secrets += [(day.folder / "it" / "token.txt").read_text().strip(), "PRIVATE KEY"]
    assert len(secrets) >= 4 + 3 + 2
    held = b"\n".join(path.read_bytes() for path in files)
    assert [secret for secret in secrets if secret.encode() in held] == []


def test_each_private_key_is_on_its_own_computer_only(day):
    found = {str(path.relative_to(day.folder)) for path in day.folder.rglob("*.pem")}
    assert found == {
        "it/it.pem", "custodian-1/ceremony/private/custodian.pem", "custodian-2/custodian-2.pem",
        "collector/data/keys/snapshot.pem", "collector/data/keys/timestamp.pem",
    }  # fmt: skip


def test_the_queue_names_no_site_and_no_person_before_unlocking(day):
    assert DEMO_ENTRY not in day.sealed_queue
    assert "Gambling" not in day.sealed_queue
