"""Whose programs run on this machine: people's, and neither the system's own accounts nor those of its services."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agent.people_here import LOOK_AGAIN_SECONDS, PeopleHere, is_person


@pytest.mark.parametrize(
    ("uid", "person"),
    [(0, False), (999, False), (1000, True), (59_999, True), (60_001, True), (61_184, False), (65_519, False),
     (65_534, False), (65_536, True), (1_234_001_107, True)],
)  # fmt: skip
def test_people_have_the_numbers_that_systems_give_to_people(uid: int, person: bool) -> None:
    assert is_person(uid) is person


@pytest.mark.skipif(os.getuid() != 0, reason="only root may run a program as somebody else")
def test_who_runs_a_program_is_here_and_is_gone_with_it() -> None:
    at = 0.0
    here = PeopleHere({4211: "sam"}.get, monotonic=lambda: at)
    sam, other = (subprocess.Popen(["sleep", "60"], user=uid) for uid in (4211, 4212))
    try:
        assert {"sam", "4212"} <= here()
    finally:
        for child in (sam, other):
            child.kill()
            child.wait()
    assert "sam" in here()
    at += LOOK_AGAIN_SECONDS
    assert not {"sam", "4212"} & here()


def test_a_process_that_ends_meanwhile_and_what_is_no_process_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "12").symlink_to(tmp_path / "gone")
    (tmp_path / "self").mkdir()
    (tmp_path / "13").mkdir()
    os.chown(tmp_path / "13", os.getuid(), -1)
    found = PeopleHere(lambda _uid: "me", processes=tmp_path)()
    assert found == ({"me"} if is_person(os.getuid()) else frozenset())


def test_on_windows_people_are_those_whose_sid_is_an_accounts_of_the_machine_a_domain_or_entra() -> None:
    sids = ("S-1-5-18", "S-1-5-21-1-2-3-1001", "S-1-12-1-4-5-6-7", "S-1-5-90-0-1", "S-1-5-32-544")
    names = {"S-1-5-21-1-2-3-1001": "sam"}
    assert PeopleHere(names.get, owners=lambda: sids)() == {"sam", "S-1-12-1-4-5-6-7"}
