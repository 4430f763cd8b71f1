"""Signs a version of the agent with two signatures, and checks a file against them before it is installed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from custody.__main__ import main
from custody.draft import Draft

NAME = "fairwatch-agent-1.2.0.tar.gz"


@pytest.fixture
def release(custodians):
    path = custodians.folder / NAME
    path.write_bytes(b"the agent")
    return path


def verify(custodians, path, now=None):
    clock = (lambda: now) if now is not None else lambda: datetime.now(UTC)
    return main(["verify", str(path), "--dir", str(custodians.ceremony)], clock=clock)


def test_a_release_is_installed_only_after_two_signatures(custodians, release, capsys):
    assert verify(custodians, release) == 2
    assert "signed no release of that name" in capsys.readouterr().err
    assert custodians.sign("releases", release) == 0
    assert f"NEW: releases/{NAME}" in capsys.readouterr().out
    assert verify(custodians, release) == 2, "one signature is not enough"
    assert custodians.sign("releases", release, key="it") == 2
    assert custodians.sign(key="second") == 0
    assert verify(custodians, release) == 0
    assert "signed by the custodians" in capsys.readouterr().out
    assert custodians.publish().published().versions["releases"] == 2


def test_another_file_under_a_signed_name_is_refused(custodians, release, capsys):
    custodians.sign("releases", release)
    custodians.sign(key="second")
    release.write_bytes(b"the agent, and more")
    assert verify(custodians, release) == 2
    assert "not the file that the custodians signed" in capsys.readouterr().err


def test_a_release_is_taken_off_and_others_stay(custodians, release, capsys):
    second = custodians.folder / "fairwatch-agent-1.3.0.tar.gz"
    second.write_bytes(b"newer")
    custodians.sign("releases", release, second)
    custodians.sign(key="second")
    assert custodians.sign("releases", "--remove", "fairwatch-agent-9.tar.gz") == 2
    assert "there is no release" in capsys.readouterr().err
    custodians.sign("releases", "--remove", NAME)
    custodians.sign(key="second")
    assert sorted(Draft(custodians.ceremony).in_force("releases").signed.targets) == [f"releases/{second.name}"]
    assert verify(custodians, release) == 2
    assert verify(custodians, second) == 0


def test_a_name_that_is_none_is_refused(custodians, capsys):
    odd = custodians.folder / "an agent.tar.gz"
    odd.write_bytes(b"x")
    assert custodians.sign("releases", odd) == 2
    assert "not its to publish" in capsys.readouterr().err


def test_an_expired_signature_on_releases_is_none(custodians, release, capsys):
    custodians.sign("releases", release)
    custodians.sign(key="second")
    assert verify(custodians, release, datetime.now(UTC) + timedelta(days=400)) == 2
    assert "expired" in capsys.readouterr().err
