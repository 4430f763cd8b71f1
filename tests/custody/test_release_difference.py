"""A custodian reads which devices take which version when, before signing it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tuf.api.metadata import TargetFile

from custody.draft import Draft
from custody.release_difference import of_releases
from protocol.releases import file_name, plan, read

NAME = file_name("1.2.0", "linux-x86_64")


@pytest.fixture
def release(custodians):
    path = custodians.folder / NAME
    path.write_bytes(b"the agent")
    return path


def listed(custodians):
    return Draft(custodians.ceremony).in_force("releases").signed.targets


def test_a_tenth_at_once_and_all_a_week_later_is_what_is_signed_and_said(custodians, release, capsys):
    assert custodians.sign("releases", release) == 0
    said = capsys.readouterr().out
    assert "Version 1.2.0 of the agent for Linux (x86_64): 10 of 100 devices take it at once, all from " in said
    custodians.sign(key="second")
    found = read(listed(custodians)[f"releases/{NAME}"])
    assert (found.first_percent, found.all_after_days) == (10, 7)
    assert abs((found.since - datetime.now(UTC)).total_seconds()) < 60


def test_all_at_once_is_warned_of(custodians, release, capsys):
    assert custodians.sign("releases", release, "--first-percent", "100") == 0
    said = capsys.readouterr().out
    assert "all devices take it at once" in said
    assert "reaches every device before anybody has seen it" in said


def test_all_after_no_days_is_warned_of_as_all_at_once(custodians, release, capsys):
    assert custodians.sign("releases", release, "--first-percent", "1", "--all-after-days", "0") == 0
    said = capsys.readouterr().out
    assert "all devices take it at once" in said
    assert "reaches every device before anybody has seen it" in said


def test_a_day_of_signing_in_the_past_does_not_hide_that_all_take_it_at_once():
    now = datetime(2026, 11, 20, 9, tzinfo=UTC)
    told = {}
    for days_ago in (6, 7):
        target = TargetFile.from_data(f"releases/{NAME}", b"the agent", ["sha256"])
        target.unrecognized_fields["custom"] = plan(now - timedelta(days=days_ago), 10, 7)
        told[days_ago] = {line.tone for line in of_releases({}, {target.path: target}, now)}
    assert ("warning" in told[6], "warning" in told[7]) == (False, True)


def test_what_was_said_of_a_version_stays_when_another_is_signed_or_all_is_renewed(custodians, release):
    custodians.sign("releases", release, "--first-percent", "3", "--all-after-days", "30")
    custodians.sign(key="second")
    before = listed(custodians)[f"releases/{NAME}"].custom
    other = release.with_name("fairwatch-agent-1.2.0.msi")
    other.write_bytes(b"for tools")
    custodians.sign("releases", other)
    custodians.sign(key="second")
    assert listed(custodians)[f"releases/{NAME}"].custom == before
    assert custodians.sign("renew", "releases") == 0
    custodians.sign(key="second")
    assert listed(custodians)[f"releases/{NAME}"].custom == before
    assert read(listed(custodians)["releases/fairwatch-agent-1.2.0.msi"]) is None


def test_to_sign_it_again_reaches_more_devices(custodians, release, capsys):
    custodians.sign("releases", release)
    custodians.sign(key="second")
    capsys.readouterr()
    custodians.sign("releases", release, "--first-percent", "50")
    assert "50 of 100 devices take it at once" in capsys.readouterr().out
    custodians.sign(key="second")
    assert read(listed(custodians)[f"releases/{NAME}"]).first_percent == 50


def test_a_file_for_tools_is_said_to_be_one(custodians, capsys):
    other = custodians.folder / "fairwatch-agent_1.2.0_amd64.deb"
    other.write_bytes(b"for tools")
    custodians.sign("releases", other)
    assert "No device takes fairwatch-agent_1.2.0_amd64.deb by itself" in capsys.readouterr().out


def test_taking_a_version_off_says_what_it_does_not_do(custodians, release, capsys):
    custodians.sign("releases", release)
    custodians.sign(key="second")
    custodians.sign("releases", "--remove", NAME)
    assert "A device that has taken a version keeps it" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("--first-percent", "101"), ("--first-percent", "x"), ("--all-after-days", "91")])
def test_a_plan_that_is_none_is_refused(custodians, release, capsys, words):
    with pytest.raises(SystemExit) as end:
        custodians.sign("releases", release, *words)
    assert end.value.code == 2
    assert "is not a whole number from 0 to" in capsys.readouterr().err
