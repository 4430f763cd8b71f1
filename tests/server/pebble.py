"""Let's Encrypt's own test authority, pebble, in its strict mode, with a name server that sends every name to us."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from server.acme_settings import AcmeSettings
from server.children import free_port
from tests.server.issuing import Authority

SECONDS = 30
ENVIRONMENT = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "0"}
"""It asks at once and at every order, and refuses nothing by chance."""

WHY_NOT = "" if shutil.which("pebble") and shutil.which("pebble-challtestsrv") else "pebble is not installed"


@dataclass(frozen=True)
class Pebble:
    """A running authority: what `[acme]` says to use it, and where it asks its question."""

    settings: AcmeSettings

    def asking_at(self, port: int) -> AcmeSettings:
        """Return settings that answer at another port than the one at which it asks."""
        return replace(self.settings, listen=f"127.0.0.1:{port}")

    def toml(self) -> str:
        """Return the section of collector.toml."""
        one = self.settings
        return (
            f'[acme]\nemail = "{one.email}"\nagreed = true\ndirectory = "{one.directory}"\n'
            f'listen = "{one.listen}"\nauthority = "{one.authority}"\n'
        )


@contextmanager
def pebble(folder: Path) -> Iterator[Pebble]:
    """Start it and its name server on loopback, and end both."""
    own = Authority(folder / "own")
    issued = own.issue("localhost")
    api, manage, asks, names, names_manage = (free_port() for _ in range(5))
    config = folder / "pebble.json"
    config.write_text(
        json.dumps(
            {
                "pebble": {
                    "listenAddress": f"127.0.0.1:{api}",
                    "managementListenAddress": f"127.0.0.1:{manage}",
                    "certificate": str(issued.certificate),
                    "privateKey": str(issued.key),
                    "httpPort": asks,
                    "tlsPort": free_port(),
                }
            }
        )
    )
    trusted = own.write_root()
    server = f"127.0.0.1:{names}"
    resolver = [
        "pebble-challtestsrv", "-dns01", server, "-management", f"127.0.0.1:{names_manage}", "-http01", "", "-https01",
        "", "-tlsalpn01", "", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
    ]  # fmt: skip
    authority = ["pebble", "-config", str(config), "-dnsserver", server, "-strict", "true"]
    children = []
    with (folder / "pebble.log").open("wb") as log:
        try:
            for words in (resolver, authority):
                quick = {**os.environ, **ENVIRONMENT}
                children.append(subprocess.Popen(words, stdout=log, stderr=log, env=quick))
            directory = f"https://localhost:{api}/dir"
            _until_it_answers(directory, trusted, children, folder / "pebble.log")
            yield Pebble(AcmeSettings("it@example.org", True, directory, f"127.0.0.1:{asks}", str(trusted)))
        finally:
            for child in children:
                child.kill()
                child.wait()


def _until_it_answers(directory, trusted, children, log):
    context = ssl.create_default_context(cafile=trusted)
    until = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(directory, timeout=2, context=context):
                return
        except OSError:
            assert time.monotonic() < until, log.read_text()
            assert all(child.poll() is None for child in children), log.read_text()
            time.sleep(0.1)
