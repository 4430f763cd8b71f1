"""An organisation for journeys: a collector, leads with keys made in browsers, custodians who sign, and a device.

The collector, the custodians' command and Chromium are processes of their own. Only the device is played here, by the
messages it would send.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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
from protocol.publication import Recipient, RecipientList, decode_recipients
from protocol.rolekeys import new_key
from rules.compiler import compile_shipped
from tests.journey.signing_in import PASSWORD, sign_in

BIN = Path(sys.executable).parent
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
)
WORDS = "anchor basil cactus dolphin ember falcon\n"
WAIT_MS = 20_000

# These journeys are about cases; how people sign in with a second factor is `test_sign_in.py`.
NO_SECOND_FACTOR = "[sign_in]\nsecond_factor = []\n"


@dataclass
class Office:
    """The folder that holds everything, and the collector's address."""

    folder: Path
    url: str

    @property
    def data(self) -> Path:
        return self.folder / "collector"

    def command(self, name: str, *arguments: object, text: str = "") -> str:
        words = [str(BIN / name), *map(str, arguments)]
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def begin(self, settings: str = NO_SECOND_FACTOR) -> None:
        """Initialise the collector's folder, with these lines in its configuration."""
        self.command(
            "fairwatch-server", "init", "--data-dir", self.data, "--name", "Bright Path Training", "--url", self.url
        )
        with (self.data / "collector.toml").open("a") as file:
            file.write(settings)

    def add(self, name: str, role: str, *more: object) -> None:
        person = ("--role", role, "--email", f"{name}@brightpath.example", "--display-name", f"The {name}", *more)
        self.command(
            "fairwatch-server", "user", name, "--data-dir", self.data, *person, "--password-stdin", text=PASSWORD
        )

    @contextmanager
    def running(self, port: int) -> Iterator[None]:
        """Run the collector on this port until the block ends."""
        run = [BIN / "fairwatch-server", "run", "--data-dir", self.data, "--http", "--listen", f"127.0.0.1:{port}"]
        with (self.folder / "collector.log").open("wb") as output:
            collector = subprocess.Popen(run, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_for(self.url + "/v1/health")
            yield
        finally:
            collector.send_signal(signal.SIGTERM)
            collector.wait(20)

    def post(self, path: str, message: Message, key: Ed25519PrivateKey, key_id: str) -> bytes:
        body = encode(message)
        headers = signing.sign_request("POST", self.url + path, body, key=key, key_id=key_id, at=datetime.now(UTC))
        request = urllib.request.Request(self.url + path, body, {**headers, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url):
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the collector did not start")


# --- people in their browsers --------------------------------------------------------------------------------------


def signed_in(office, browser, name):
    """A page of somebody who signed in, and the list into which errors of its console come."""
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    errors = []
    page.on("pageerror", lambda fault: errors.append(str(fault)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    sign_in(page, office.url, name)
    page.wait_for_selector(".who")
    return page, errors


def make_key(office, page, file):
    """Make a lead's key in the browser and save its key file; returns the six words and the fingerprint."""
    page.goto(office.url + "/desk/key/")
    page.click("#make:enabled")
    page.wait_for_selector("#sheet:not([hidden])")
    words = " ".join(page.locator("#words li").all_inner_texts())
    fingerprint = page.inner_text("#fingerprint")
    page.fill("#check", "six other words than those shown")
    page.click("#save")
    page.wait_for_selector("#make-problem:not([hidden])")
    page.fill("#check", words)
    page.click("#save")
    page.wait_for_selector("#saved:not([hidden])")
    page.goto(office.url + "/desk/key/")
    with page.expect_download() as download:
        page.click("text=Save the key file")
    download.value.save_as(file)
    assert leadkeys.unlock(decode(file.read_bytes(), leadkeys.LeadKey), words)
    return words, fingerprint


def unlock_desk(office, page, words):
    page.goto(office.url + "/desk/")
    page.fill("#passphrase", words)
    page.click("#unlock-go")
    page.wait_for_selector("#queue[data-opened]")


# --- custodians and the device ---------------------------------------------------------------------------------------


def custodians_sign(office, *recipients: object):
    """Hold the ceremony of a pilot, and sign and publish these recipients (options of `sign`), rules and packs."""
    (office.folder / "words.txt").write_text(WORDS)
    secret = ("--passphrase-file", office.folder / "words.txt", "--yes")
    ceremony, rules = office.folder / "ceremony", office.folder / "rules"
    online = office.data / "keys" / "online-keys.json"
    it_words = ("--it-passphrase-file", office.folder / "words.txt")
    office.command(
        "fairwatch-custody", "ceremony", "--dir", ceremony, "--pilot", "--online-keys", online, *it_words, *secret
    )
    compile_shipped(rules)
    shutil.copy(Path(leadkeys.__file__).parents[1] / "rules" / "policy.toml", rules / "policy.toml")
    policy = [rules / name for name in ("policy.toml", "categories.toml", "protected.pack", "nameable.pack")]
    own = ("--dir", ceremony, "--key", ceremony / "private" / "custodian.pem", *secret)
    office.command("fairwatch-custody", "sign", "recipients", *recipients, *own)
    office.command("fairwatch-custody", "sign", "policy", *policy, *own)
    by_it = ("--dir", ceremony, "--key", ceremony / "private" / "it.pem", *secret)
    office.command("fairwatch-custody", "sign", "packs", *(rules / "packs").glob("*.pack"), *by_it)
    office.command("fairwatch-server", "publish", ceremony / "publication", "--data-dir", office.data)


def enrol(office, group, name):
    """Enrol a device of this group; returns its key and its id."""
    ceremony, out = office.folder / "ceremony", office.folder / f"token-{group}"
    key = ("--key", ceremony / "private" / "it.pem", "--passphrase-file", office.folder / "words.txt")
    what = ("--group", group, "--expires", "1d", "--uses", "1", "--collector", office.url, "--yes")
    office.command("fairwatch-custody", "token", *key, *what, "--publication", ceremony / "publication", "--out", out)
    office.command("fairwatch-server", "token", out / "token-registration.json", "--data-dir", office.data)
    device = new_key()
    token = (out / "token.txt").read_text().strip()
    request = EnrolRequest(1, token, device.public_key().public_bytes_raw(), name, "Linux")
    return device, decode(office.post("/v1/enrol", request, device, "enrol"), EnrolReply).device


def signed_recipients(office) -> RecipientList:
    """The newest list of recipients that the collector hands out."""
    paths = (office.data / "rules" / "targets" / "recipients").glob("*recipients.json")
    return max((decode_recipients(path.read_bytes()) for path in paths), key=lambda one: one.version)


def report(office, enrolled, group, person, host):
    """Send an urgent alert as a device of that group would: about this person, who visited this host three times."""
    key, device = enrolled
    listed, at, record = signed_recipients(office), datetime.now(UTC).replace(microsecond=0), uuid4()
    readers = listed.for_case(group, person)
    header = encode(
        AlertHeader(
            version=1,
            record=record,
            counter=1,
            alert=record,
            revision=0,
            device=device,
            signer=device,
            group=group,
            urgent=True,
            started=at,
            ended=at,
            sealed_to=tuple(one.key_id for one in readers),
            recipients_version=listed.version,
            policy_version=1,
        )
    )
    entry = host.removeprefix("www.")
    matched = (MatchedBy("self_harm", entry, ("self_harm",)),)
    said: dict[str, Message] = {
        "heading": Heading(1, "self_harm", person, "host", 3),
        "evidence": Evidence(
            1,
            "self_harm",
            person,
            "host",
            "browser_history",
            3,
            (Seen(host, 3, at, at),),
            matched,
            "self_harm = flag",
            1,
        ),
    }
    sealed = {purpose: _seal(content, purpose, device, record, header, readers) for purpose, content in said.items()}
    alert = Alert(header, *sealed.values(), signing.sign_alert(key, header, *sealed.values()))
    parcel = Parcel(record, 1, "alert", 1, msgspec.Raw(encode(alert)))
    reply = office.post("/v1/records", Batch(1, device, (parcel,)), key, str(device))
    assert decode(reply, Receipts).receipts[0].result == "stored"


def _seal(content: Message, purpose, device: UUID, record: UUID, header: bytes, readers: Iterable[Recipient]):
    place = sealing.Place(purpose=purpose, subject=device, record=record, header=header)
    return sealing.seal(encode(content), [one.public_key for one in readers], place)
