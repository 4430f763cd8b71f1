"""Listed apps that run are seen by their executable, for the right person, once and then hourly, with no arguments."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from agent.observation import Batch
from agent.session.address import person_of_uid
from agent.session.identity import DesktopIndex, executable_identity
from agent.sources.processes import AGAIN_SECONDS, FORGET_SECONDS, SWEEP_SECONDS, Processes

DEVICE = UUID("00000000-0000-4000-8000-000000000001")
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
LISTED = "linux:exe:fairwatch-listed"
ME = pwd.getpwuid(os.getuid()).pw_name


class Watch:
    """The source with a clock of our own and what it emitted."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.notice: dict[str, datetime] = {ME: AT - timedelta(hours=1), "nobody": AT - timedelta(hours=1)}
        self.batches: list[Batch] = []
        self.emit: Callable[[Batch], None] = self.batches.append
        self.source = Processes(
            DEVICE,
            lambda batch: self.emit(batch),
            lambda identity: identity == LISTED,
            lambda person: self.notice.get(person),
            lambda: AT + timedelta(seconds=self.now - 1000),
            identities=lambda path: filter(None, [executable_identity(path)]),
            person_of_uid=person_of_uid,
            monotonic=lambda: self.now,
        )

    def said(self, after_seconds: float = 0.0) -> list[tuple[str, str]]:
        """Sweep that much later, and give who and what was emitted by it."""
        self.now += after_seconds
        before = len(self.batches)
        self.source.sweep()
        return [(seen.person, seen.name) for batch in self.batches[before:] for seen in batch.observations]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A listed program: a copy of `sleep` under a name that no other process has."""
    return Path(shutil.copy(shutil.which("sleep") or "", tmp_path / "fairwatch-listed"))


@pytest.fixture
def running(program: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([program, "600.25"])
    wait_for_exec(child, program)
    yield child
    child.kill()
    child.wait()


def wait_for_exec(child: subprocess.Popen[bytes], program: Path) -> None:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child.pid}/exe").readlink() != program:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_listed_app_that_runs_is_seen_once_and_again_only_after_an_hour(
    watch: Watch, running: subprocess.Popen[bytes]
) -> None:
    assert watch.said() == [(ME, LISTED)]
    assert watch.said(SWEEP_SECONDS) == []
    assert watch.said(AGAIN_SECONDS) == [(ME, LISTED)]


def test_running_is_not_use_so_no_seconds_are_claimed_and_no_argument_is_told(
    watch: Watch, running: subprocess.Popen[bytes]
) -> None:
    watch.source.sweep()
    (batch,) = watch.batches
    (seen,) = batch.observations
    assert (seen.kind, seen.seconds, seen.source, seen.started) == ("app", None, "processes", AT)
    assert "600.25" not in repr(batch)
    assert batch.bookmark is None


def test_an_app_that_ended_and_starts_again_later_is_seen_again(
    watch: Watch, running: subprocess.Popen[bytes], program: Path
) -> None:
    assert watch.said() == [(ME, LISTED)]
    running.kill()
    running.wait()
    assert watch.said(FORGET_SECONDS) == []
    again = subprocess.Popen([program, "600"])
    try:
        wait_for_exec(again, program)
        assert watch.said(1) == [(ME, LISTED)]
    finally:
        again.kill()
        again.wait()


def test_an_app_that_no_list_names_is_not_told(watch: Watch) -> None:
    child = subprocess.Popen(["sleep", "600"])
    try:
        assert watch.said() == []
    finally:
        child.kill()
        child.wait()
    assert watch.source.health().state == "working"


def test_nothing_is_told_of_a_person_who_has_not_had_the_notice(watch: Watch, running: subprocess.Popen[bytes]) -> None:
    watch.notice.clear()
    assert watch.said() == []
    watch.notice[ME] = AT + timedelta(hours=1)
    assert watch.said(1) == []
    assert watch.said(3700) == [(ME, LISTED)]


def test_what_could_not_be_kept_is_said_again(watch: Watch, running: subprocess.Popen[bytes]) -> None:
    def full(batch: Batch) -> None:
        raise OSError("full")

    watch.emit = full
    with pytest.raises(OSError, match="full"):
        watch.source.sweep()
    assert watch.source.health().state == "failing"
    watch.emit = watch.batches.append
    assert watch.said(1) == [(ME, LISTED)]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may run a program as another account")
def test_each_app_counts_for_the_account_that_runs_it(watch: Watch, program: Path) -> None:
    shared = Path("/tmp") / f"fairwatch-test-{os.getpid()}" / program.name
    shared.parent.mkdir(mode=0o755)
    shutil.copy(program, shared)
    child = subprocess.Popen([shared, "600"], user="nobody", group="nogroup", extra_groups=[])
    try:
        wait_for_exec(child, shared)
        assert watch.said() == [("nobody", LISTED)]
    finally:
        child.kill()
        child.wait()
        shutil.rmtree(shared.parent)


def test_a_sweep_costs_less_than_a_twentieth_of_a_percent_of_a_core(watch: Watch) -> None:
    watch.source.sweep()
    before = time.process_time()
    for _ in range(5):
        watch.source.sweep()
    assert (time.process_time() - before) / 5 < 0.0005 * SWEEP_SECONDS


def test_a_list_may_name_an_app_by_its_desktop_id(
    tmp_path: Path, running: subprocess.Popen[bytes], program: Path
) -> None:
    folder = tmp_path / "applications"
    folder.mkdir()
    (folder / "org.example.Listed.desktop").write_text(f"[Desktop Entry]\nType=Application\nExec={program} %U\n")
    batches: list[Batch] = []
    source = Processes(
        DEVICE,
        batches.append,
        lambda identity: identity == "linux:org.example.Listed",
        {ME: AT}.get,
        lambda: AT,
        identities=DesktopIndex([folder]).identities,
        person_of_uid=person_of_uid,
    )
    source.sweep()
    assert [seen.name for batch in batches for seen in batch.observations] == ["linux:org.example.Listed"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another account")
def test_a_service_that_may_not_look_at_a_persons_programs_says_unknown(running: subprocess.Popen[bytes]) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        watch = Watch()
        watch.source.sweep()
        os.write(write, watch.source.health().state.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as said:
        assert said.read() == "unknown"


def test_a_list_of_what_runs_that_can_not_be_had_is_told_until_it_can(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> list[int]:
        raise OSError("no more files")

    with monkeypatch.context() as at_first:
        at_first.setattr("psutil.pids", none)
        with pytest.raises(OSError, match="no more"):
            watch.said()
    assert watch.source.health().state == "failing"
    watch.said()
    assert watch.source.health().state == "working"
