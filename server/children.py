"""The processes that a demonstration starts: each with its output in a file, all ended by id when it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from server.errors import SetUpError

END_SECONDS: Final = 10.0
"""How long a child may take to end by itself before it is killed."""
STEP_SECONDS: Final = 60.0
"""No single command of the set-up takes longer on a slow machine."""


class Children:
    """Starts processes and ends what is left of them, the last started first."""

    def __init__(self, output: Path, environment: Mapping[str, str]) -> None:
        self._output = output
        self._environment = dict(environment)
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def once(self, name: str, command: Sequence[str | Path]) -> str:
        """Run a command to its end and return what it printed; raises SetUpError with its last line if it failed."""
        words = [str(word) for word in command]
        try:
            done = subprocess.run(
                words,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=STEP_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise SetUpError(f"{name} could not be run ({type(fault).__name__})") from None
        (self._output / f"{name}.log").write_text(done.stdout + done.stderr)
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip() or "no word why").splitlines()[-1]
            raise SetUpError(f"{name} failed: {last}")
        return done.stdout

    def start(self, name: str, command: Sequence[str | Path], *, on_terminal: bool = False) -> subprocess.Popen[bytes]:
        """Start a process in a group of its own, so that Ctrl-C reaches it only through `end`."""
        with (self._output / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                [str(word) for word in command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=None if on_terminal else log,
                stderr=log,
                start_new_session=True,
            )
        self._running.append((name, child))
        return child

    def pid(self, name: str) -> int:
        """Return the process id of one that runs."""
        return next(child.pid for known, child in self._running if known == name)

    def check(self) -> None:
        """Raise SetUpError when one that should run has ended."""
        for name, child in self._running:
            if child.poll() is not None:
                raise SetUpError(f"{name} ended unexpectedly: {self.last_line(name)}")

    def ended_because(self, name: str, words: str) -> bool:
        """Return whether a process ended by itself after it wrote these words."""
        ended = any(known == name and child.poll() is not None for known, child in self._running)
        return ended and words in self.written(name)

    def last_line(self, name: str) -> str:
        """Return the last line that a process wrote."""
        return (self.written(name).strip() or "no word why").splitlines()[-1]

    def written(self, name: str) -> str:
        """Return what a process wrote so far."""
        return (self._output / f"{name}.log").read_text("utf-8", errors="replace")

    def end(self, name: str | None = None) -> None:
        """End one process by name, or all, with whatever each of them started."""
        chosen = [pair for pair in self._running if name in (None, pair[0])]
        for pair in reversed(chosen):
            _end(pair[1])
            self._running.remove(pair)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(END_SECONDS)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        # The child leads its own group, so this reaches only what it started.
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(END_SECONDS)


def free_port() -> int:
    """Return a port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether somebody could listen on this port of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a port just left is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class EveryHost:
    """A small web server on loopback that stands for every site of the demonstration's browser.

    Its page brings pictures from the hosts `beside`, as pages of real sites do.
    """

    def __init__(self, beside: Sequence[str] = ()) -> None:
        self.asked: dict[str, float] = {}
        """When each host was first asked for a page (seconds since 1970)."""
        site = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host = self.headers.get("Host", "").partition(":")[0]
                if self.path == "/":
                    site.asked.setdefault(host, time.time())
                pictures = "".join(f'<img alt="" width="1" src="http://{one}:{site.port}/p">' for one in beside)
                body = (_PAGE + pictures).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                with contextlib.suppress(ConnectionError):  # a browser that closes early is none of our business
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Say nothing: which site was visited is written nowhere."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="every-host", daemon=True).start()

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()


_PAGE = """<!doctype html><html lang="en-GB"><meta charset="utf-8"><title>Demonstration</title>
<body style="font: 1.2rem/1.5 sans-serif; max-width: 32rem; margin: 4rem auto">
<h1>This page stands for a site</h1>
<p>The demonstration’s browser reaches nothing but this machine. Every address shows this page.</p>"""
