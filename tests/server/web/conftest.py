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
