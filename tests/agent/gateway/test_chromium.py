"""Chromium whose managed policy names the gateway: a visit becomes a sealed alert, in a private window too."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.messages import decode_header
from server.children import EveryHost
from tests.agent.devices import until
from tests.agent.gateway.doors import ALICES
from tests.agent.gateway.resolvers import answer_of
from tests.agent.gateway.test_run import (  # noqa: F401 - fixtures among them
    ALICE,
    FLAGGED,
    gateway,
    records,
    resolver,
)

POLICIES = Path("/etc/chromium/policies/managed")
BESIDE = ("pictures.example.org", "measuring.example.net")
pytestmark = [
    pytest.mark.more,
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("unshare") and POLICIES.parents[1].is_dir()),
        reason="a policy of its own needs Debian's Chromium and a mount namespace",
    ),
]
# Policies are the system's: in a namespace of its own nothing else on the machine sees this one.
RUN = """
set -e
mount -t tmpfs none /etc/chromium
mkdir -p /etc/chromium/policies/managed
cp "$1" /etc/chromium/policies/managed/
shift
exec "$@"
"""


def spki(certificate):
    public = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    whole = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(whole).digest()).decode()


def opened(policy, files, profile, address, *more):
    """Start a browser under the policy, at a page."""
    options = ["--headless=new", f"--user-data-dir={profile}", "--no-first-run", "--no-sandbox", "--disable-gpu"]
    options += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"]
    options += ["--disable-dev-shm-usage", f"--ignore-certificate-errors-spki-list={spki(files[0])}"]
    options += ["--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable", *more]
    inside = ["sh", "-c", RUN, "sh", policy, "chromium", *options, address]
    return subprocess.Popen(
        ["unshare", "--map-root-user", "--mount", *inside],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def ended(child):
    with_group = os.getpgid(child.pid)
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(with_group, 9)
        child.wait(10)


@pytest.mark.parametrize("window", [(), ("--incognito",)], ids=["window", "private window"])
def test_a_visit_in_a_browser_with_the_policy_becomes_an_alert_of_that_phone(
    gateway,  # noqa: F811
    resolver,  # noqa: F811
    files,
    tmp_path,
    window,
):
    folder, doh, _, _, program = gateway
    resolver.says = lambda asked: answer_of(asked, "127.0.0.1").to_wire()
    policy = tmp_path / "fairwatch.json"
    template = f"https://gateway.localhost:{doh}/d/{ALICES}/dns-query"
    policy.write_text(json.dumps({"DnsOverHttpsMode": "secure", "DnsOverHttpsTemplates": template}))
    sites = EveryHost(BESIDE)
    browser = opened(policy, files, tmp_path / "profile", f"http://{FLAGGED}:{sites.port}/", *window)
    try:
        until(lambda: FLAGGED in sites.asked, 40)
        until(lambda: f"{BESIDE[1]}." in resolver.names, 20)
        time.sleep(4)  # the page's burst is over after two quiet seconds
    finally:
        ended(browser)
        sites.stop()
    program.terminate()
    program.wait(20)
    headers = [decode_header(one.header) for one in records(folder, "alert")]
    assert {one.device for one in headers} == {ALICE}
    assert any(one.urgent for one in headers)
    assert f"{FLAGGED}." in resolver.names
