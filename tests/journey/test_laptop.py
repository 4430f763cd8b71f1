"""The main job, for real: Chromium visits a flagged host, and only the lead's key opens what the collector recorded."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rules.engine import Rules
from tests.journey import canary

SERVER = Path(sys.executable).with_name("fairwatch-server")
pytestmark = pytest.mark.skipif(
    not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")),
    reason="the journey needs a Chromium browser, and this system offers none by apt",
)


@dataclass(frozen=True)
class Trip:
    """A finished trip: what was printed, and the folder that was kept."""

    folder: Path
    result: dict[str, Any]
    lines: list[str]

    @property
    def host(self) -> str:
        return str(self.result["evidence"]["seen"][0]["name"])

    @property
    def entry(self) -> str:
        return str(self.result["evidence"]["matched"][0]["entry"])


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Trip:
    folder = tmp_path_factory.mktemp("trip") / "kept"
    command = [SERVER, "demo", "--check", "--json", "--keep", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return Trip(folder, json.loads(lines[-1]), lines)


@pytest.mark.timeout(180)
def test_a_visit_becomes_an_incident_that_the_leads_key_opens(trip):
    assert trip.result["ok"] is True
    assert set(trip.result) == {"ok", "visit_to_incident_seconds", "incident", "evidence"}
    assert re.fullmatch(r"FW-\d{4}-\d{5}", trip.result["incident"])
    assert 0 < trip.result["visit_to_incident_seconds"] < 60


def test_the_evidence_holds_the_host_and_its_entry_and_no_other_dotted_name(trip):
    dotted = set(re.findall(r"[\w-]+(?:\.[\w-]+)+", json.dumps(trip.result["evidence"])))
    assert dotted == {trip.host, trip.entry}
    assert trip.host.endswith(trip.entry)


def test_the_entry_is_one_of_a_shipped_sensitive_pack(trip):
    rules = Rules.open(trip.folder / "keys" / "rules")
    verdict = rules.classify("host", trip.host)
    assert verdict.matched == trip.entry
    assert all(rules.taxonomy.get(category).sensitive for category in verdict.categories)


def test_the_search_for_a_leak_finds_a_planted_one(tmp_path):
    host = "planted.host-name.example"
    for number, form in enumerate(sorted(canary.encodings(host))):
        (tmp_path / f"leak-{number}").write_bytes(b"\0before" + form + b"after\0")
    assert len(canary.found(host, tmp_path)) == len(canary.encodings(host))
    for number, packed in enumerate((gzip.compress, zlib.compress, _zipped)):
        (tmp_path / f"packed-{number}").write_bytes(b"before" + packed(b"x" * 99 + host.encode()) + b"after")
    assert len(canary.found(host, tmp_path)) == len(canary.encodings(host)) + 3
    assert canary.found("another.host-name.example", tmp_path) == []


def _zipped(data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("name", data)
    return held.getvalue()


def test_promise_3_the_host_is_nowhere_at_the_collector_but_in_the_rules(trip):
    assert canary.found(trip.host, trip.folder / "browser"), "the browser itself knows where it was"
    for text in (trip.host, trip.entry):
        assert canary.found(text, trip.folder / "collector", leave_out=(trip.folder / "collector" / "rules",)) == []


def test_promise_3_the_host_is_nowhere_in_the_agents_files_in_clear(trip):
    for text in (trip.host, trip.entry):
        assert canary.found(text, trip.folder / "agent") == []


def test_promise_8_the_release_is_on_the_record_before_the_evidence_was_handed_out(trip):
    with sqlite3.connect(f"file:{trip.folder / 'collector' / 'collector.sqlite3'}?mode=ro", uri=True) as database:
        actions = [row[0] for row in database.execute("SELECT action FROM store_auditentry ORDER BY seq")]
        assert actions.count("evidence_released") == 1
        ((incident,),) = database.execute("SELECT id FROM store_incident")
        ((subject,),) = database.execute("SELECT subject FROM store_auditentry WHERE action = 'evidence_released'")
    database.close()
    assert incident.replace("-", "") in subject.replace("-", "")


def test_promise_2_the_notice_was_shown_before_anything_was_collected(trip):
    shown = (trip.folder / "output" / "session.log").read_text()
    assert "This device is monitored" in shown
    assert "What is never collected" in shown


def test_nothing_is_left_running(trip):
    listed = [path / "cmdline" for path in Path("/proc").iterdir() if path.name.isdigit()]
    left = []
    for path in listed:
        try:
            left += [path] if str(trip.folder).encode() in path.read_bytes() else []
        except OSError:
            continue
    assert left == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--check", "--journey", "balloon"], "known are"),
        (["--keep", "somewhere"], "--keep goes with --check"),
        (["--bogus"], "--bogus"),
    ],
)
def test_a_demonstration_asked_for_wrongly_is_refused_in_one_line(words, told, tmp_path):
    done = subprocess.run(
        [SERVER, "demo", *words], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
