"""The package's tables say what is meant, and the same files make the same bytes."""

from __future__ import annotations

import hashlib
import re
import struct
import subprocess
from pathlib import Path

import pytest

from installers.windows.actions import ACTIONS
from installers.windows.database import SUMMARY_FORMAT, SummaryError, file_version, set_times
from tests.installers.windows import small


def table(package: Path, name: str) -> list[dict[str, str]]:
    """A table's rows, each by the names of its columns."""
    told = subprocess.run(["msiinfo", "export", package, name], capture_output=True, text=True, timeout=60, check=True)
    lines = [line.split("\t") for line in told.stdout.replace("\r", "").split("\n") if line]
    return [dict(zip(lines[0], row, strict=True)) for row in lines[3:]]


def test_a_program_tells_its_version_and_other_files_have_none():
    told = b"x" * 40 + bytes.fromhex("bd04effe") + struct.pack("<III", 0x10000, (3 << 16) + 13, (5150 << 16) + 1013)
    assert file_version(told) == "3.13.5150.1013"
    assert file_version(b"nothing") is None


@pytest.mark.parametrize("data", [b"", SUMMARY_FORMAT + bytes(20) + SUMMARY_FORMAT])
def test_a_package_whose_summary_is_not_where_it_should_be_is_not_touched(data):
    with pytest.raises(SummaryError):
        set_times(data, 0)


@pytest.mark.more
def test_the_same_files_make_the_same_bytes(builders, tmp_path):
    made = [small.package(tmp_path / name, "0.1.0") for name in ("first", "second")]
    assert len({hashlib.sha256(one.read_bytes()).digest() for one in made}) == 1


@pytest.mark.more
def test_the_summary_says_for_which_machines_it_is_and_has_the_time_that_was_given(package):
    told = subprocess.run(
        ["msiinfo", "suminfo", package("0.1.0")], capture_output=True, text=True, timeout=60, check=True
    )
    assert "Template: x64;2057" in told.stdout
    assert len(re.findall(r"Nov 14 22:13:20 2023", told.stdout)) == 2


@pytest.mark.more
def test_the_service_is_set_up_and_stopped_and_taken_away_with_the_package(package):
    (service,) = table(package("0.1.0"), "ServiceInstall")
    assert (service["Name"], service["StartType"], service["ServiceType"]) == ("Fairwatch", "2", "16")
    assert service["StartName"] == "LocalSystem"
    assert service["Description"].startswith("Watches host names and apps on this company-owned device")
    component = next(row for row in table(package("0.1.0"), "Component") if row["Component"] == service["Component_"])
    file = next(row for row in table(package("0.1.0"), "File") if row["File"] == component["KeyPath"])
    assert (file["FileName"].rpartition("|")[2], file["Version"]) == ("fairwatch-agent.exe", "0.1.0.0")
    (control,) = table(package("0.1.0"), "ServiceControl")
    stop, stop_on_removal, delete_on_removal = 0x2, 0x20, 0x80
    assert int(control["Event"]) == stop | stop_on_removal | delete_on_removal


@pytest.mark.more
def test_what_it_gives_may_be_given_hidden_and_a_newer_version_is_known(package):
    held = {row["Property"]: row["Value"] for row in table(package("0.1.0"), "Property")}
    assert set(held["MsiHiddenProperties"].split(";")) == {"TOKEN", "COLLECTOR", "ROOT", "HandOver"}
    assert {"TOKEN", "COLLECTOR", "ROOT", "FORMER", "NEWER"} < set(held["SecureCustomProperties"].split(";"))
    assert held["ALLUSERS"] == "1"
    rules = {row["ActionProperty"]: row for row in table(package("0.1.0"), "Upgrade")}
    # https://learn.microsoft.com/windows/win32/msi/upgrade-table: 0x100 and 0x200 take the bounds in, 2 only looks.
    assert (rules["FORMER"]["VersionMax"], rules["FORMER"]["Attributes"]) == ("0.1.0", str(0x100 | 0x200))
    assert (rules["NEWER"]["VersionMin"], rules["NEWER"]["Attributes"]) == ("0.1.0", "2")
    (refusal,) = table(package("0.1.0"), "LaunchCondition")
    assert refusal["Condition"] == "NOT NEWER"
    assert refusal["Description"].count(".") == 1


@pytest.mark.more
def test_each_action_stands_where_it_is_due_and_an_upgrade_takes_neither_token_nor_data(package):
    rows = {row["Action"]: row for row in table(package("0.1.0"), "InstallExecuteSequence")}
    assert {one.name: int(rows[one.name]["Sequence"]) for one in ACTIONS} == {one.name: one.place for one in ACTIONS}
    order = sorted(rows, key=lambda name: int(rows[name]["Sequence"]))
    for earlier, later in (
        ("InstallInitialize", "RemoveExistingProducts"),
        ("RemoveExistingProducts", "ProcessComponents"),
        ("DeleteServices", "TakeBack"),
        ("RemoveFiles", "Sweep"),
        ("Sweep", "Purge"),
        ("UndoHandOver", "HandOver"),
        ("HandOver", "StartServices"),
        ("InstallFinalize", "ForgetTOKEN"),
    ):
        assert order.index(earlier) < order.index(later)
    for name in ("TakeBack", "Purge"):
        assert "NOT UPGRADINGPRODUCTCODE" in rows[name]["Condition"]
    kinds = {row["Action"]: int(row["Type"]) for row in table(package("0.1.0"), "CustomAction")}
    assert kinds == {one.name: one.kind for one in ACTIONS}
