"""The units are hardened, start the programs that the package has, and the notice is started at every sign-in, once."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest

from agent import ending
from installers.linux.contents import PACKAGES

TOP = Path(__file__).parents[3]
PLACED = {placed.target: placed for package in PACKAGES for placed in package.files}
LINKS = {place: points_to for package in PACKAGES for place, points_to in package.links}
SERVICES = sorted(target for target in PLACED if target.endswith(".service"))
MOST_EXPOSED = 2.5


def words(target: str) -> list[tuple[str, str]]:
    lines = (TOP / PLACED[target].source).read_text("utf-8").splitlines()
    return [(key, value) for key, is_set, value in (line.partition("=") for line in lines) if is_set and key[0] != "#"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_hardened_by_systemds_own_measure(service):
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", TOP / PLACED[service].source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    told = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert told is not None, done.stderr
    assert float(told[1]) <= MOST_EXPOSED
    assert "Unknown" not in done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_a_program_that_its_package_places(service):
    programs = [value.split()[0] for key, value in words(service) if key == "ExecStart"]
    assert programs
    assert set(programs) <= set(LINKS) | set(PLACED)


def test_the_agent_is_kept_under_the_outer_net_and_leaves_no_dump():
    said = dict(words("/usr/lib/systemd/system/fairwatch-agent.service"))
    assert int(said["CPUQuota"].removesuffix("%")) <= 20
    assert int(said["MemoryMax"].removesuffix("M")) <= 260
    assert said["LimitCORE"] == "0"
    assert said["StateDirectoryMode"] == "0755", "people's session parts reach the socket in it"
    assert said["Restart"] == "on-failure"


@pytest.mark.parametrize("service", ["fairwatch-agent", "fairwatch-collector"])
def test_systemd_never_gives_up_on_a_service_but_for_what_only_a_person_mends(service):
    said = dict(words(f"/usr/lib/systemd/system/{service}.service"))
    assert said["StartLimitIntervalSec"] == "0", "what it gives up on stays off until the next boot"
    assert "StartLimitBurst" not in said
    assert said["Restart"] == "on-failure"
    assert int(said["RestartSec"]) >= 15, "a start costs a second of the processor"
    assert said["RestartPreventExitStatus"] == str(ending.STAYS)


def test_what_a_target_wants_is_placed_beside_it():
    for place, points_to in LINKS.items():
        if ".wants/" in place:
            assert str((Path(place).parent / points_to).parts[-1]) in {Path(target).name for target in PLACED}
            assert f"{Path(place).parents[1]}/{Path(points_to).name}" in PLACED


def test_the_session_part_is_started_in_one_way_alone():
    copied = [one for one in PLACED.values() if one.source]
    starters = [one for one in copied if "fairwatch-agent session" in (TOP / one.source).read_text("utf-8")]
    assert [one.target for one in starters] == ["/etc/xdg/autostart/fairwatch-session.desktop"]
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str
    entry.read(TOP / starters[0].source)
    assert entry["Desktop Entry"]["Exec"] == "/usr/bin/fairwatch-agent session"
    assert entry["Desktop Entry"]["Exec"].split()[0] in LINKS
    assert "Hidden" not in entry["Desktop Entry"]


def test_the_shell_of_the_packages_is_well_formed():
    scripts = [path for package in PACKAGES for _, path in (*package.scripts, *package.rpm_scripts)]
    scripts += [one.source for one in PLACED.values() if one.source.endswith(".sh")]
    assert scripts
    for path in scripts:
        assert subprocess.run(["sh", "-n", TOP / path], timeout=10, check=False).returncode == 0, path
