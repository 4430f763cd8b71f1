"""The stage of a journey through the browser extension: Chromium itself tells the visit, within a second."""

from __future__ import annotations

import hashlib
import json
import shlex
from base64 import b64decode
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from server.errors import SetUpError
from server.stage import Stage

AGENT: Final = "org.fairwatch.agent"
SOURCE: Final = "browser_extension"


class ExtensionStage(Stage):
    """A demonstration in which the browser has the extension, and may start the program beside it."""

    def __init__(self, folder: Path, port: int, *, unattended: bool) -> None:
        super().__init__(folder, port, unattended=unattended)
        self._is_open = False

    @property
    def first_page(self) -> str:
        """An empty page: the flagged one is opened once the extension is there."""
        return "about:blank"

    def enrol(self) -> None:
        """Enrol this machine, and place what an installer places: the host's manifest, and the program it names."""
        super().enrol()
        said = json.loads((self._extension / "manifest.json").read_bytes())
        # Chromium makes an extension's id from its key: sixteen bytes of the hash, each half as a letter from a to p.
        digest = hashlib.sha256(b64decode(said["key"])).hexdigest()[:32]
        ident = "".join(chr(ord("a") + int(digit, 16)) for digit in digest)
        agent = [self.own("fairwatch-agent"), "browser", "--data-dir", str(self.agent), "--extension", ident, "--"]
        program = self.agent / "browser"
        program.write_text(f'#!/bin/sh\n: >{shlex.quote(str(self._ready))}\nexec {shlex.join(agent)} "$@"\n')
        program.chmod(0o700)
        hosts = self.browser / "NativeMessagingHosts"
        hosts.mkdir(mode=0o700)
        manifest = {
            "name": AGENT, "description": "Fairwatch", "path": str(program), "type": "stdio",
            "allowed_origins": [f"chrome-extension://{ident}/"],
        }  # fmt: skip
        (hosts / f"{AGENT}.json").write_text(json.dumps(manifest))

    def turn(self) -> None:
        """Open the flagged page once the extension has started the program beside the browser."""
        if self._is_open or not self._ready.exists():
            return
        try:
            port = (self.browser / "DevToolsActivePort").read_text().split()[0]
        except (OSError, IndexError):
            return
        address = f"http://127.0.0.1:{port}/json/new?{self.address}"
        with urlopen(Request(address, method="PUT"), timeout=10):
            self._is_open = True

    def is_what_was_visited(self, case: dict[str, Any]) -> bool:
        """Whether the opened case tells of the visit, as the extension told it."""
        return super().is_what_was_visited(case) and case["evidence"]["source"] == SOURCE

    @property
    def _ready(self) -> Path:
        return self.agent / "extension-is-there"

    @property
    def _extension(self) -> Path:
        spec = find_spec("agent")
        if spec is None or not spec.submodule_search_locations:
            raise SetUpError("the agent is not installed; install fairwatch[agent]")
        return Path(spec.submodule_search_locations[0], "extension", "web")

    def _browser_command(self, address: str, *more: str) -> list[str]:
        command = super()._browser_command(address, *more, f"--load-extension={self._extension}")
        # Without this, builds of the newest Chrome load no extension by hand.
        switch = "DisableLoadExtensionCommandLineSwitch"
        return [f"{one},{switch}" if one.startswith("--disable-features=") else one for one in command]
