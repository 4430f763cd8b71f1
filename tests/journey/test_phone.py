"""A phone's way, for real: Chromium with secure DNS asks the gateway, and only the lead's key opens what came of it."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.journey import canary

SERVER = Path(sys.executable).with_name("fairwatch-server")
pytestmark = [
    pytest.mark.more,
    pytest.mark.skipif(
        not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")),
        reason="the journey needs a Chromium browser, and this system offers none by apt",
    ),
]


class Trip(NamedTuple):
    """A finished trip: the folder that was kept, and the result."""

    folder: Path
    result: dict[str, Any]


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Trip:
    folder = tmp_path_factory.mktemp("trip") / "kept"
    command = [SERVER, "demo", "--check", "--journey", "phone", "--json", "--keep", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    return Trip(folder, json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.timeout(180)
def test_a_name_that_a_phone_looked_up_becomes_an_incident_that_the_leads_key_opens(trip):
    assert trip.result["ok"] is True
    assert re.fullmatch(r"FW-\d{4}-\d{5}", trip.result["incident"])
    assert 0 < trip.result["visit_to_incident_seconds"] < 60
    assert trip.result["evidence"]["source"] == "doh"


def test_it_is_said_to_be_looked_up_and_likely_a_visit_by_the_phone_and_signed_by_the_gateway(trip):
    assert trip.result["looked_up"] == {"certainty": "likely", "identity": "proven", "person": "alice"}
    assert trip.result["phone"] != trip.result["gateway"]
    with sqlite3.connect(f"file:{trip.folder / 'collector' / 'collector.sqlite3'}?mode=ro", uri=True) as database:
        named = dict(database.execute("SELECT id, gateway FROM store_device"))
    assert {key: bool(value) for key, value in named.items()} == {
        trip.result["phone"].replace("-", ""): False,
        trip.result["gateway"].replace("-", ""): True,
    }


def test_no_name_that_the_phone_asked_for_is_anywhere_at_the_collector_or_the_gateway(trip):
    host = trip.result["evidence"]["seen"][0]["name"]
    for part in ("collector", "agent"):
        found = canary.found(host, trip.folder / part)
        assert [path for path in found if Path(path).suffix != ".pack"] == []


def test_the_phones_id_is_written_nowhere_but_in_the_browser_that_has_it(trip):
    template = json.loads((trip.folder / "browser" / "Local State").read_text())["dns_over_https"]["templates"]
    ident = template.split("/d/")[1].split("/")[0]
    assert len(ident) == 26
    for part in ("collector", "agent"):
        assert canary.found(ident, trip.folder / part) == []
