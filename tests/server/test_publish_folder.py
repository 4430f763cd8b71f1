"""Publishes by the command, which says what of it expires soon and who signs it again."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from custody.__main__ import main

OLD_DEVICE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from server.start import set_up
set_up(Path(sys.argv[1]))
from server.store.models import Device
health = {"pack_formats": [9], "policy_formats": [1]}
Device.objects.create(
    name="old laptop", group="staff", public_key=bytes(32), enrolled_at=datetime.now(UTC), health=health
)
"""


def server(*words):
    command = [sys.executable, "-m", "server", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.more
def test_publishing_warns_of_what_expires_within_sixty_days(custodians):
    data = ("--data-dir", custodians.collector)
    made = server("init", *data, "--name", "Sample", "--url", "https://localhost:8460")
    assert made.returncode == 0, made.stderr
    done = server("publish", custodians.ceremony, *data)
    assert (done.returncode, done.stderr) == (0, "")

    where = ("--dir", str(custodians.ceremony), "--passphrase-file", str(custodians.folder / "passphrase"), "--yes")
    for words, key in ((["renew", "policy"], custodians.ceremony / "private" / "custodian.pem"),
                       ([], custodians.folder / "second.pem")):  # fmt: skip
        early = datetime.now(UTC) - timedelta(days=345, hours=-1)
        assert main(["sign", *words, "--key", str(key), *where], clock=lambda now=early: now) == 0
    done = server("publish", custodians.ceremony, *data, "--json")
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout)["expiring"]) == ["policy"]
    (line,) = done.stderr.splitlines()
    assert "WARNING: policy expires on" in line
    assert line.endswith("in 50 days; custodians: «sign renew»")


@pytest.mark.more
def test_publishing_warns_of_devices_that_are_too_old_for_it(custodians):
    data = ("--data-dir", custodians.collector)
    assert server("init", *data, "--name", "Sample", "--url", "https://localhost:8460").returncode == 0
    enrolled = subprocess.run(
        [sys.executable, "-c", OLD_DEVICE, custodians.collector], capture_output=True, text=True, check=False
    )
    assert enrolled.returncode == 0, enrolled.stderr
    done = server("publish", custodians.ceremony, *data)
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        "fairwatch-server publish: WARNING: 1 device is too old for packs of format 3; it keeps the rules it has until "
        "its agent is updated: old laptop\n"
    )
    done = server("publish", custodians.ceremony, *data, "--json")
    assert json.loads(done.stdout)["too_old"] == {"packs": ["old laptop"]}
