"""A later version is taken in only when everything about it is right; whatever fails, what runs goes on."""

from __future__ import annotations

import errno
import io
import shutil
import sys
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from tuf.api.metadata import TargetFile

from agent.errors import CollectorUnreachable, ReleaseUntried
from agent.http import Fetched
from agent.release import fetch as module
from agent.release.fetch import forget_others, platform_name, self_test, take_in
from agent.release.remembered import Memory, remembered
from agent.release.state import State, read, write
from protocol.releases import file_name, plan

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
WELL = 'import json, sys; print(json.dumps({"version": "1.2.0", "well": True}))'


def archive(starter=WELL, *, but=()):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as opened:
        for name, text in {"start.py": starter, "MANIFEST.sha256": "", "agent/__init__.py": ""}.items():
            if name not in but:
                member = tarfile.TarInfo(name)
                member.size = len(text)
                opened.addfile(member, io.BytesIO(text.encode()))
    return made.getvalue()


@dataclass
class World:
    """A device, and a collector that serves what custodians signed, or whatever a test puts over it."""

    folder: Path
    running: str = "1.1.0"
    ring: Any = "staged"
    signed: dict[str, TargetFile] = field(default_factory=dict)
    served: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def sign(self, version="1.2.0", data=None, first=100):
        data = archive(WELL.replace("1.2.0", version)) if data is None else data
        target = TargetFile.from_data(f"releases/{file_name(version, platform_name())}", data, ["sha256"])
        target.unrecognized_fields["custom"] = {"version": 2, **plan(NOW, first, 7)}
        self.signed[target.path] = target
        self.served[f"releases/{target.hashes['sha256']}.{file_name(version, platform_name())}"] = data
        return target

    def put_over(self, answer):
        self.served = dict.fromkeys(self.served, answer)

    def get(self, path, *, etag=None, max_bytes=0):
        self.asked.append(path)
        answer = self.served[path.removeprefix("/publication/targets/")]
        if isinstance(answer, Exception):
            raise answer
        if len(answer) > max_bytes:
            raise CollectorUnreachable("the answer is longer than it may be")
        return Fetched(answer, None, unchanged=False)

    def take_in(self, now=NOW, **more):
        trusted = SimpleNamespace(delegated={"releases": SimpleNamespace(targets=self.signed)})
        return take_in(
            self.folder, trusted, self, device=UUID(int=1), ring=self.ring, running=self.running, now=now, **more
        )

    def laid_out(self):
        folder = self.folder / "release"
        return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_version_is_fetched_laid_out_tried_and_chosen(world):
    world.sign()
    assert world.take_in() == "version 1.2.0 is chosen"
    assert read(world.folder) == State(version="1.2.0", well=False)
    assert (world.folder / "release/1.2.0/start.py").read_text() == WELL
    assert world.laid_out() == ["1.2.0"]


def test_it_goes_back_to_the_fetched_version_that_ran_before_it(world):
    write_state(world, State(version="1.1.0"))
    world.sign()
    world.take_in()
    assert read(world.folder).before == "1.1.0"


def write_state(world, state):
    (world.folder / "release").mkdir(exist_ok=True)
    write(world.folder, state)


def test_one_at_a_time_nothing_is_fetched_while_one_is_on_probation(world):
    write_state(world, State(version="1.2.0", well=False))
    world.sign("1.3.0")
    assert world.take_in() == ""
    assert world.asked == []


def test_a_probation_that_a_newer_package_ended_keeps_no_later_version_away(world):
    write_state(world, State(version="1.2.0", starts=1, well=False))
    world.running = "1.3.0"
    world.sign("1.4.0")
    assert world.take_in() == "version 1.4.0 is chosen"
    assert read(world.folder) == State(version="1.4.0", well=False)


def test_a_version_that_runs_on_probation_is_looked_at_to_its_end(world):
    write_state(world, State(version="1.2.0", starts=1, well=False))
    world.running = "1.2.0"
    world.sign("1.3.0")
    assert world.take_in() == ""
    assert world.asked == []


def test_neither_an_older_nor_the_same_nor_a_bad_version_is_ever_fetched(world):
    write_state(world, State(version="1.1.5", bad={"1.2.0": "why"}))
    for version in ("1.0.0", "1.1.0", "1.1.5", "1.2.0"):
        world.sign(version)
    assert world.take_in() == ""
    assert world.asked == []
    world.sign("1.2.1")
    assert world.take_in() == "version 1.2.1 is chosen"


def test_a_device_that_comes_last_waits_its_week(world):
    world.ring = "last"
    world.sign(first=10)
    assert world.take_in() == ""
    assert world.take_in(NOW + timedelta(days=7)) == "version 1.2.0 is chosen"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no archive", "its archive can't be read"),
        (archive(but=("start.py",)), "its archive is not a version of the agent"),
        (archive(but=("MANIFEST.sha256",)), "its archive is not a version of the agent"),
        (archive("raise SystemExit(1)"), "its self-test failed"),
        (archive("print('well')"), "its self-test said nothing that is understood"),
        (archive("print([])"), "its self-test said nothing that is understood"),
        (archive(WELL.replace("1.2.0", "1.9.0")), "it calls itself another version than was signed"),
    ],
)
def test_a_version_that_is_wrong_is_never_fetched_again(world, data, why):
    world.sign(data=data)
    assert world.take_in() == f"version 1.2.0 was refused: {why}"
    assert read(world.folder) == State(bad={"1.2.0": why})
    assert world.laid_out() == []
    world.asked.clear()
    assert world.take_in(NOW + timedelta(days=30)) == ""
    assert world.asked == []


@pytest.mark.parametrize(
    ("starter", "why"),
    [
        ("import time; time.sleep(60)", "its self-test did not end in time"),
        ("import os; os.kill(os.getpid(), 9)", "its self-test was ended from outside"),
    ],
)
def test_a_self_test_that_a_busy_laptop_cuts_short_is_tried_again_and_one_that_never_ends_is_refused(
    world, monkeypatch, starter, why
):
    if "sleep" in starter:
        monkeypatch.setattr(module, "SELF_TEST_SECONDS", 0.15)
    world.sign(data=archive(starter))
    for day in (0, 1):
        assert world.take_in(NOW + timedelta(days=day)) == f"version 1.2.0 can't be taken in now: {why}"
        assert world.laid_out() == []
    assert read(world.folder) == State()
    assert world.take_in(NOW + timedelta(days=2)) == f"version 1.2.0 was refused: {why}"
    assert read(world.folder) == State(bad={"1.2.0": why})


def test_a_laptop_that_was_busy_once_takes_the_version_the_next_time(world):
    world.sign()
    answers = iter([ReleaseUntried("its self-test did not end in time"), ""])

    def test(*_):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert "can't be taken in now" in world.take_in(test=test)
    assert world.take_in(NOW + timedelta(days=1), test=test) == "version 1.2.0 is chosen"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"x", "what the collector sent is not what was signed"),
        (b"x" * 10_000_000, "the collector did not answer with it"),
        (CollectorUnreachable("no answer"), "the collector did not answer with it"),
    ],
)
def test_what_was_not_to_be_had_is_asked_for_again_ever_less_often(world, answer, why):
    world.sign()
    whole = dict(world.served)
    world.put_over(answer)
    assert world.take_in() == f"version 1.2.0 can't be taken in now: {why}"
    assert remembered(world.folder) == Memory("1.2.0", 1, NOW + timedelta(hours=1), why)
    now, tries = NOW, 0
    while now < NOW + timedelta(days=7):
        now += timedelta(minutes=15)
        tries += bool(world.take_in(now))
    assert tries <= 12
    assert world.laid_out() == []
    world.served = whole
    assert world.take_in(now + timedelta(days=1)) == "version 1.2.0 is chosen"
    assert remembered(world.folder) == Memory()


def test_a_clock_that_was_set_back_does_not_put_it_off_for_ever(world):
    world.sign()
    whole = dict(world.served)
    world.put_over(CollectorUnreachable("no answer"))
    world.take_in(NOW + timedelta(days=3000))
    world.served = whole
    assert world.take_in(NOW) == "version 1.2.0 is chosen"


def test_a_disk_without_room_is_said_and_nothing_is_fetched(world, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    world.sign()
    assert world.take_in() == "version 1.2.0 can't be taken in now: there is too little room on the disk"
    assert world.asked == []


def test_a_disk_that_fails_while_it_is_laid_out_leaves_nothing(world, monkeypatch):
    def fail(data, folder):
        folder.mkdir()
        (folder / "half").write_text("")
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(module, "unpack", fail)
    world.sign()
    assert world.take_in() == "version 1.2.0 can't be taken in now: the disk fails (OSError)"
    assert world.laid_out() == []
    assert read(world.folder) == State()


@pytest.mark.parametrize("step", ["unpack", "self_test", "choose"])
def test_killed_at_any_step_what_runs_is_still_chosen_and_the_next_time_succeeds(world, monkeypatch, step):
    class Killed(BaseException):
        """What no clean-up of ours sees: it is raised past every handler."""

    world.sign()
    write_state(world, State(version="1.1.0"))

    def kill(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)
        if step == "unpack":
            patched.setattr(module, "unpack", kill)
        elif step == "self_test":
            patched.setattr(module, "self_test", kill)
        else:
            patched.setattr(module.states, "chosen", kill)
        with pytest.raises(Killed):
            world.take_in()
    assert read(world.folder) == State(version="1.1.0")
    assert world.take_in() == "version 1.2.0 is chosen"


def test_what_neither_runs_nor_is_chosen_nor_comes_before_is_forgotten(world):
    write_state(world, State(version="1.2.0", before="1.1.0", well=False))
    for name in ("1.0.0", "1.1.0", "1.2.0", "unfinished"):
        (world.folder / "release" / name).mkdir()
    forget_others(world.folder, "1.2.0")
    assert world.laid_out() == ["1.1.0", "1.2.0"]
    forget_others(world.folder / "nothing", "1.2.0")


def test_a_version_that_does_not_say_who_takes_it_stops_nothing_else(world):
    target = world.sign()
    del target.unrecognized_fields["custom"]["since"]
    assert "doesn't say which devices" in world.take_in()
    assert read(world.folder) == State()


def test_the_test_is_run_by_this_python_without_anything_of_its_surroundings(tmp_path):
    folder = tmp_path / "1.2.0"
    folder.mkdir()
    (folder / "start.py").write_text(
        "import json, sys\n"
        f"assert sys.executable == {sys.executable!r} and sys.flags.isolated and sys.flags.no_site\n"
        "assert sys.argv[1:] == ['self-test', '--data-dir', 'DATA', '--json'], sys.argv\n"
        'print(json.dumps({"version": "1.2.0"}))\n'
    )
    assert self_test(folder, Path("DATA")) == ""
