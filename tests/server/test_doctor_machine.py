"""The doctor says of disk, clock, certificate and backups what is wrong and what to do, and no more than that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server import audit, certificates, doctor_machine
from server.doctor_machine import GIB

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("free", "database", "ok"), [(2, 0, True), (0.5, 0, False), (5, 2, False), (6, 2, True)])
def test_a_disk_must_have_room_for_growth_and_a_backup(free, database, ok):
    found = doctor_machine.disk_finding(int(free * GIB), database * GIB)
    assert found.ok is ok
    assert ("give the disk more room" in found.sentence) is not ok


def test_a_good_disk_is_told_coarsely():
    assert doctor_machine.disk_finding(100 * GIB, 0).sentence == "at least 64 GiB free"


def test_the_disk_of_this_machine_can_be_asked(database, tmp_path):
    assert "GiB free" in doctor_machine.disk(tmp_path).sentence


def test_most_devices_that_disagree_mean_that_our_clock_is_wrong():
    found = doctor_machine.clock_finding([-300, -301, -299, 0], set_by_network=True)
    assert not found.ok
    assert "set this machine's clock" in found.sentence


def test_one_wrong_device_says_nothing_about_our_clock():
    assert doctor_machine.clock_finding([4000, 1, -1], set_by_network=True).ok
    assert doctor_machine.clock_finding([4000], set_by_network=None).ok


def test_a_clock_that_nothing_sets_is_said_with_what_to_do():
    assert "timedatectl" in doctor_machine.clock_finding([], set_by_network=False).sentence


def test_the_clocks_that_devices_told_are_asked_for(database, device, data_dir):
    device.send(device.heartbeat())
    assert doctor_machine.clock(data_dir).ok


@pytest.mark.parametrize(
    ("age_days", "made", "rehearsed", "ok", "words"),
    [
        (1, None, None, True, "none yet"),
        (8, None, None, False, "fairwatch-server backup"),
        (30, 8, 1, False, "fairwatch-server backup"),
        (30, 1, None, True, "rehearsed never"),
        (300, 1, 200, True, "fairwatch-server rehearse"),
        (30, 1, 2, True, "rehearsed on 2026-11-20"),
    ],
)
def test_backups_are_judged_by_their_age_and_rehearsal(age_days, made, rehearsed, ok, words):
    ago = [NOW - timedelta(days=days) if days is not None else None for days in (age_days, made, rehearsed)]
    found = doctor_machine.backup_finding(*ago, NOW)
    assert (found.ok, words in found.sentence) == (ok, True)


def test_backups_are_known_by_the_audit_log(database, organisation, data_dir):
    audit.write("command", "backup_made", "backup")
    audit.write("command", "backup_rehearsed", "backup")
    assert "rehearsed on" in doctor_machine.backups(data_dir).sentence


@pytest.fixture
def pair(tmp_path):
    """A key and a certificate for two names."""
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.crt"
    certificates.make(key, certificate, ["fairwatch.example.org", "127.0.0.1"], NOW)
    return certificate, key


def test_the_certificate_that_init_made_is_right(pair):
    assert certificates.faults(*pair, "fairwatch.example.org", NOW) == []
    assert certificates.faults(*pair, "127.0.0.1", NOW) == []


def test_each_thing_wrong_with_a_certificate_is_a_sentence(pair, tmp_path):
    certificate, key = pair
    other_key, other = tmp_path / "other.key", tmp_path / "other.crt"
    certificates.make(other_key, other, ["*.example.org"], NOW)
    assert "not the key" in certificates.faults(certificate, other_key, "127.0.0.1", NOW)[0]
    assert "not for desk.example.org" in certificates.faults(certificate, key, "desk.example.org", NOW)[0]
    assert "valid only from" in certificates.faults(certificate, key, "127.0.0.1", NOW - timedelta(days=3))[0]
    assert "it is over" in certificates.faults(certificate, key, "127.0.0.1", NOW + certificates.VALID_FOR)[0]
    certificate.write_bytes(certificate.read_bytes() + other.read_bytes())
    assert "out of order" in certificates.faults(certificate, key, "127.0.0.1", NOW)[0]


def test_a_wildcard_stands_for_one_label(tmp_path):
    key, certificate = tmp_path / "w.key", tmp_path / "w.crt"
    certificates.make(key, certificate, ["*.example.org"], NOW)
    assert certificates.faults(certificate, key, "desk.example.org", NOW) == []
    assert certificates.faults(certificate, key, "a.desk.example.org", NOW)
    assert certificates.faults(certificate, key, "example.org", NOW)
