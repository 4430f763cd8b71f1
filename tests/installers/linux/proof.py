"""The agent's package on a clean system, from installation to purge, beside a collector of its own; prints what it saw.

`python -m tests.installers.linux.proof PACKAGE_FILE FOLDER`: a process of its own, because a collector's set-up belongs
to a process. The last line of its output is one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from agent.installed_files import write_manifest
from installers.linux.closure import TOP
from protocol import tokens
from protocol.rolekeys import from_pem
from server.children import free_port
from server.stage import Stage
from tests.installers.linux.clean_system import CleanSystem

NEWER = "0.1.1"
STATE = "/var/lib/fairwatch"
PERSON = "alex"
FLAGGED = ("www.grosvenorcasinos.com", "www.bet365.com")
BY_EXTENSION = "www.gunbroker.com"
VISIT_SECONDS = 40.0
UNIT = TOP / "installers/linux/agent/fairwatch-agent.service"


class Proof:
    """The road, one method a stretch; `seen` is what the test judges."""

    def __init__(self, package: Path, folder: Path) -> None:
        self.package, self.folder = package, folder
        self.system = CleanSystem(folder / "root")
        self.stage = Stage(folder / "stage", free_port(), unattended=True)
        self.seen: dict[str, Any] = {}
        self._log = folder / "log"
        self._log.mkdir()

    def go(self) -> None:
        """Walk it all."""
        began = time.monotonic()
        try:
            self.prepare("chromium", "python3-tk")
            for stretch in (
                self.install_without_use, self.install, self.visit, self.again, self.upgrade,
                self.downgrade, self.remove,
            ):  # fmt: skip
                stretch()
                print(f"{stretch.__name__}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        finally:
            self.stage.end()

    # --- the stretches ---------------------------------------------------------------------------------------------

    def prepare(self, *packages: str) -> None:
        """A clean system with a person, and a collector with its organisation."""
        self.system.make(packages)
        self.system.run("useradd", "--create-home", PERSON, check=True)
        self.stage.found()
        shutil.copy(self.package, self.system.root / "tmp" / self.package.name)
        self.before = self.system.paths()
        self.token = self.stage.make_token().read_text()

    def install_without_use(self) -> None:
        """Without a token, with one that others can read, with an expired one: installed each time, never enrolled."""
        self.seen["no_token"] = self._installed()
        self.seen["open_token"] = self._installed(self._token_file(self.token, 0o644), "--reinstall")
        self.seen["expired_token"] = self._installed(self._token_file(self._expired(), 0o600), "--reinstall")
        status = ("dpkg-query", "-W", "-f", "${Status}", "fairwatch-agent")
        self.seen["after_expired"] = self.system.run(*status).stdout
        self.seen["not_enrolled"] = not (self._state / "identity.json").exists()
        self.seen["run_without"] = self.system.run("fairwatch-agent", "run").stdout
        self.system.apt("purge", "-y", "fairwatch-agent")

    def install(self) -> None:
        """The one step: installed, enrolled, and the token gone."""
        file = self._token_file(self.token, 0o600)
        began = time.monotonic()
        self.seen["install"] = self._installed(file)
        self.seen["install_seconds"] = round(time.monotonic() - began, 1)
        self.seen["token_is_gone"] = not (self.system.root / file.lstrip("/")).exists()
        self.seen["token_found_in"] = self._holding(self.token.strip().encode())
        self.identity = (self._state / "identity.json").read_bytes()
        (self._state / "agent.toml").write_text("send_seconds = 1\nheartbeat_seconds = 30\ntick_seconds = 1\n")

    def visit(self) -> None:
        """The service as its unit starts it, the session part as the person, and a visit of theirs in Chromium."""
        self._start("service")
        self._start("session")
        self._wait("the agent to be ready", self._ready, 60)
        self.seen["visit_seconds"] = self._browse(FLAGGED[0], "the incident", lambda: self._incidents() == 1)
        case = self.stage.open_case(self._references()[0])
        self.seen["evidence"] = [one["name"] for one in case["evidence"]["seen"]]
        self.seen["person"] = case["heading"]["person"]
        # The first start has the browser install the extension, so the second has it from the beginning.
        self._browse(BY_EXTENSION, "the extension's incident", lambda: self._incidents() == 2)
        again = self.stage.open_case(self._references()[-1])["evidence"]
        self.seen["by_extension"] = ([one["name"] for one in again["seen"]], again["source"])
        self.seen["status"] = self._status()

    def again(self) -> None:
        """Installed once more, with the token once more: nothing changes."""
        self._stop("service")
        self.seen["again"] = self._installed(self._token_file(self.token, 0o600), "--reinstall")
        self.seen["same_after_again"] = (self._state / "identity.json").read_bytes() == self.identity

    def upgrade(self) -> None:
        """A newer version while the collector is away and records wait: all of them arrive, once."""
        self._start("service")
        self._wait("the service", lambda: (self._state / "session.sock").exists(), 30)
        self.stage.children.end("server-run")
        for number in range(3):
            # A service that starts anew begins a new alert, so that more than one waits.
            self._browse(FLAGGED[number % 2], "the alert", lambda before=number: self._waiting_alerts() > before)
            self._stop("service")
            self._start("service")
            self._wait("the service", lambda: (self._state / "session.sock").exists(), 30)
        self._stop("service")
        waiting = self._outbox()
        newer = self.system.root / "tmp" / "newer.deb"
        repack(self.package, newer, NEWER)
        self.seen["upgrade"] = self.system.apt("install", "-y", "/tmp/newer.deb").stdout
        self.seen["waiting"] = len(waiting)
        self.seen["alerts_waiting"] = sum(kind == "alert" for kind in waiting.values())
        self.seen["spool_kept"] = self._outbox() == waiting
        self.seen["identity_kept"] = (self._state / "identity.json").read_bytes() == self.identity
        self.stage.children.start("server-run", self._collector())
        self._start("service")
        expected = 2 + self.seen["alerts_waiting"]
        self._wait("what waited", lambda: self._incidents() >= expected, 60)
        self.seen["version"] = self._status()["versions"]["agent"]
        time.sleep(3)
        self.seen["incidents_expected"], self.seen["incidents"] = expected, self._incidents()
        self._stop("service")
        self.seen["still_waiting"] = sorted(set(waiting) & set(self._outbox()))

    def downgrade(self) -> None:
        """An older version is refused, and the newer stays in order."""
        done = self.system.run("dpkg", "-i", f"/tmp/{self.package.name}")
        self.seen["downgrade"] = {"code": done.returncode, "said": done.stdout}
        shown = self.system.run("dpkg-query", "-W", "-f", "${Status} ${Version}", "fairwatch-agent").stdout
        self.seen["after_downgrade"] = shown

    def remove(self) -> None:
        """Removed, then purged."""
        self._stop("session")
        self.system.apt("remove", "-y", "fairwatch-agent")
        self.seen["after_remove"] = sorted(self.system.paths() - self.before)
        self.seen["kept_after_remove"] = (self._state / "identity.json").read_bytes() == self.identity
        self.system.apt("purge", "-y", "fairwatch-agent")
        self.seen["after_purge"] = sorted(self.system.paths() - self.before)
        self.seen["gone_after_purge"] = sorted(self.before - self.system.paths())

    # --- doing -----------------------------------------------------------------------------------------------------

    @property
    def _state(self) -> Path:
        return self.system.root / STATE.lstrip("/")

    def _installed(self, token: str = "", *more: str) -> str:
        environment = {"FAIRWATCH_TOKEN_FILE": token} if token else {}
        return self.system.apt("install", "-y", *more, f"/tmp/{self.package.name}", **environment).stdout

    def _token_file(self, text: str, mode: int) -> str:
        path = self.system.root / "root" / "token.txt"
        path.touch(mode=0o600)
        path.write_text(text)
        path.chmod(mode)
        return "/root/token.txt"

    def _expired(self) -> str:
        """The same token as IT would have signed it a week ago."""
        private = self.stage.keys / "ceremony" / "private" / "it.pem"
        key = from_pem(private.read_bytes(), (self.stage.keys / "it.words").read_text().strip())
        former = tokens.read(self.token)
        return tokens.write(msgspec.structs.replace(former, expires=datetime.now(UTC) - timedelta(days=7)), key)

    def _start(self, part: str) -> None:
        said = dict(line.partition("=")[::2] for line in UNIT.read_text().splitlines() if "=" in line)
        if part == "service":
            held = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in said["CapabilityBoundingSet"].split())
            words = ["setpriv", f"--bounding-set=-all,{held}", "--no-new-privs", *shlex.split(said["ExecStart"])]
            command = self.system.command(words, writable=STATE)
        else:
            words = ["/usr/bin/fairwatch-agent", "session", "--notice-on-stdout"]
            command = self.system.command(words, user=PERSON)
        self.stage.children.start(part, command)

    def _stop(self, part: str) -> None:
        self.stage.children.end(part)
        if part == "service":
            with contextlib.suppress(FileNotFoundError):
                (self._state / "session.sock").unlink()

    def _written(self, part: str) -> str:
        return self.stage.children.written(part)

    def _browse(self, host: str, what: str, there: Callable[[], bool]) -> float:
        """Keep a host open in the system's own Chromium, as the person, until something is there; returns the seconds.

        It takes Chromium some ten seconds to write its history.
        """
        words = [
            "/usr/bin/chromium", *self.stage.resolving(), f"--user-data-dir=/home/{PERSON}/.config/chromium",
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--no-default-browser-check", "--disable-component-update",
            "--disable-sync", "--disable-dev-shm-usage", "--password-store=basic",
            "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable", f"http://{host}/",
        ]  # fmt: skip
        began = time.monotonic()
        self.stage.children.start("browser", self.system.command(words, user=PERSON))
        try:
            self._wait(what, there, VISIT_SECONDS)
            return round(time.monotonic() - began, 1)
        finally:
            self.stage.children.end("browser")

    def _collector(self) -> list[str | Path]:
        return [self.stage.own("fairwatch-server"), "run", "--data-dir", self.stage.collector, "--http"]

    # --- looking ---------------------------------------------------------------------------------------------------

    def _status(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.system.run("fairwatch-agent", "status", "--json").stdout)
        return told

    def _ready(self) -> bool:
        try:
            sources = {one["name"]: one for one in self._status()["sources"]}
        except (ValueError, KeyError):
            return False
        waiting = ("No session part", "just started", "notice could not", "no signed recipient list")
        reason = sources.get("foreground", {}).get("reason", "just started")
        rules = sources.get("rules", {}).get("state")  # not told in the first moments
        return rules == "working" and not any(word in reason for word in waiting)

    def _incidents(self) -> int:
        return len(self._references())

    def _references(self) -> list[str]:
        from server.store.models import Incident

        return list(Incident.objects.order_by("received_at").values_list("reference", flat=True))

    def _outbox(self) -> dict[str, str]:
        """What waits in the spool of a service that was stopped: each record's id and kind."""
        copy = self.folder / "spool-copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._state / "spool", copy)
        with contextlib.closing(sqlite3.connect(copy / "spool.sqlite3")) as database:
            return {bytes(record).hex(): kind for record, kind in database.execute("SELECT record, kind FROM outbox")}

    def _waiting_alerts(self) -> int:
        try:
            return sum(kind == "alert" for kind in self._outbox().values())
        except (sqlite3.Error, OSError):  # copied while it was being written
            return 0

    def _holding(self, text: bytes) -> list[str]:
        """The files in the system that hold a text, but for the test's own."""
        bases = ("etc", "var", "run", "usr/lib/fairwatch")
        files = [path for base in bases for path in (self.system.root / base).rglob("*") if path.is_file()]
        held = [path for path in files if not path.is_symlink() and text in path.read_bytes()]
        return [str(path.relative_to(self.system.root)) for path in held]

    def _wait(self, what: str, there: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not there():
            self.stage.children.check()
            if time.monotonic() > end:
                raise RuntimeError(f"waited {seconds:.0f} s for {what}, in vain")
            time.sleep(0.3)


def repack(package: Path, into: Path, version: str) -> None:
    """Make the same package under a newer version, as the next release would be."""
    folder = into.parent / "repack"
    subprocess.run(["dpkg-deb", "-R", package, folder], check=True, timeout=60)
    control = folder / "DEBIAN" / "control"
    lines = control.read_text().splitlines()
    control.write_text(
        "\n".join(f"Version: {version}" if line.startswith("Version:") else line for line in lines) + "\n"
    )
    home = folder / "usr/lib/fairwatch"
    (own,) = home.glob("fairwatch-*.dist-info")
    own = own.rename(home / f"fairwatch-{version}.dist-info")
    (own / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fairwatch\nVersion: {version}\n")
    write_manifest(home)
    subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "-b", folder, into], check=True, timeout=60, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)


if __name__ == "__main__":
    proof = Proof(Path(sys.argv[1]), Path(sys.argv[2]))
    proof.go()
    print(json.dumps(proof.seen))
