"""A list from elsewhere, from its server to the devices: the IT guide's steps, by the commands that stand there."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from ssl import CERT_NONE, create_default_context

import pytest

from agent import updates
from agent.http import Collector
from rules.outcome import what_happens
from tests.server.bad_list_server import ListServer

GUIDE = (Path(__file__).parents[2] / "docs" / "it-guide.md").read_text("utf-8")
PROGRAMS = Path(sys.executable).parent
LISTED = "casino17.example"
ENTRIES = 40
PROMOTED = "[packs]\ncurated = 2000\nut1_gambling = 60\n"
pytestmark = pytest.mark.timeout(180)


@dataclass
class Steps:
    """The collector, the custodians and one device, and what stands at the device after each step."""

    organisation: object
    collector: Path
    stick: Path
    url: str
    device: Path
    certificate: str = ""
    root: str = ""
    seen: dict[str, tuple] = field(default_factory=dict)

    def guide(self, command: str, **more) -> str:
        """Run a command that stands in the guide, word for word, with this test's places in it."""
        assert command in GUIDE
        for words, meant in (
            ("DATA_DIR", self.collector),
            ("/media/stick", self.stick),
            ("FOLDER", self.stick),
            ("ut1_gambling.pack", self.stick / "ut1_gambling.pack"),
            ("--dir DIR", f"--dir {self.organisation.ceremony}"),
            *more.items(),
        ):
            command = command.replace(words, str(meant))
        if command.startswith("fairwatch-custody"):
            command += f" --passphrase-file {self.organisation.folder / 'passphrase'} --yes"
        elif "--data-dir" not in command:
            command += f" --data-dir {self.collector}"
        return self.run(command)

    def run(self, command: str) -> str:
        program, *words = shlex.split(command)
        done = subprocess.run([PROGRAMS / program, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def custodians_publish(self) -> None:
        """Take what is signed to the collector on the stick."""
        shutil.rmtree(self.stick / "publication", ignore_errors=True)
        shutil.copytree(self.organisation.ceremony / "publication", self.stick / "publication")
        self.guide("fairwatch-server publish /media/stick/publication --data-dir DATA_DIR")

    def look(self, step: str) -> None:
        """Let the device ask for rules, and note what stands there: acting, on trial, and what a visit leads to."""
        collector = Collector(self.url, self.certificate)
        try:
            result = updates.check(self.device, collector, root=self.root, minimum={}, now=datetime.now(UTC))
        finally:
            collector.close()
        assert result.state in ("new", "unchanged"), result
        bundle = updates.load(self.device, self.root)
        verdict = bundle.rules.classify("host", f"www.{LISTED}")
        noon = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
        effect = what_happens(verdict, bundle.policy, "staff", noon).effect
        told = [(match.category, match.entry, match.pack) for match in verdict.trial]
        self.seen[step] = (bundle.rules.acting.get("ut1_gambling"), bundle.rules.on_trial, effect, told)
        bundle.rules.close()


@contextmanager
def _running(collector, url):
    server = subprocess.Popen(
        [PROGRAMS / "fairwatch-server", "run", "--data-dir", collector],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + 30
        while not _answers(url):
            assert server.poll() is None, "the collector ended"
            assert time.monotonic() < end, "the collector did not answer"
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait(20)


def _answers(url):
    context = create_default_context()
    context.check_hostname, context.verify_mode = False, CERT_NONE
    try:
        with urllib.request.urlopen(f"{url}/v1/health", timeout=2, context=context) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def _set_up(organisation, tmp_path, list_url):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    steps = Steps(organisation, tmp_path / "collector", tmp_path / "stick", f"https://localhost:{port}", tmp_path / "d")
    steps.stick.mkdir()
    made = steps.run(
        f"fairwatch-server init --data-dir {steps.collector} --name Made --url {steps.url} --listen 127.0.0.1:{port}"
    )
    steps.certificate = re.search(r"for enrolment tokens: (\w{64})", made)[1]
    for name in ("snapshot.pem", "timestamp.pem", "online-keys.json"):  # those that the ceremony was held with
        shutil.copy(organisation.collector / "keys" / name, steps.collector / "keys" / name)
    with (steps.collector / "collector.toml").open("a") as settings:
        settings.write(
            f'\n[[lists]]\nid = "ut1_gambling"\nurl = "{list_url}"\nformat = "domains"\ncategory = "gambling"\n'
            'licence = "ours"\n'
        )
    anchor = (organisation.ceremony / "publication" / "metadata" / "1.root.json").read_bytes()
    (steps.device / "rules").mkdir(parents=True)
    (steps.device / "rules" / "anchor.json").write_bytes(anchor)
    steps.root = hashlib.sha256(anchor).hexdigest()
    return steps


@pytest.fixture
def steps(custodians, tmp_path):
    """The journey: fetch, look, carry, sign, publish, trial, promote; then the list outgrows its promotion."""
    with ListServer().running() as server:
        server.body = b"".join(b"casino%d.example\n" % number for number in range(ENTRIES))
        steps = _set_up(custodians, tmp_path, server.list_url)
        steps.custodians_publish()
        with _running(steps.collector, steps.url):
            steps.look("before")
            told = steps.guide("fairwatch-server lists refresh ut1_gambling --data-dir DATA_DIR")
            assert f"offered: {ENTRIES} entries, {ENTRIES} added, 0 removed" in told
            steps.look("fetched")
            _sign_the_list(steps)
            steps.look("signed")
            rules = custodians.folder / "rules"
            policy = rules / "policy.toml"
            text = (Path(__file__).parents[2] / "rules" / "policy.toml").read_text()
            assert "\n[packs]\ncurated = 2000\n" in text
            policy.write_text(text.replace("[packs]\ncurated = 2000\n", PROMOTED))
            lists = [rules / name for name in ("categories.toml", "protected.pack", "nameable.pack")]
            assert custodians.sign("policy", policy, *lists) == 0
            assert custodians.sign(key="second") == 0
            steps.custodians_publish()
            steps.look("promoted")
            server.body += b"".join(b"slots%d.example\n" % number for number in range(ENTRIES))
            assert "held back" in steps.guide("fairwatch-server lists refresh ut1_gambling --data-dir DATA_DIR")
            steps.guide("fairwatch-server lists release ID", ID="ut1_gambling")
            _sign_the_list(steps)
            steps.look("grown")
    return steps


def _sign_the_list(steps):
    steps.guide("fairwatch-server lists export ID -o FOLDER", ID="ut1_gambling")
    key = f"--key {steps.organisation.folder / 'it.pem'}"
    said = steps.guide("fairwatch-custody sign packs ut1_gambling.pack --dir DIR --key KEY", **{"--key KEY": key})
    assert "Gambling, list ut1_gambling" in said
    assert "Its build report" in said
    steps.custodians_publish()


@pytest.mark.more
def test_a_list_acts_only_once_it_was_fetched_signed_published_and_promoted(steps):
    trial = [("gambling", LISTED, "ut1_gambling")]
    assert steps.seen == {
        "before": (None, {}, "other", []),
        "fetched": (None, {}, "other", []),
        "signed": (None, {"ut1_gambling": ENTRIES}, "other", trial),
        "promoted": (ENTRIES, {}, "incident", []),
        "grown": (None, {"ut1_gambling": 2 * ENTRIES}, "other", trial),
    }
