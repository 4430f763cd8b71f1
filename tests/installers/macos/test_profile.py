"""The profile gives one signed program Full Disk Access, keeps it running, and asks for nothing else."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from installers.browsers.build import MACOS_COMMAND
from installers.macos import profile
from server import certificates

TEAM = "AB12CD34EF"


def test_it_allows_one_program_of_one_team_and_nothing_else() -> None:
    said = plistlib.loads(profile.profile(TEAM, "Bright Path Training"))
    access, items = said["PayloadContent"]
    assert access["PayloadType"] == "com.apple.TCC.configuration-profile-policy"
    # No AppleEvents, Accessibility, ScreenCapture or ListenEvent.
    assert list(access["Services"]) == ["SystemPolicyAllFiles"]
    (allowed,) = access["Services"]["SystemPolicyAllFiles"]
    assert (allowed["Identifier"], allowed["IdentifierType"]) == (MACOS_COMMAND, "path")
    assert allowed["Authorization"] == "Allow"
    assert 'identifier "org.fairwatch.agent" and anchor apple generic' in allowed["CodeRequirement"]
    assert f'certificate leaf[subject.OU] = "{TEAM}"' in allowed["CodeRequirement"]
    assert items["PayloadType"] == "com.apple.servicemanagement"
    assert [(rule["RuleType"], rule["RuleValue"]) for rule in items["Rules"]] == [("LabelPrefix", "org.fairwatch.")]
    assert (said["PayloadScope"], said["PayloadOrganization"]) == ("System", "Bright Path Training")


def test_a_later_one_replaces_it() -> None:
    first, second = (plistlib.loads(profile.profile(team, "A")) for team in (TEAM, "ZZ12CD34EF"))
    assert first["PayloadUUID"] == second["PayloadUUID"]
    ids = [one["PayloadUUID"] for one in (first, *first["PayloadContent"])]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("team", ["", "ab12cd34ef", "AB12CD34E", 'AB12CD34E"', "AB12CD34EF\n"])
def test_what_is_no_team_is_refused(team: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert profile.main(["--team-id", team, "--into", str(tmp_path / "p")]) == 2
    assert "ten capital letters" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is what verifies it here")
def test_signed_it_is_what_was_signed(tmp_path: Path) -> None:
    key, certificate, file = tmp_path / "key", tmp_path / "certificate", tmp_path / "out/fairwatch.mobileconfig"
    certificates.make(key, certificate, ["fleet.example.test"], datetime.now(UTC))
    words = ["--sign-key", str(key), "--sign-certificate", str(certificate), "--into", str(file)]
    assert profile.main(["--team-id", TEAM, "--organisation", "A", *words]) == 0
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-noverify", "-in", file]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == profile.profile(TEAM, "A")


def test_a_key_alone_signs_nothing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        profile.main(["--team-id", TEAM, "--sign-key", str(tmp_path / "key")])
