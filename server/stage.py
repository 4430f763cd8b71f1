"""The stage of a demonstration: an organisation, its ceremony, a collector, a device and a browser, on one machine."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from protocol import leadkeys
from protocol.messages import decode, encode
from server.children import Children, EveryHost
from server.errors import SetUpError
from server.start import set_up

DEMO_ENTRY: Final = "grosvenorcasinos.com"
"""An entry of the shipped gambling pack: sensitive, no HSTS preload, in no sample."""
DEMO_HOST: Final = f"www.{DEMO_ENTRY}"
DEMO_GROUP: Final = "learners"
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_SANDBOX: Final = "No usable sandbox"
"""What Chromium writes before it ends where the system allows no user namespaces, as in some containers."""
PEOPLE: Final = (
    ("lead", "lead", "Sam Okafor"),
    ("deputy", "deputy", "Priya Nair"),
    ("it", "it", "Jo Whitfield"),
    ("manager", "manager", "Chris Doyle"),
    ("dpo", "dpo", "Alex Morgan"),
)
"""User name, role and made-up name of those who sign in."""


_NOT_READY: Final = ("No session part", "just started", "notice could not", "no signed recipient list")
"""What the foreground source says before the notice was shown and the rules are there."""


def say(line: str) -> None:
    """Show where the set-up is, on stderr."""
    sys.stderr.write(f"demo: {line}\n")
    sys.stderr.flush()


class Stage:
    """The folders, processes and steps of one demonstration. Nothing is written outside `folder`."""

    agent_pace = "send_seconds = 5\nheartbeat_seconds = 30\ntick_seconds = 5"
    """Lines of `agent.toml`: quicker than a device's own, so that who looks on need not wait."""

    def __init__(self, folder: Path, port: int, *, unattended: bool) -> None:
        self.collector, self.agent, self.browser = (folder / name for name in ("collector", "agent", "browser"))
        self.keys, self.output = folder / "keys", folder / "output"
        self.url = f"http://localhost:{port}"
        self.password = f"sample-{secrets.token_hex(6)}"
        self._port = port
        self._unattended = unattended
        self._bin = Path(sys.executable).parent
        home, scratch = folder / "home", folder / "tmp"
        for made in (self.agent, self.browser, self.keys, self.output, home, scratch):
            made.mkdir(parents=True, mode=0o700)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FAIRWATCH_")},
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "TMPDIR": str(scratch),
        }
        if unattended:
            for name in ("DISPLAY", "WAYLAND_DISPLAY"):
                environment.pop(name, None)
        self.children = Children(self.output, environment)
        self.sites = EveryHost()

    def own(self, name: str) -> str:
        """Return the path of one of our own commands."""
        return str(self._bin / name)

    def end(self) -> None:
        """End everything that was started."""
        self.children.end()
        self.sites.stop()

    # --- the organisation ------------------------------------------------------------------------------------------

    def found(self, *, sample: bool = False) -> dict[str, str]:
        """Make the organisation and its collector, and start it; returns the leads' words by user name."""
        say("making the organisation: collector, people, a ceremony with one custodian (a pilot)")
        server = self.own("fairwatch-server")
        name = "Sample Training Provider"
        self.children.once(
            "server-init", [server, "init", "--data-dir", self.collector, "--name", name, "--url", self.url]
        )
        set_up(self.collector)
        words = self._make_people()
        self._hold_ceremony()
        self.children.once("server-publish", [server, "publish", "--data-dir", self.collector, self._publication])
        if sample:
            from server import simulate

            say("writing three months of sample use and sixty sealed sample cases")
            file = decode((self.keys / "lead.json").read_bytes(), leadkeys.LeadKey)
            signing = {"lead": leadkeys.unlock(file, words["lead"])}
            simulate.write_history(datetime.now(UTC), simulate.say, signing=signing)
            simulate.say("")
        say(f"starting the collector at {self.url}")
        self.children.start("server-run", [server, "run", "--data-dir", self.collector, "--http"])
        self._wait_for("the collector", self._collector_answers, 30)
        return words

    @property
    def _publication(self) -> Path:
        return self.keys / "ceremony" / "publication"

    def _make_people(self) -> dict[str, str]:
        from server import leadkeys as kept
        from server.store.models import Organisation, User

        Organisation.objects.update(pilot=True, sample=True)
        words = {}
        for name, role, display in PEOPLE:
            user = User(username=name, email=f"{name}@localhost", role=role, display_name=display)
            user.set_password(self.password)
            user.save()
            if role in {"lead", "deputy"}:
                words[name] = leadkeys.make_passphrase()
                key = encode(leadkeys.make(words[name]))
                kept.keep(user, key)
                (self.keys / f"{name}.json").write_bytes(key)
                self._secret(f"{name}.words", words[name])
        return words

    def _secret(self, name: str, text: str) -> Path:
        path = self.keys / name
        path.touch(mode=0o600)
        path.write_text(f"{text}\n")
        return path

    def _hold_ceremony(self) -> None:
        from rules.compiler import compile_shipped

        custody, ceremony = self.own("fairwatch-custody"), self.keys / "ceremony"
        custodian_words = self._secret("custodian.words", leadkeys.make_passphrase())
        it_words = self._secret("it.words", leadkeys.make_passphrase())
        self.children.once(
            "ceremony",
            [
                *(custody, "ceremony", "--dir", ceremony, "--name", "Sample custodian", "--pilot", "--yes"),
                *("--online-keys", self.collector / "keys" / "online-keys.json"),
                *("--passphrase-file", custodian_words, "--it-passphrase-file", it_words),
            ],
        )
        rules = self.keys / "rules"
        compile_shipped(rules)
        (rules / "policy.toml").write_text(demo_policy())
        custodian, by_it = (
            ("--dir", ceremony, "--key", ceremony / "private" / key, "--passphrase-file", words, "--yes")
            for key, words in (("custodian.pem", custodian_words), ("it.pem", it_words))
        )
        policy = [rules / name for name in ("policy.toml", "categories.toml", "protected.pack", "nameable.pack")]
        leads = [
            f"--lead-key=Safeguarding lead={self.keys / 'lead.json'}",
            f"--deputy-key=Deputy={self.keys / 'deputy.json'}",
        ]
        self.children.once("sign-recipients", [custody, "sign", "recipients", *custodian, *leads])
        self.children.once("sign-policy", [custody, "sign", "policy", *policy, *custodian])
        packs = sorted((rules / "packs").glob("*.pack"))
        self.children.once("sign-packs", [custody, "sign", "packs", *packs, *by_it])

    # --- the device ------------------------------------------------------------------------------------------------

    def enrol(self) -> None:
        """Enrol this machine as a device, and start its service and session part."""
        say("enrolling this machine as a device that watches only the demonstration’s own browser profile")
        self._enrol(self.agent)
        agent = self.own("fairwatch-agent")
        narrowed = f"profiles = [{json.dumps(str(self.browser))}]"
        (self.agent / "agent.toml").write_text(f"{narrowed}\n{self.agent_pace}\n")
        self.children.start("service", [agent, "run", "--data-dir", self.agent])
        self._wait_for("the agent's socket", (self.agent / "session.sock").exists, 30)
        self.children.start("session", [agent, "session", "--data-dir", self.agent, "--notice-on-stdout"])
        self._wait_for("the agent to have its rules and to show the notice", self._agent_is_ready, 40)

    def _enrol(self, folder: Path) -> None:
        token = self.make_token()
        agent = self.own("fairwatch-agent")
        self.children.once("enrol", [agent, "enrol", "--data-dir", folder, "--token-file", token])

    def make_token(self, uses: int = 1) -> Path:
        """Make an enrolment token as IT does, register it with the collector, and return its file."""
        tokens = self.keys / "token"
        tokens.mkdir()
        self.children.once(
            "token",
            [
                *(self.own("fairwatch-custody"), "token", "--publication", self._publication, "--out", tokens, "--yes"),
                *("--key", self.keys / "ceremony" / "private" / "it.pem", "--passphrase-file", self.keys / "it.words"),
                *("--group", DEMO_GROUP, "--expires", "1d", "--uses", str(uses), "--collector", self.url),
            ],
        )
        self.children.once(
            "server-token",
            [self.own("fairwatch-server"), "token", "--data-dir", self.collector, tokens / "token-registration.json"],
        )
        return tokens / "token.txt"

    def _agent_is_ready(self) -> bool:
        """Whether the signed rules are in force and the notice was shown: nothing from before is ever collected."""
        printed = self.children.once(
            "status", [self.own("fairwatch-agent"), "status", "--data-dir", self.agent, "--json"]
        )
        sources = {one["name"]: one for one in json.loads(printed)["sources"]}
        reason = sources["foreground"]["reason"]
        return sources["rules"]["state"] == "working" and not any(word in reason for word in _NOT_READY)

    def visit(self, until: float) -> dict[str, Any]:
        """Visit the flagged host in a real browser and wait, till `until` (monotonic), for its incident."""
        from server.store.models import Incident

        self.children.start("browser", self._browser_command(self.first_page))
        sandboxed = True
        while time.monotonic() < until:
            self.turn()
            found = Incident.objects.filter(device__sample=False).order_by("received_at").first()
            asked = self.sites.asked.get(DEMO_HOST)
            if found is not None and asked is not None:
                seconds = round(found.received_at.timestamp() - asked, 2)
                return {"incident": found.reference, "visit_to_incident_seconds": seconds}
            if sandboxed and self.children.ended_because("browser", NO_SANDBOX):
                say("this system lets the browser have no sandbox; going on without one: it reaches only this machine")
                sandboxed = False
                self.children.end("browser")
                self.children.start("browser", self._browser_command(self.first_page, "--no-sandbox"))
            self.children.check()
            time.sleep(0.1)
        if DEMO_HOST not in self.sites.asked:
            raise SetUpError("the browser did not open the page")
        raise SetUpError("no incident was recorded in time")

    def is_what_was_visited(self, case: dict[str, Any]) -> bool:
        """Whether an opened case tells of the visit that was made, and of nothing else."""
        evidence = case["evidence"]
        return [one["name"] for one in evidence["seen"]] == [DEMO_HOST] and evidence["matched"][0][
            "entry"
        ] == DEMO_ENTRY

    def further(self, _case: dict[str, Any]) -> dict[str, Any]:
        """What the result of an unattended trip says beside the evidence."""
        return {}

    def turn(self) -> None:
        """Do what is to be done while the visit is waited for."""

    @property
    def first_page(self) -> str:
        """What the browser opens when it starts."""
        return self.address

    @property
    def address(self) -> str:
        """The flagged page."""
        return f"http://{DEMO_HOST}/"

    def resolving(self) -> list[str]:
        """The options by which the browser finds every host on this machine."""
        return [f"--host-resolver-rules=MAP * 127.0.0.1:{self.sites.port}"]

    def _browser_command(self, address: str, *more: str) -> list[str]:
        program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
        if program is None:
            raise SetUpError(f"no browser was found; install one of: {', '.join(BROWSERS)}")
        options = [
            f"--user-data-dir={self.browser}",
            *self.resolving(),
            "--remote-debugging-port=0",
            "--no-first-run",
            "--no-default-browser-check",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
            "--password-store=basic",
        ]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # Chromium refuses to run as root otherwise; it reaches only this machine
        return [program, "--headless=new", *options, *more, address]

    # --- the lead --------------------------------------------------------------------------------------------------

    def open_case(self, reference: str) -> dict[str, Any]:
        """Release one incident's evidence, as the lead and on the record, and open it offline with the lead's key.

        Returns its `evidence`, and its `heading` as the lead's list has it.
        """
        from server import incidents
        from server.store.models import Incident, User

        released = incidents.release(User.objects.get(username="lead"), Incident.objects.get(reference=reference).pk)
        assert released.signer_public_key is not None  # a device's record, not a concern
        parts = {
            "header": released.header,
            "heading": released.heading,
            "evidence": released.evidence,
            "signature": released.signature,
            "device_public_key": released.signer_public_key,
        }
        exported = {name: b64encode(part).decode() for name, part in parts.items()} | {"reference": reference}
        path = self.keys / "export.json"
        path.write_text(json.dumps({"alerts": [exported]}))
        printed = self.children.once(
            "open",
            [
                *(self.own("fairwatch-custody"), "open", path, "--publication", self._publication, "--json", "--yes"),
                *("--key", self.keys / "lead.json", "--passphrase-file", self.keys / "lead.words"),
            ],
        )
        opened: dict[str, Any] = json.loads(printed.splitlines()[-1])["alerts"][0]
        return opened

    # --- waiting ---------------------------------------------------------------------------------------------------

    def _wait_for(self, what: str, there: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not there():
            self.children.check()
            if time.monotonic() > end:
                raise SetUpError(
                    f"waited {seconds:.0f} s for {what}, in vain; «demo --check --keep DIR» keeps the logs"
                )
            time.sleep(0.1)

    def _collector_answers(self) -> bool:
        from urllib.request import urlopen

        try:
            with urlopen(f"{self.url}/v1/health", timeout=2) as answer:  # noqa: S310 - our own http://localhost
                return bool(answer.status == 200)
        except OSError:
            return False


def demo_policy() -> str:
    """Return the shipped policy with working hours all week, so that a demonstration works at night too."""
    from importlib.resources import files

    text = (files("rules") / "policy.toml").read_text("utf-8")
    usual = 'working_hours = ["Mon-Fri 08:00-18:00"]'
    if usual not in text:
        raise SetUpError("the shipped policy has other working hours than the demonstration expects")
    groups = "".join(
        f'\n[groups.{group}]\nname = "{group.capitalize()}"\nprivate_time = "urgent_only"\n'
        for group in ("apprentices", "tutors")
    )
    return text.replace(usual, 'working_hours = ["Mon-Sun 00:00-24:00"]') + groups
