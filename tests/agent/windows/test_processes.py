"""A process is its account's, and the program that Windows says; what may not be asked is told from what has ended."""

from __future__ import annotations

import json

import pytest

from agent.windows import processes
from agent.windows.processes import ProcessTable
from tests.agent.windows.answers import Library, fill

SAM, PROTECTED, GONE, KERNEL = 10, 4, 99, 8
SID, PATH = "S-1-5-21-1-2-3-1001", r"C:\Program Files\App\app.exe"


class Machine:
    """A machine with one person's process, a protected one, and the system's own."""

    def __init__(self) -> None:
        self.closed: list[int] = []
        self.error = 0
        kernel = Library(
            OpenProcess=self._open, CloseHandle=lambda handle: self.closed.append(handle),
            QueryFullProcessImageNameW=self._image,
        )  # fmt: skip
        self.table = ProcessTable(kernel, self)  # type: ignore[arg-type]

    def of_process(self, process: int) -> str | None:
        return SID if process == 100 + SAM else None

    def _open(self, rights: int, inherit: int, pid: int) -> int:
        assert rights == 0x1000, "no more than the two answers take"
        self.error = {PROTECTED: 5, GONE: 87}.get(pid, 0)
        return 0 if self.error else 100 + pid

    def _image(self, process: int, kind: int, into, size) -> int:
        return int(process == 100 + SAM) and fill(into, PATH)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(processes, "last_error", lambda: made.error)
    return made


def test_a_process_is_its_accounts_and_its_programs(machine: Machine) -> None:
    assert (machine.table.owner(SAM), machine.table.executable(SAM)) == (SID, PATH)
    assert machine.closed == [110, 110]


def test_what_may_not_be_asked_is_told_from_what_has_ended(machine: Machine) -> None:
    for ask in (machine.table.owner, machine.table.executable):
        with pytest.raises(PermissionError):
            ask(PROTECTED)
        with pytest.raises(ProcessLookupError):
            ask(GONE)
    with pytest.raises(PermissionError):
        machine.table.owner(KERNEL)
    with pytest.raises(OSError, match="names no program"):
        machine.table.executable(KERNEL)
    assert machine.closed == [108, 108]


RUNNING = """
import getpass, json, os, subprocess, sys
from datetime import UTC, datetime, timedelta
from uuid import UUID
from agent import this_system
from agent.session.address import person_of_uid
from agent.sources.processes import Processes
from agent.windows.processes import table
me = getpass.getuser().lower()
found = []
other = subprocess.Popen(["ping.exe", "-n", "60", "127.0.0.1"], stdout=subprocess.DEVNULL)
source = Processes(
    UUID(int=1), lambda batch: found.extend(batch.observations), lambda name: name == "windows:exe:ping.exe",
    lambda person: datetime.now(UTC) - timedelta(hours=1), lambda: datetime.now(UTC),
    identities=this_system.identities(), person_of_uid=person_of_uid,
)
source.sweep()
here = this_system.people_here()()
other.kill()
print(json.dumps({
    "own": table().executable(os.getpid()) == sys.executable,
    "seen": [[one.person == me, one.name, one.seconds] for one in found],
    "health": source.health().state,
    "here": sorted(person == me for person in here),
}))
"""


@pytest.mark.more
def test_on_windows_a_listed_program_is_seen_for_the_person_who_runs_it(wine) -> None:
    assert json.loads(wine.run(RUNNING)) == {
        "own": True,
        "seen": [[True, "windows:exe:ping.exe", None]],
        "health": "working",
        "here": [True],
    }
