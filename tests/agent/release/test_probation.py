"""A new version shows that it is well, or is left; a later one that was chosen is begun."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.release import probation as module
from agent.release.probation import ALONE_MAX_SECONDS, WELL_AFTER_SECONDS, Probation
from agent.release.remembered import Memory, remember
from agent.release.state import State, read, write

ON_PROBATION = State(version="1.2.0", before="1.1.0", starts=1, well=False)


class Device:
    def __init__(self, folder, running="1.2.0"):
        self.folder, self.running = folder, running
        self.up, self.reached, self.ruled, self.begun = 1000.0, datetime.now(UTC), True, 0
        (folder / "release").mkdir(exist_ok=True)

    def start(self):
        def begin():
            self.begun += 1

        return Probation(
            self.folder,
            self.running,
            reached=lambda: self.reached,
            ruled=lambda: self.ruled,
            up_seconds=lambda: self.up,
            begin_anew=begin,
        )


@pytest.fixture
def device(tmp_path):
    found = Device(tmp_path)
    write(tmp_path, ON_PROBATION)
    return found


def test_ten_minutes_with_rules_and_a_collector_that_answers_end_the_probation(device):
    running = device.start()
    device.up += WELL_AFTER_SECONDS - 1
    running.look()
    assert not read(device.folder).well
    device.up += 1
    running.look()
    assert read(device.folder) == State(version="1.2.0", before="1.1.0", well=True)
    assert device.begun == 0


@pytest.mark.parametrize(("what", "why"), [("reached", "did not reach"), ("ruled", "had no rules")])
def test_a_version_that_is_alone_for_hours_is_left_and_never_tried_again(device, what, why):
    setattr(device, what, None)
    running = device.start()
    device.up += ALONE_MAX_SECONDS - 1
    running.look()
    assert read(device.folder) == ON_PROBATION
    device.up += 1
    running.look()
    after = read(device.folder)
    assert (after.version, after.well, device.begun) == ("1.1.0", True, 1)
    assert why in after.bad["1.2.0"]


def test_an_end_in_order_does_not_speak_against_it(device):
    device.start().ended()
    assert read(device.folder).starts == 0


def test_a_later_version_is_begun_once_however_often_it_is_looked_at(device):
    device.running = "1.1.0"
    write(device.folder, State(version="1.1.0"))
    running = device.start()
    running.look()
    assert device.begun == 0
    write(device.folder, ON_PROBATION)
    running.look()
    running.look()
    assert device.begun == 1


def test_one_that_was_chosen_before_the_start_and_does_not_run_is_no_reason_to_begin_again(device):
    device.running = "1.1.0"
    running = device.start()
    running.look()
    running.ended()
    assert device.begun == 0
    assert read(device.folder) == ON_PROBATION


def test_a_disk_that_refuses_ends_nothing(device, monkeypatch):
    def refuse(*_):
        raise OSError(28, "full")

    monkeypatch.setattr(module.states, "write", refuse)
    running = device.start()
    device.up += WELL_AFTER_SECONDS
    running.look()
    running.ended()
    assert read(device.folder) == ON_PROBATION


def test_it_is_told_which_version_was_left_and_why(device):
    device.running = "1.1.0"
    write(device.folder, State(version="1.1.0", bad={"1.2.0": "its self-test failed", "1.0.0": "old"}))
    told = device.start().health()
    assert (told.name, told.state) == ("update", "failing")
    assert told.reason == "Version 1.2.0 was left: its self-test failed. Version 1.1.0 runs on."


def test_it_is_told_why_one_can_not_be_taken_in_until_a_later_one_runs(device):
    device.running = "1.1.0"
    write(device.folder, State())
    remember(device.folder, Memory("1.2.0", 1, None, "there is too little room on the disk"))
    told = device.start().health()
    assert (told.state, told.reason) == (
        "unknown", "Version 1.2.0 can't be taken in yet: there is too little room on the disk."
    )  # fmt: skip
    device.running = "1.2.0"
    assert device.start().health().state == "working"


def test_a_device_that_never_fetched_any_is_working(tmp_path):
    assert Device(tmp_path).start().health().state == "working"
