"""What is done to the service is noticed: killed, kept from running, its clock moved; what is harmless is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.errors import SpoolUnavailableError
from agent.own_life import OwnLife

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Device:
    """A device whose clocks, runs and disk a test moves."""

    def __init__(self):
        self.kept: dict[str, bytes] = {}
        self.at, self.up, self.run = NOON, 1000.0, "first"

    def passes(self, seconds):
        self.at += timedelta(seconds=seconds)
        self.up += seconds

    def starts_anew(self, up_seconds=30.0):
        self.run, self.up = self.run + "'", up_seconds

    def life(self):
        made = OwnLife(
            self.kept.get, self.kept.__setitem__, lambda: self.at, up_seconds=lambda: self.up, run=lambda: self.run
        )
        made.began()
        return made


@pytest.fixture
def device():
    return Device()


def test_a_first_start_a_proper_restart_and_an_update_are_nothing(device):
    first = device.life()
    assert first.notices() == set()
    first.ended()
    device.passes(60)
    assert device.life().notices() == set()


def test_a_service_that_was_killed_is_told_for_a_day_over_restarts_and_no_longer(device):
    device.life()
    device.passes(5)
    again = device.life()
    assert again.notices() == {"stopped_badly"}
    again.ended()
    device.passes(300)
    assert device.life().notices() == {"stopped_badly"}
    device.passes(86_400)
    again.look()
    assert again.notices() == set()


def test_a_service_that_was_stopped_and_left_off_is_told(device):
    device.life().ended()
    device.passes(599)
    off = device.life()
    assert off.notices() == set()
    off.ended()
    device.passes(601)
    assert device.life().notices() == {"stopped_badly"}


def test_a_device_that_was_switched_off_overnight_or_lost_power_is_told_nothing_of(device):
    device.life()  # no proper end: the power went
    device.passes(50_000)
    device.starts_anew()
    assert device.life().notices() == set()


def test_a_service_that_did_not_come_back_with_its_device_is_told(device):
    device.life().ended()
    device.passes(50_000)
    device.starts_anew(up_seconds=601.0)
    assert device.life().notices() == {"stopped_badly"}


@pytest.mark.parametrize("minutes", [-3, 3, 60 * 24 * 365])
def test_a_clock_that_is_moved_is_told_and_one_that_is_kept_right_or_asleep_is_not(device, minutes):
    life = device.life()
    device.passes(8 * 3600)  # asleep
    device.at += timedelta(seconds=90)
    life.look()
    assert life.notices() == set()
    device.passes(30)
    device.at += timedelta(minutes=minutes)
    life.look()
    assert life.notices() == {"clock_moved"}


def test_a_clock_that_was_moved_while_the_service_was_off_is_told_at_the_next_start(device):
    device.life().ended()
    device.passes(60)
    device.at -= timedelta(days=2)
    assert device.life().notices() == {"clock_moved"}


def test_a_clock_set_years_ahead_and_back_does_not_make_it_stand_for_years(device):
    life = device.life()
    device.at += timedelta(days=3650)
    life.look()
    device.at -= timedelta(days=3650)
    life.look()
    assert life.notices() == {"clock_moved"}
    device.passes(86_400 + 60)
    life.look()
    assert life.notices() == set()


def test_a_full_disk_and_a_spoilt_mark_stop_nothing(device):
    device.life()
    device.kept["service own life"] = b"{"

    def full(_key, _value):
        raise SpoolUnavailableError("full")

    life = OwnLife(device.kept.get, full, lambda: device.at, up_seconds=lambda: device.up, run=lambda: device.run)
    life.began()
    device.at += timedelta(hours=1)
    life.look()
    life.ended()
    assert life.notices() == {"clock_moved"}
