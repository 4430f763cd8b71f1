"""Live sample traffic enrols with a real token at a running collector, and all that it sends is stored."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from server.children import free_port

BIN = Path(sys.executable).parent
SERVER = BIN / "fairwatch-server"


def command(program: Path, *words: object) -> str:
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v1/health", timeout=2) as answer:
            return bool(json.load(answer)["ok"])
    except OSError:
        return False


@pytest.fixture
def running(pilot):
    """A collector of a pilot, published and running; gives its address and a token for three devices."""
    url = f"http://localhost:{free_port()}"
    command(SERVER, "init", "--data-dir", pilot.collector, "--url", url)
    command(SERVER, "publish", "--data-dir", pilot.collector, pilot.ceremony / "publication")
    token = ("--key", pilot.folder / "it.pem", "--passphrase-file", pilot.folder / "passphrase", "--yes")
    where = ("--collector", url, "--publication", pilot.ceremony / "publication", "--out", pilot.folder)
    command(BIN / "fairwatch-custody", "token", *token, *where, "--group", "learners", "--uses", "3")
    command(SERVER, "token", "--data-dir", pilot.collector, pilot.folder / "token-registration.json")
    with (pilot.folder / "run.log").open("wb") as log:
        serving = subprocess.Popen([SERVER, "run", "--data-dir", pilot.collector, "--http"], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 30
        while not answers(url):
            assert time.monotonic() < end, (pilot.folder / "run.log").read_text()
            time.sleep(0.1)
        yield url, pilot.folder / "token.txt"
    finally:
        serving.terminate()
        serving.wait(20)


@pytest.mark.more
def test_devices_enrol_and_their_records_are_stored_until_the_token_is_used_up(running):
    url, token = running
    drive = ("simulate", "--to", url, "--token-file", token, "--seconds", "0.5")
    printed = command(SERVER, *drive, "--devices", "3")
    assert int(printed.split()[0]) >= 6
    again = subprocess.run([SERVER, *drive, "--devices", "1"], capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 2
    assert "token_used_up" in again.stderr
    assert len(again.stderr.splitlines()) == 1
