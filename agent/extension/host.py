"""The program beside a browser: takes what the extension tells and hands it to the service, as the signed-in person.

The browser starts it, one for each profile, by the manifest that the installer placed, and ends it with the extension.
It believes nothing: who is at the other end is what the browser says on the command line, each message is strict and
bounded, and the service takes the person from the socket. Without the service's word it hands on nothing.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from agent.extension import browser_pipe, words
from agent.extension.frames import Frames, frame
from agent.places import DATA_DIR
from agent.session import waiting
from agent.session.address import socket_path
from agent.session.errors import MessageRefused
from agent.session.link import Link
from agent.session.messages import BrowserHere, FromService, HostShown, HostVisited, Settings
from agent.signals import wake_on

DEFAULT_DATA_DIR: Final = DATA_DIR
_CHROMIUM_ORIGIN: Final = "chrome-extension://"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `fairwatch-agent browser`, which browsers call and people need not."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the service keeps its socket")
    parser.add_argument(
        "--extension", action="append", required=True, metavar="ID", help="an extension that may speak, by its id"
    )
    parser.add_argument("caller", nargs="*", help="what the browser says of who calls")


def run(args: argparse.Namespace) -> int:
    """Run until the browser closes a pipe; 0 then, 2 when another extension calls or what it says is refused."""
    try:
        family = family_of(args.caller, args.extension)
        host = Host(Link(socket_path(args.data_dir)), family)
        if sys.platform == "win32":
            host.run()  # browsers close the pipe there, and send no signal
        else:
            with wake_on((signal.SIGTERM, signal.SIGINT), host.stop) as wake:
                host.run(wake.fileno())
    except BrokenPipeError:
        return 0  # it closed before it had heard all
    except MessageRefused as fault:
        print(f"fairwatch-agent browser: {fault}", file=sys.stderr)  # noqa: T201 - browsers put it into their log
        return 2
    return 0


def family_of(caller: Sequence[str], allowed: Sequence[str]) -> words.Family:
    """Tell by the browser's own words which family it is; raises `MessageRefused` for another extension's call.

    Chromium gives `chrome-extension://ID/`, Firefox the manifest's path and the add-on's id.
    """
    for word in caller:
        if word.startswith(_CHROMIUM_ORIGIN):
            if word.removeprefix(_CHROMIUM_ORIGIN).rstrip("/") in allowed:
                return "Chromium"
            raise MessageRefused("Another extension calls; only Fairwatch's own may.")
    if caller and caller[-1] in allowed:
        return "Firefox"
    raise MessageRefused("Only Fairwatch's own extension may call this, and browsers start it by themselves.")


class Host:
    """The loop between the browser's pipe and the service's socket; it sleeps while nothing is said."""

    def __init__(self, link: Link, family: words.Family, browser_in: int = 0, browser_out: int = 1) -> None:
        """`browser_in` and `browser_out` are the descriptors of the pipes."""
        self._link = link
        self._family = family
        self._in, self._out = browser_pipe.of_this_system(browser_in), browser_out
        self._stopping = False
        self._frames = Frames()
        self._settings: words.Settings | None = None
        self._greeted = False
        self._told: words.Settings | None = None

    def run(self, wake: int | None = None) -> None:
        """Go round until the browser closes its end, or `stop` was called; raises `MessageRefused`.

        `wake` is a descriptor that ends a wait.
        """
        try:
            while not self._stopping and self._turn(wake):
                pass
        finally:
            self._link.close()

    def stop(self) -> None:
        """End the loop at its next turn."""
        self._stopping = True

    def _turn(self, wake: int | None) -> bool:
        for message in self._link.turn():
            self._take_from_service(message)
        if self._link.is_left_behind:
            # The extension begins it anew in its own time, and the words by which it does choose the later version.
            self._read()  # What it said before it hears of that would be lost.
            return False
        connections = [(self._in.fileno(), False)]
        link = self._link.fileno()
        if link is not None:
            connections.append((link, self._link.writes))
        if wake is not None:
            connections.append((wake, False))
        waiting.wait(connections, (), self._link.wait_seconds())
        return self._read()

    def _read(self) -> bool:
        """Take what the browser said; False once it has gone."""
        received = self._in.read()
        for body in self._frames.take(received or b""):
            self._take_from_extension(words.decode(body))
        return received != b""

    def _take_from_service(self, message: FromService) -> None:
        if isinstance(message, Settings):
            self._settings = words.Settings(
                watch=message.observe, private_windows=message.private_windows, notice=message.notice
            )
            self._tell()

    def _tell(self) -> None:
        """Hand the service's word to the extension, once both have spoken."""
        if self._greeted and self._settings is not None and self._settings != self._told:
            self._told = self._settings
            self._say(frame(words.encode(self._settings)))

    def _say(self, message: bytes) -> None:
        try:
            os.write(self._out, message)
        except OSError as fault:  # Windows has several words for it
            raise BrokenPipeError from fault

    def _take_from_extension(self, word: words.FromExtension) -> None:
        if isinstance(word, words.Hello):
            self._link.greet(BrowserHere(family=self._family, private_windows=word.private_windows))
            self._greeted = True
            self._tell()
            return
        if not self._greeted or self._settings is None or not self._settings.watch:
            return
        at = datetime.now(UTC) - timedelta(milliseconds=word.ago_ms)
        if isinstance(word, words.Visit):
            self._link.send(HostVisited(host=word.host, at=at, private=word.private))
        else:
            started = at - timedelta(seconds=word.seconds)
            self._link.send(HostShown(host=word.host, started=started, seconds=word.seconds, private=word.private))
