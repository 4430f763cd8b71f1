"""Publishes by the command, which says what of it expires soon and who signs it again."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from custody.__main__ import main


def server(*words):
    command = [sys.executable, "-m", "server", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


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
