"""A device that takes later versions of the agent by itself, beside a collector of its own; prints what it saw.

`python -m tests.installers.linux.new_versions DEB RELEASE FOLDER`: the package's own starting program and files, from
the packages that were built; versions made of the built archive and signed by the pilot's custodian; a keeper that
starts the service again as its unit says. Waits of minutes are shortened in the versions' files. The last line of the
output is one JSON object.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from agent.installed_files import write_manifest
from agent.release.unpack import unpack
from installers.linux.release import PLATFORM, archive
from protocol.releases import file_name
from server.children import free_port
from server.stage import Stage

GOOD, BREAKS, UNWELL, SECOND = "0.2.0", "0.3.0", "0.4.0", "0.5.0"
QUICKER: Final = {
    "agent/limits.py": ("READING_SECONDS: Final = 60.0", "READING_SECONDS: Final = 0.5"),
    "agent/release/probation.py": ("WELL_AFTER_SECONDS: Final = 600.0", "WELL_AFTER_SECONDS: Final = 3.0"),
}
AGAIN = 75
STARTS_MAX = 30


class Keeper:
    """Starts the service again where it ends with the status that asks for it, as systemd would; a bounded number."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._command, self._log = command, log
        self.codes: list[int] = []
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        for _ in range(STARTS_MAX):
            with self._log.open("ab") as log:
                self._child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self.codes.append(self._child.wait())
            if self._stopping or self.codes[-1] in (0, 2):
                return
            time.sleep(0.2)

    def stop(self) -> None:
        """End the service in order."""
        self._stopping = True
        if self._child is not None:
            self._child.terminate()
        self._thread.join(timeout=30)


class Versions:
    """The road, one method a stretch."""

    def __init__(self, package: Path, release: Path, folder: Path) -> None:
        self.release, self.folder = release, folder
        self.stage = Stage(folder / "stage", free_port(), unattended=True)
        root = folder / "root"
        subprocess.run(["dpkg-deb", "-x", package, root], check=True, timeout=120)
        self.home = root / "usr/lib/fairwatch"
        self.data = self.stage.agent
        self.data.chmod(0o755)
        self.seen: dict[str, Any] = {}

    def go(self) -> None:
        """Walk it all."""
        keeper = None
        try:
            self.stage.found()
            quicken(self.home)
            token = self.stage.make_token()
            self.stage.children.once("enrol", self.command("enrol", "--token-file", str(token)))
            (self.data / "agent.toml").write_text(
                'profiles = ["/nonexistent"]\nsend_seconds = 1\nheartbeat_seconds = 1\nupdate_seconds = 2\n'
            )
            keeper = Keeper(self.command("run"), self.stage.output / "service.log")
            self.wait("the installed version", lambda: self.version() not in ("", GOOD))
            self.seen["installed"] = self.version()
            self.walk()
        finally:
            if keeper is not None:
                keeper.stop()
                self.seen["codes"] = keeper.codes
            self.stage.end()

    def walk(self) -> None:
        """One version that is well, one that breaks once it runs, one that fails its own test, and one that is well."""
        self.sign(GOOD)
        self.wait("the version to be well", lambda: self.version() == GOOD and self.state()["well"])
        self.seen["good"] = {"state": self.state(), "told": self.told()}
        self.sign(BREAKS, breaks=("agent/service.py", "        self._core.rules.load()", "        raise SystemExit(2)"))
        self.wait("the version that breaks to be left", lambda: BREAKS in self.state()["bad"])
        self.wait("the version before it", lambda: self.version() == GOOD)
        self.wait("IT to be told", lambda: self.told().get("update", ("", ""))[0] == "failing")
        self.seen["breaks"] = {"state": self.state(), "told": self.told()}
        self.sign(UNWELL, breaks=("agent/sender.py", "from __future__", "raise ImportError\nfrom __future__"))
        self.wait("the version that is not well to be refused", lambda: UNWELL in self.state()["bad"])
        self.seen["unwell"] = {"state": self.state(), "version": self.version()}
        self.sign(SECOND)
        self.wait("the last version to be well", lambda: self.version() == SECOND and self.state()["well"])
        self.wait("IT to see it", lambda: self.told().get("update", ("", ""))[0] == "working")
        self.seen["second"] = {"state": self.state(), "told": self.told(), "at_it": self.at_it()}
        self.wait("the others to be forgotten", lambda: len(self.laid_out()) <= 2)
        self.seen["laid_out"] = self.laid_out()

    # --- doing -----------------------------------------------------------------------------------------------------

    def command(self, *words: str) -> list[str]:
        """A command of the package's own program."""
        return [sys.executable, "-IS", str(self.home / "launch.py"), *words, "--data-dir", str(self.data)]

    def sign(self, version: str, breaks: tuple[str, str, str] | None = None) -> None:
        """Make a version of the built one, have the custodian sign it for all at once, and publish it."""
        folder = self.folder / f"make-{version}"
        unpack(self.release.read_bytes(), folder)
        quicken(folder, version)
        if breaks is not None:
            edit(folder / breaks[0], *breaks[1:])
        write_manifest(folder)
        file = self.folder / file_name(version, PLATFORM)
        file.write_bytes(archive(folder, sorted(folder.rglob("*")), 0))
        shutil.rmtree(folder)
        ceremony, words = self.stage.keys / "ceremony", self.stage.keys / "custodian.words"
        self.stage.children.once(
            f"sign-{version}",
            [
                *(self.stage.own("fairwatch-custody"), "sign", "releases", file, "--first-percent", "100", "--yes"),
                *("--dir", ceremony, "--key", ceremony / "private/custodian.pem", "--passphrase-file", words),
            ],
        )
        server = self.stage.own("fairwatch-server")
        publication = ceremony / "publication"
        self.stage.children.once(
            f"publish-{version}", [server, "publish", "--data-dir", self.stage.collector, publication]
        )

    # --- looking ---------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What the device chose."""
        try:
            found: dict[str, Any] = json.loads((self.data / "release/state.json").read_bytes())
        except (OSError, ValueError):
            return {"version": "", "well": True, "bad": {}}
        return found

    def laid_out(self) -> list[str]:
        """The versions whose files are there."""
        return sorted(path.name for path in (self.data / "release").iterdir() if path.is_dir())

    def status(self) -> dict[str, Any]:
        """What the service says of itself; empty where it does not answer."""
        done = subprocess.run(self.command("status", "--json"), capture_output=True, text=True, timeout=60, check=False)
        try:
            found: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            return {}
        return found

    def version(self) -> str:
        """The version that runs."""
        return str(self.status().get("versions", {}).get("agent", ""))

    def told(self) -> dict[str, tuple[str, str]]:
        """Each source's state and reason, as the device tells IT."""
        return {one["name"]: (one["state"], one.get("reason", "")) for one in self.status().get("sources", ())}

    def at_it(self) -> str:
        """The version that IT sees at the collector."""
        from server.store.models import Device

        return str((Device.objects.get(sample=False).health or {}).get("agent_version", ""))

    def wait(self, what: str, there: Callable[[], bool], seconds: float = 240.0) -> None:
        """Wait for something; raises RuntimeError."""
        end = time.monotonic() + seconds
        while not there():
            if time.monotonic() > end:
                raise RuntimeError(f"waited {seconds:.0f} s for {what}, in vain")
            time.sleep(0.5)


def quicken(home: Path, version: str = "") -> None:
    """Shorten a version's waits, and give it another number."""
    for name, (former, later) in QUICKER.items():
        edit(home / name, former, later)
    if version:
        (own,) = home.glob("fairwatch-*.dist-info")
        own = own.rename(home / f"fairwatch-{version}.dist-info")
        (own / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fairwatch\nVersion: {version}\n")
    write_manifest(home)


def edit(file: Path, former: str, later: str) -> None:
    """Replace a text in a file that holds it once."""
    text = file.read_text()
    if text.count(former) != 1:
        raise ValueError(f"{file.name} does not hold «{former}» once")
    file.write_text(text.replace(former, later))


if __name__ == "__main__":
    road = Versions(*(Path(word) for word in sys.argv[1:4]))
    road.go()
    print(json.dumps(road.seen))
