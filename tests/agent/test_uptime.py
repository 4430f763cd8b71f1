"""The time since the device began to run goes on while it is asleep."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from agent import uptime


def test_it_goes_on_and_is_the_systems():
    before = uptime.seconds()
    time.sleep(0.05)
    assert 0.04 < uptime.seconds() - before < 5
    if sys.platform == "linux":
        assert abs(float(Path("/proc/uptime").read_text().split()[0]) - uptime.seconds()) < 60


def test_one_run_of_the_device_has_one_id():
    assert uptime.run_id() == uptime.run_id() != ""


def test_where_there_is_no_id_the_minute_of_the_start_is_one(monkeypatch, tmp_path):
    monkeypatch.setattr(uptime, "_BOOT_ID", tmp_path / "none")
    assert uptime.run_id().isdecimal()
