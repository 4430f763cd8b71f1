"""Drives a real Firefox by Marionette, its own remote control: a length, a colon and a JSON array."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def until(ask: Callable[[], Any], seconds: float = 30) -> Any:
    """What `ask` returns as soon as it returns something and raises nothing; polled, with a bound."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = ask()
        except (OSError, IndexError):
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.02)


def prepare(profile: Path, site: int) -> int:
    """Make a profile whose every page comes from a port here; returns the port at which it will be driven."""
    profile.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        control = int(free.getsockname()[1])
    preferences = {
        "network.proxy.type": 1,
        "network.proxy.http": "127.0.0.1",
        "network.proxy.http_port": site,
        "marionette.port": control,
        "dom.security.https_first": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "app.update.enabled": False,
        "browser.shell.checkDefaultBrowser": False,
    }
    lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in preferences.items()]
    (profile / "user.js").write_text("".join(lines))
    return control


OPTIONS = ("--no-remote", "--marionette", "--remote-allow-system-access", "--profile")


class Marionette:
    """One connection, with a session."""

    def __init__(self, control: int) -> None:
        self._link = until(lambda: socket.create_connection(("127.0.0.1", control), 30), 60)
        self._rest, self._count = b"", 0
        self._answer()
        self.ask("WebDriver:NewSession", {})

    def ask(self, name: str, values: object) -> Any:
        """Ask for something, and give what came of it."""
        self._count += 1
        message = json.dumps([0, self._count, name, values]).encode()
        self._link.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._answer()
        assert error is None, error
        return result

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    def _answer(self) -> list[Any]:
        while b":" not in self._rest:
            self._rest += self._received()
        length, _, self._rest = self._rest.partition(b":")
        while len(self._rest) < int(length):
            self._rest += self._received()
        message, self._rest = self._rest[: int(length)], self._rest[int(length) :]
        return json.loads(message)

    def _received(self) -> bytes:
        part = self._link.recv(65536)
        assert part, "the browser hung up"
        return part
