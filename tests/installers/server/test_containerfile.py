"""The container file and its compose example name what is there, agree with each other, and run nothing as root."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from installers.linux.closure import TOP
from installers.linux.contents import COLLECTOR
from server.__main__ import COMMANDS
from server.__main__ import main as server
from server.start import DEFAULT_DATA_DIR

FOLDER = TOP / "installers/server"
TEXT = (FOLDER / "Containerfile").read_text()
STEPS = [
    (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
    for line in re.sub(r"\\\n", " ", TEXT).splitlines()
    if line and not line.startswith("#")
]
SERVICE = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["collector"]


def step(name):
    return [words for one, words in STEPS if one == name]


def test_it_installs_the_package_that_is_made_here_and_fetches_nothing_else_but_from_the_distribution():
    (installs,) = [words for words in step("RUN") if "apt-get" in words]
    assert installs.startswith("--mount=type=bind,target=/dist ")
    assert f"/dist/{COLLECTOR.name}_*.deb" in installs
    assert not step("ADD") + step("COPY")
    assert not any(word in TEXT for word in ("curl", "wget", "pip ", "http:", "https:"))


def test_it_runs_as_an_account_without_powers_that_has_the_same_number_everywhere():
    (user,) = step("USER")
    number = user.partition(":")[0]
    assert int(number) > 0
    assert user == SERVICE["user"]
    assert f"--uid {number}" in TEXT
    assert STEPS.index(("USER", user)) > max(n for n, (name, _) in enumerate(STEPS) if name == "RUN")


def test_it_writes_into_one_volume_and_memory_alone():
    assert step("VOLUME") == [str(DEFAULT_DATA_DIR)]
    assert SERVICE["volumes"] == [f"collector:{DEFAULT_DATA_DIR}"]
    assert SERVICE["read_only"] is True
    assert [one.partition(":")[0] for one in SERVICE["tmpfs"]] == ["/tmp"]
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert not SERVICE.keys() & {"privileged", "cap_add", "network_mode", "pid", "devices"}


def test_its_ports_need_no_power_of_root_and_are_those_that_compose_leads_to():
    inside = [one.rpartition(":")[2] for one in SERVICE["ports"]]
    assert step("EXPOSE")[0].split() == inside
    assert all(int(one) >= 1024 for one in inside)


def test_the_commands_that_it_names_are_there(capsys):
    assert step("ENTRYPOINT") == ['["fairwatch-server"]']
    assert ("/usr/bin/fairwatch-server", f"{COLLECTOR.home}/start.py") in COLLECTOR.links
    (command,) = json.loads(step("CMD")[0])
    assert command in COMMANDS
    words = json.loads(step("HEALTHCHECK")[0].partition(" CMD ")[2])
    assert ["CMD", *words] == SERVICE["healthcheck"]["test"]
    with pytest.raises(SystemExit) as ended:
        server([*words[1:], "--help"])
    assert ended.value.code == 0
    assert "--alive" in capsys.readouterr().out


def test_the_times_of_its_health_are_the_same_in_both():
    told = dict(re.findall(r"--([a-z-]+)=(\w+)", step("HEALTHCHECK")[0]))
    asked = {name.replace("_", "-"): str(value) for name, value in SERVICE["healthcheck"].items() if name != "test"}
    assert told == asked
