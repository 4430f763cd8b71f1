"""The watchdog reads the real process, says what it slowed, and lets the service begin anew, too seldom to loop."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.errors import SpoolUnavailableError
from agent.health import Health
from agent.limits import HARD_READINGS, MB, Reading
from agent.watchdog import ANEW_MOST_A_DAY, Watchdog

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Device:
    def __init__(self):
        self.kept, self.at, self.up, self.memory, self.begun = {}, NOON, 0.0, 40 * MB, 0
        self.health = Health({})
        self.save = self.kept.__setitem__

    def started(self):
        self.memory = 40 * MB
        return Watchdog(
            lambda: Reading(self.up, self.memory, 0.0, 0, 0),
            self.health,
            load=self.kept.get,
            save=lambda key, value: self.save(key, value),
            clock=lambda: self.at,
            begin_anew=self.begin,
        )

    def begin(self):
        self.begun += 1

    def minutes(self, watchdog, number, memory):
        self.memory = memory
        for _ in range(number):
            self.at += timedelta(minutes=1)
            self.up += 60.0
            watchdog.look()


@pytest.fixture
def device():
    return Device()


def test_what_it_slows_is_said_in_health_and_taken_back(device):
    watchdog = device.started()
    device.minutes(watchdog, 5, 60 * MB)
    assert watchdog.pace > 1
    assert device.health.report().notices == ("slowed_memory",)
    device.minutes(watchdog, 60, 30 * MB)
    assert watchdog.pace == 1
    assert device.health.report().notices == ()


def test_it_begins_anew_a_few_times_a_day_and_then_only_goes_on_slowed(device):
    for _ in range(10):
        device.minutes(device.started(), HARD_READINGS, 300 * MB)
    assert device.begun == ANEW_MOST_A_DAY
    assert device.health.report().notices == ("slowed_memory",)
    device.at += timedelta(days=1)
    device.minutes(device.started(), HARD_READINGS, 300 * MB)
    assert device.begun == ANEW_MOST_A_DAY + 1


def test_what_can_not_be_counted_is_not_done(device):
    def full(_key, _value):
        raise SpoolUnavailableError("full")

    device.save = full
    device.minutes(device.started(), HARD_READINGS + 3, 300 * MB)
    assert device.begun == 0


def test_a_count_that_is_spoilt_does_not_end_the_watchdog(device):
    device.kept["service begun anew"] = b"{"
    device.minutes(device.started(), HARD_READINGS, 300 * MB)
    assert device.begun == 1


def test_the_reading_is_the_processes_own_and_leaves_mapped_files_out(tmp_path):
    place = tmp_path / "pack"
    place.write_bytes(os.urandom(1024) * 20 * 1024)
    asked = (
        "import mmap, sys, psutil; from agent.watchdog import reading\n"
        "me = psutil.Process(); before = reading(me, 0)\n"
        "with open(sys.argv[1], 'rb') as file: mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)\n"
        "sum(mapped[at] for at in range(0, len(mapped), 4096)); pack = reading(me, 0)\n"
        "own = bytearray(b'x') * (20 << 20); last = reading(me, 7)\n"
        "print(pack.memory_bytes - before.memory_bytes, last.memory_bytes - pack.memory_bytes, last.network_bytes,"
        " last.cpu_seconds > 0, last.at_seconds > before.at_seconds)"
    )
    said = subprocess.run(
        [sys.executable, "-c", asked, str(place)], capture_output=True, text=True, check=True, timeout=60,
        cwd=Path(__file__).parents[2],
    ).stdout.split()  # fmt: skip
    mapped, own = int(said[0]), int(said[1])
    assert mapped < 4 * MB
    assert own > 19 * MB
    assert said[2:] == ["7", "True", "True"]
