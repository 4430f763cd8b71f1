"""Chromium whose managed policy is the collector's own file: a page becomes a sealed alert, in a private window too."""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from protocol.messages import decode_header
from server.phone_computers import browser_policy
from server.phone_place import one_phone, place
from tests.agent.gateway.doors import ALICES
from tests.agent.gateway.resolvers import answer_of
from tests.agent.gateway.test_run import (  # noqa: F401 - fixtures among them
    ALICE,
    FLAGGED,
    gateway,
    records,
    resolver,
)

CHROMIUM = shutil.which("chromium")
BESIDE = ("pictures.example", "measuring.example")
OWN_FOLDERS = 'mount -t tmpfs none /etc/chromium && mkdir -p /etc/chromium/policies/managed && cp "$1" \
/etc/chromium/policies/managed/ && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"'
"""Policies and hosts that this one browser sees, and no other program: they are gone with it."""

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None
    or os.geteuid() != 0
    or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0,
    reason="a policy of Chromium's is put into a mount namespace, which takes Chromium and root",
)


@pytest.fixture
def site():
    """A page for whichever host is asked for, with a picture of each of two others; returns its port and the hosts."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers["Host"].partition(":")[0])
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if self.path == "/" else "image/png")
            self.end_headers()
            pictures = "".join(f'<img src="http://{host}:{server.server_port}/p">' for host in BESIDE)
            self.wfile.write(f"<p>reached{pictures}".encode() if self.path == "/" else b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_port, asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def browse(gateway, files, tmp_path):  # noqa: F811
    """Opens a page in a Chromium that is a managed computer, whose policy says which phone it is at the gateway."""
    made = json.loads(
        browser_policy(place("Sample", "gateway.test", failover=False), one_phone(ALICE, "p", "chromeos", ALICES))
    )
    assert made["DnsOverHttpsMode"] == "secure"
    # The policy has the port that the world uses; here it is another.
    made["DnsOverHttpsTemplates"] = made["DnsOverHttpsTemplates"].replace(
        "gateway.test/", f"gateway.test:{gateway[1]}/"
    )
    assert f":{gateway[1]}/d/{ALICES}/" in made["DnsOverHttpsTemplates"]
    authority = ssl.PEM_cert_to_DER_cert(files[0].read_text())
    policy, hosts = tmp_path / "fairwatch.json", tmp_path / "hosts"
    policy.write_text(json.dumps(made | {"CACertificates": [base64.b64encode(authority).decode()]}))
    hosts.write_text("127.0.0.1 localhost gateway.test\n")

    def opened(address, *more):
        options = [
            f"--user-data-dir={tmp_path / 'profile'}", "--headless=new", "--no-sandbox", "--disable-gpu",
            "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--disable-dev-shm-usage", "--password-store=basic", "--timeout=8000",
            "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable", "--dump-dom",
        ]  # fmt: skip
        command = ["unshare", "-m", "sh", "-c", OWN_FOLDERS, "sh", policy, hosts, CHROMIUM, *options, *more, address]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout

    return opened


@needs_chromium
@pytest.mark.more
@pytest.mark.parametrize("window", [(), ("--incognito",)], ids=["window", "private window"])
def test_a_visit_in_a_browser_with_the_policy_becomes_an_alert_of_that_phone(gateway, browse, resolver, site, window):  # noqa: F811
    folder, _, _, _, child = gateway
    resolver.says = lambda question: answer_of(question, "127.0.0.1").to_wire()
    port, asked = site
    assert "reached" in browse(f"http://{FLAGGED}:{port}/", *window)
    assert {FLAGGED, *BESIDE} <= set(asked)
    assert f"{FLAGGED}." in resolver.names
    child.terminate()  # what was looked up is judged before it ends
    child.wait(20)
    headers = [decode_header(one.header) for one in records(folder, "alert")]
    assert {(one.device, one.group, one.urgent) for one in headers} == {(ALICE, "learners", True)}
