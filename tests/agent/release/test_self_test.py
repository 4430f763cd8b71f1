"""A version says whether it could take over this device, and changes nothing on it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import keys
from agent.database import file_in
from agent.program import own_command
from agent.release.fetch import forget_others
from agent.release.self_test import run, steps
from agent.spool import Spool
from tests.agent.devices import enrolled


def test_an_enrolled_device_is_well_and_stays_byte_for_byte_what_it_was(tmp_path):
    device = enrolled(tmp_path / "device")
    identity = keys.load(device)
    spool = Spool(file_in(device), identity.spool_key, device=identity.device, clock=lambda: datetime.now(UTC))
    spool.save("something", b"kept")
    before = _fingerprints(device)
    command = [*own_command(), "self-test", "--data-dir", device, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["well"], said["problem"]) == (True, "")
    assert _fingerprints(device) == before
    spool.close()


def _fingerprints(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Args:
    def __init__(self, data_dir):
        self.data_dir, self.json = data_dir, False


@pytest.fixture
def tried(tmp_path, capsys):
    def tried(folder):
        done = {}
        for what, step in steps(folder)[1:]:
            try:
                step()
            except Exception as fault:  # noqa: BLE001 - which one it is, is what is asked
                done[what] = type(fault).__name__
        return done

    return tried


def test_a_device_that_is_not_enrolled_is_not_well(tmp_path, tried):
    assert tried(tmp_path)["the identity can't be opened"] == "NotEnrolledError"


def test_a_configuration_it_does_not_understand_is_said(tmp_path, tried):
    device = enrolled(tmp_path / "device")
    (device / "agent.toml").write_text("nonsense = 1\n")
    assert tried(device) == {"agent.toml is not understood": "ConfigError"}


def test_rules_that_it_can_not_open_are_said(tmp_path, tried):
    device = enrolled(tmp_path / "device")
    (device / "rules/current/metadata").mkdir(parents=True)
    assert list(tried(device)) == ["the rules in force can't be opened"]


def test_a_spool_that_it_can_not_open_is_said_and_not_put_aside(tmp_path, tried):
    device = enrolled(tmp_path / "device")
    file_in(device).write_bytes(b"no database at all" * 1000)
    assert tried(device) == {"what waits to be sent can't be opened": "ValueError"}
    assert [path.name for path in (device / "spool").iterdir()] == [file_in(device).name]


def test_what_a_power_cut_leaves_of_it_is_removed_before_the_next_version_is_tried(tmp_path, tried, monkeypatch):
    device = enrolled(tmp_path / "device")
    identity = keys.load(device)
    Spool(file_in(device), identity.spool_key, device=identity.device, clock=lambda: datetime.now(UTC)).close()
    before = {path for path in device.rglob("*") if path.is_file()}
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)  # as if there were no time for it
        assert tried(device) == {}
    assert {path for path in device.rglob("*") if path.is_file()} > before
    forget_others(device, "1.0.0")
    assert {path for path in device.rglob("*") if path.is_file()} == before


def test_in_words(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("logging.disable", lambda _: None)
    assert run(Args(tmp_path)) == 1
    assert "is not well: the identity can't be opened: NotEnrolledError." in capsys.readouterr().out
