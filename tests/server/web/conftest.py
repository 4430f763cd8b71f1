"""A real Chromium, and the page's own modules served from loopback so that WebCrypto is there."""

from __future__ import annotations

import http.server
import threading
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
from django.conf import settings
from django.test import Client

from protocol import leadkeys as keyfile
from protocol.messages import encode
from protocol.publication import Recipient, RecipientList
from server import leadkeys

WAIT_MS = 30_000
STATIC = Path(__file__).parents[3] / "server" / "web" / "static"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


class _Modules(http.server.SimpleHTTPRequestHandler):
    extensions_map: ClassVar = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}

    def log_message(self, *args):
        pass

    def do_GET(self):
        if self.path == "/":
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>modules</title>")
        else:
            super().do_GET()


@pytest.fixture(scope="session")
def chromium(playwright_driver):
    browser = playwright_driver.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def live_server_files():
    """Let Django's live server, which serves STATIC_ROOT by itself, serve what the collector serves."""
    settings.STATIC_ROOT = settings.STATIC_DIR


@pytest.fixture
def signed_in(live_server_files, live_server, chromium):
    """`signed_in(user, width)`: a page of somebody in a browser of their own; what goes wrong on it is in `faults`.

    Signed in by its cookie: the password's hash is slow on purpose, and the journey types it.
    """
    contexts = []

    def open_page(user, width=1280):
        context = chromium.new_context(viewport={"width": width, "height": 800}, base_url=live_server.url)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.faults = []
        page.on("pageerror", lambda fault: page.faults.append(str(fault)))
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def modules(chromium):
    """An empty page beside the modules: `modules(expression, argument)` runs an async function in it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Modules, directory=STATIC))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    page = chromium.new_page()
    page.goto(f"http://localhost:{server.server_address[1]}/")
    page.evaluate(
        """async () => {
          const names = ["bytes", "hpke", "envelope", "leadkey", "alert", "keystore", "people", "sealed", "rewrap"];
          for (const name of names) {
            window[name] = await import(`/web/${name}.js`);
          }
        }"""
    )
    yield page.evaluate
    page.close()
    server.shutdown()
    server.server_close()
    thread.join()


TEAM = {"lead": "anchor basil cactus dolphin ember falcon", "deputy": "six other words for the deputy"}


@pytest.fixture(scope="module")
def team_files():
    """The keys of the lead, the deputy and recovery."""
    return {name: keyfile.make(words) for name, words in TEAM.items()} | {"recovery": keyfile.make("recovery")}


@pytest.fixture
def team(team_files, people, tmp_path, monkeypatch):
    """Both keys on the signed list; the deputy is never to see what is about the account `dee`."""
    for name in TEAM:
        leadkeys.keep(getattr(people, name), encode(team_files[name]))
    rows = tuple(
        Recipient(team_files[name].key_id, team_files[name].public_key, role, label, (), about)
        for name, role, label, about in (
            ("lead", "lead", "Sam Okafor", ()),
            ("deputy", "deputy", "Priya Nair", ("dee",)),
            ("recovery", "recovery", "Recovery", ()),
        )
    )
    folder = tmp_path / "rules" / "targets" / "recipients"
    folder.mkdir(parents=True)
    (folder / "0a.recipients.json").write_bytes(encode(RecipientList(1, True, rows)))
    monkeypatch.setattr("django.conf.settings.RULES_DIR", tmp_path / "rules")


@pytest.fixture
def team_site(signed_in, people, team):
    """`team_site(role, width)`: a lead's page, their key unlocked."""

    def unlocked(role, width=1280):
        page = signed_in(getattr(people, role), width)
        page.goto("/desk/")
        _unlock(page, TEAM[role])
        return page

    return unlocked


def _unlock(page, words):
    page.wait_for_selector("#unlock-go:enabled")
    page.fill("#passphrase", words)
    page.press("#passphrase", "Enter")
    page.wait_for_selector("#unlocked:not([hidden])")


@pytest.fixture
def team_words():
    """The six words of each."""
    return TEAM


@pytest.fixture
def unlock_with():
    """`unlock_with(page, words)`: unlock the key on a page."""
    return _unlock
