"""Real browsers that the policy files made for IT give the extension, each in a mount namespace of its own.

Between browser and agent stands a small script that keeps every byte the extension says, and the agent's own program
gets the same bytes.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.notice import Notice, NoticeFacts, NoticeRecord, compose
from agent.session.address import person_of_uid
from agent.session.messages import HostShown, HostVisited, Settings
from agent.session.server import SessionServer
from installers.browsers import packing, policies
from tests.agent.marionette import OPTIONS, Marionette, prepare, until

ME = person_of_uid(os.getuid()) or ""
ROOT = Path(__file__).parents[3]
OWN_FOLDERS = """
for folder in etc/chromium etc/opt etc/firefox usr/lib/mozilla; do
  mkdir -p "/$folder" 2>/dev/null; mount -t tmpfs none "/$folder" || exit 3
done
cp -r "$1"/. / && shift && exec "$@"
"""
"""Policies that this one browser sees, and no other program: they are gone with it."""


def can_be_alone() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0


needs_own_folders = pytest.mark.skipif(
    not can_be_alone(), reason="policies of browsers are put into a mount namespace, which takes root"
)


class Ear:
    """A service's side of the socket that keeps what extensions told, and when."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "session.sock"
        self.observe, self.private_windows = True, False
        self.heard: list[tuple[float, str, str, HostVisited | HostShown]] = []
        self.notice: Notice = compose(NoticeFacts(organisation="", groups=()))
        kept: dict[str, bytes] = {}
        self.record = NoticeRecord(kept.get, kept.__setitem__)
        self.record.shown(ME, self.notice.version, datetime.now(UTC) - timedelta(hours=1))
        self.server = self.made()
        self.server.start()

    def made(self, version: str = "1.0") -> SessionServer:
        return SessionServer(
            self.path,
            on_front=lambda _person, _front: None,
            on_notice=lambda _person, _version, _at: None,
            on_reading=lambda _person, _message: None,
            on_host=lambda person, browser, message: self.heard.append((time.time(), person, browser, message)),
            answer=lambda _person, _what: b"{}",
            settings=lambda _person: Settings(
                notice=self.notice, observe=self.observe, notice_is_new=False, private_windows=self.private_windows
            ),
            collect_from=self.record.first_shown,
            clock=lambda: datetime.now(UTC),
            version=version,
        )

    def restart(self) -> None:
        self.server.stop()
        self.server = self.made()
        self.server.start()

    def visits(self) -> list[str]:
        return [message.host for _, _, _, message in self.heard if isinstance(message, HostVisited)]

    def seconds(self, host: str) -> float:
        shown = [message for _, _, _, message in self.heard if isinstance(message, HostShown)]
        return sum(one.seconds for one in shown if one.host == host)


class Browsers:
    """Starts browsers with policies, and knows what their extensions said."""

    def __init__(self, folder: Path, ear: Ear, port: int) -> None:
        self.folder, self.ear, self.port = folder, ear, port
        self.said = folder / "said"
        self.said.mkdir()
        self.key = packing.make_key()
        self.extension = self.packed()
        self.running: list[subprocess.Popen[bytes]] = []
        self.firefoxes: list[Firefox] = []

    def packed(self, **more: object) -> policies.Extension:
        place = self.folder / "extension"
        place.mkdir(exist_ok=True)
        (place / "fairwatch.crx").write_bytes(packing.crx(self.key))
        (place / "fairwatch.xpi").write_bytes(packing.xpi())
        found = policies.Extension(
            chromium_id=packing.extension_id(self.key),
            firefox_id=packing.firefox_id(),
            version=packing.manifest()["version"],
            update_url=f"file://{place}/updates.xml",
            crx_url=f"file://{place}/fairwatch.crx",
            xpi_url=f"file://{place}/fairwatch.xpi",
            **more,  # type: ignore[arg-type]
        )
        (place / "updates.xml").write_text(policies.updates(found))
        return found

    def policy_files(self) -> Path:
        """The files that an installer places, with a program that also keeps what it is told."""
        program = self.folder / "fairwatch-browser"
        agent = f"{sys.executable} -m agent browser --data-dir {self.ear.path.parent}"
        ids = f"--extension {self.extension.chromium_id} --extension {self.extension.firefox_id}"
        program.write_text(
            f'#!/bin/sh\ncd {ROOT}\ntee "{self.said}/$$" | {agent} {ids} -- "$@" 2>>{self.said}/errors.txt\n'
        )
        program.chmod(0o755)
        place = self.folder / "root"
        shutil.rmtree(place, ignore_errors=True)
        for name, body in policies.linux(self.extension, str(program)).items():
            if not name.startswith(("etc/brave", "etc/opt", "usr/lib64")):
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_text(body)
        # Chromium lets nobody look into an extension that a policy installed, but where this says otherwise.
        (place / "etc/chromium/policies/managed/tools.json").write_text('{"DeveloperToolsAvailability": 1}')
        return place

    def start(self, words: list[str], home: Path, **more: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        command = ["unshare", "-m", "sh", "-c", OWN_FOLDERS, "sh", str(self.policy_files()), *words]
        self.running.append(
            subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, "HOME": str(home), **more},
            )
        )  # fmt: skip

    def chromium(self, name: str = "chromium", *more: str, **rest: Any) -> Chromium:
        return Chromium(self, name, *more, **rest)

    def firefox(self, name: str = "firefox", **environment: str) -> Firefox:
        made = Firefox(self, name, **environment)
        self.firefoxes.append(made)
        return made

    def quit(self) -> None:
        for firefox in self.firefoxes:
            firefox.hang_up()
        for process in self.running:
            for way in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, way)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
        self.running.clear()

    def messages(self) -> list[dict[str, object]]:
        """Every message that any extension said, as it came."""
        found = []
        for file in sorted(self.said.iterdir()):
            if file.name == "errors.txt":
                continue
            rest = file.read_bytes()
            while len(rest) >= 4:
                (size,) = struct.unpack_from("=I", rest)
                if len(rest) < 4 + size:
                    break
                found.append(json.loads(rest[4 : 4 + size]))
                rest = rest[4 + size :]
        return found

    def hellos(self) -> list[dict[str, object]]:
        return [one for one in self.messages() if one["type"] == "Hello"]


class Chromium:
    """A Chromium on a profile of its own, driven by its debugging port."""

    def __init__(
        self, browsers: Browsers, name: str, *more: str, page: str = "about:blank", waits: bool = True,
        **environment: str,
    ) -> None:  # fmt: skip
        self.folder, before = browsers.folder / name, len(browsers.hellos())
        screen = [] if "DISPLAY" in environment else ["--headless=new"]
        browsers.start(
            [
                shutil.which("chromium") or pytest.skip("chromium is not installed"),
                *screen,
                *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
                *("--disable-dev-shm-usage", "--password-store=basic"),
                "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
                f"--host-resolver-rules=MAP * 127.0.0.1:{browsers.port}",
                *(f"--user-data-dir={self.folder}", "--remote-debugging-port=0", *more, page),
            ],
            browsers.folder / f"{name}-home",
            **environment,
        )  # fmt: skip
        self.profile = self.folder / "Default"
        self._control = until(lambda: (self.folder / "DevToolsActivePort").read_text().split()[0], 60)
        if waits:
            until(lambda: len(browsers.hellos()) > before, 60)

    @property
    def control(self) -> str:
        """The address of its debugging port."""
        return f"http://127.0.0.1:{self._control}"

    def _call(self, what: str, method: str = "GET") -> list[dict[str, str]]:
        request = urllib.request.Request(f"{self.control}/json/{what}", method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer) if what.startswith(("list", "new")) else []

    def visit(self, url: str) -> dict[str, str]:
        return self._call(f"new?{url}", "PUT")  # type: ignore[return-value]

    def show(self, tab: dict[str, str]) -> None:
        self._call(f"activate/{tab['id']}")


class Firefox:
    """A Firefox on a profile of its own, driven by Marionette."""

    def __init__(self, browsers: Browsers, name: str, **environment: str) -> None:
        self.profile, before = browsers.folder / name, len(browsers.hellos())
        control = prepare(self.profile, browsers.port)
        program = shutil.which("firefox-esr") or pytest.skip("firefox-esr is not installed")
        screen = [] if "DISPLAY" in environment else ["--headless"]
        words = [program, *screen, *OPTIONS, str(self.profile)]
        browsers.start(words, browsers.folder / f"{name}-home", **environment)
        self._control = Marionette(control)
        self.ask, self.hang_up = self._control.ask, self._control.close
        until(lambda: len(browsers.hellos()) > before, 60)

    def visit(self, url: str) -> object:
        return self.ask("WebDriver:Navigate", {"url": url})

    def private_window(self) -> None:
        """Open a private window, and go on in it."""
        made = self.ask("WebDriver:NewWindow", {"type": "window", "focus": True, "private": True})
        self.ask("WebDriver:SwitchToWindow", {"handle": made["handle"]})


class Pages(http.server.BaseHTTPRequestHandler):
    """Every host answers, as itself or as a proxy's target, and notes when it was asked for a page."""

    asked: dict[str, float]

    def do_GET(self) -> None:
        host = self.path.split("/")[2] if "://" in self.path else self.headers.get("Host", "")
        self.asked.setdefault(host.partition(":")[0], time.time())
        body = b"<title>a secret title</title><p>a secret text"
        if host.startswith("broken.test"):
            self.close_connection = True  # without a word, as where a filter stands in the way
            return
        if host.startswith("download.test") and self.path.endswith("file"):
            self.send_response(200)
            self.send_header("Content-Disposition", "attachment; filename=file.zip")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if host.startswith("download.test"):
            body = b"<a href=/file>file</a><script>setTimeout(() => document.querySelector('a').click(), 1500)</script>"
        elif host.startswith("refreshed.test"):
            time.sleep(1)  # so long shows what sent the visitor here, and is not counted
        elif host.startswith("refresh.test"):
            body = b'<meta http-equiv="refresh" content="0;url=http://refreshed.test/">'
        elif host.startswith("redirecting.test"):
            self.send_response(302)
            self.send_header("Location", "http://redirected.test/there?secret=2")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(404 if self.path.endswith("favicon.ico") else 200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Site(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Browsers hang up at will."""
