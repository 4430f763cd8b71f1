"""The trip through the extension, for real: Chromium tells the visit itself, and only the lead's key opens it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journey import canary

SERVER = Path(sys.executable).with_name("fairwatch-server")
WITHIN_SECONDS = 5.0
pytestmark = [
    pytest.mark.more,
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("chromium") is None, reason="the journey needs Chromium"),
]


@pytest.fixture(scope="module")
def trip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trip") / "kept"
    command = [SERVER, "demo", "--check", "--journey", "extension", "--json", "--keep", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1])


def test_a_visit_becomes_an_incident_within_seconds_as_the_extension_told_it(trip):
    _, result = trip
    assert result["ok"] is True
    assert 0 < result["visit_to_incident_seconds"] < WITHIN_SECONDS
    assert result["evidence"]["source"] == "browser_extension"
    assert result["evidence"]["count"] == 1


def test_the_host_is_readable_nowhere_on_the_collector_or_the_device(trip):
    folder, result = trip
    host = result["evidence"]["seen"][0]["name"]
    assert canary.found(host, folder / "browser"), "the browser itself knows where it was"
    assert canary.found(host, folder / "collector", leave_out=(folder / "collector" / "rules",)) == []
    assert canary.found(host, folder / "agent") == []
