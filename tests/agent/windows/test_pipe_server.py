"""The service's pipe is for who is signed in here: not over the network, and not for a program that was there first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.windows import pipe_end, pipe_server
from agent.windows.pipe_server import ACCESS, PipeServer
from tests.agent.windows.answers import Library, fill

FIRST, REJECT_REMOTE = 0x00080000, 0x8


class Machine:
    """A machine on which one comes to the pipe when the test says so."""

    def __init__(self) -> None:
        self.made: list[tuple[int, int]] = []
        self.waited: list[int] = []
        self.connecting: Any = None
        self.closed: list[int] = []
        self.described: list[str] = []
        self.taken = False
        self.on_wait = lambda: None
        kernel = Library(
            CreateNamedPipeW=self._make,
            ConnectNamedPipe=lambda pipe, overlapped: self._begin(overlapped, connects=True),
            CreateFileW=lambda *_: None,
            ReadFile=lambda pipe, into, room, moved, overlapped: self._begin(overlapped),
            WriteFile=lambda pipe, data, size, moved, overlapped: self._begin(overlapped),
            GetOverlappedResult=lambda pipe, overlapped, moved, wait: 1,
            CancelIoEx=lambda pipe, overlapped: 1,
            CreateEventW=lambda *_: 5,
            SetEvent=lambda event: 1,
            ResetEvent=lambda event: 1,
            CloseHandle=lambda handle: self.closed.append(handle),
            WaitForSingleObject=self._wait,
            LocalFree=lambda place: None,
        )
        advapi = Library(ConvertStringSecurityDescriptorToSecurityDescriptorW=self._describe)
        self.server = PipeServer(Path("/data/session.sock"), accounts=self, kernel32=kernel, advapi32=advapi)  # type: ignore[arg-type]

    def of_pipe_client(self, pipe: int) -> str | None:
        return f"S-1-5-21-{pipe}"

    def _make(self, name, mode, kind, number, out, into, wait, attributes) -> int:
        self.made.append((mode, kind))
        return 2**64 - 1 if self.taken else 100 + len(self.made)

    def _begin(self, overlapped: Any, *, connects: bool = False) -> int:
        overlapped._obj.internal = 0x103
        if connects:
            self.connecting = overlapped._obj
        return 0

    def _describe(self, text: str, revision: int, into: Any, size: None) -> int:
        self.described.append(text)
        return fill(into, 3)

    def _wait(self, event: int, milliseconds: int) -> int:
        self.waited.append(event)
        self.on_wait()
        return 0

    def comes(self) -> None:
        self.connecting.internal = 0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(pipe_end, "last_error", lambda: 997)
    # What is cancelled never ends on this machine.
    monkeypatch.setattr(pipe_end, "_CANCELLED_WITHIN_SECONDS", 0.01)
    monkeypatch.setattr(pipe_server, "last_error", lambda: 5)
    return Machine()


def test_it_insists_on_being_the_first_and_refuses_other_machines(machine: Machine) -> None:
    machine.server.listen()
    ((mode, kind),) = machine.made
    assert mode & FIRST
    assert kind & REJECT_REMOTE
    assert machine.described == [ACCESS]
    assert ACCESS.startswith("D:P(D;;GA;;;NU)"), "who comes over the network is refused before anybody is let in"


def test_a_name_that_another_program_took_is_an_error_and_no_quiet_second_place(machine: Machine) -> None:
    machine.taken = True
    with pytest.raises(OSError, match="another program"):
        machine.server.listen()


def test_who_comes_is_told_by_windows_and_the_next_may_come(machine: Machine) -> None:
    machine.server.listen()
    machine.on_wait = machine.comes
    assert machine.server.turn() == (True, [])
    number, _end, sid = machine.server.accept() or (0, None, None)
    assert (number, sid) == (1, "S-1-5-21-101")
    assert [mode & FIRST for mode, _ in machine.made] == [FIRST, 0]
    machine.on_wait = lambda: None
    assert machine.server.turn() == (False, [])


def test_waking_ends_a_wait_that_has_not_begun(machine: Machine) -> None:
    machine.server.listen()
    machine.server.wake()
    assert machine.server.turn() == (False, [])
    assert machine.waited == []
    machine.server.turn()
    assert machine.waited == [5]


def test_one_is_told_as_writable_only_where_that_was_asked(machine: Machine) -> None:
    machine.server.listen()
    machine.comes()
    machine.server.turn()
    accepted = machine.server.accept()
    assert accepted is not None
    machine.server.watch_writing(1, writes=True)
    assert machine.server.turn() == (False, [(1, False, True)])
    machine.server.forget(1)
    machine.server.watch_writing(1, writes=True)
    assert machine.server.turn() == (False, [])


def test_while_no_further_end_can_be_made_who_came_waits_and_comes_in_once_it_can(machine: Machine) -> None:
    machine.server.listen()
    machine.comes()
    machine.taken = True
    for _ in range(2):
        assert machine.server.turn() == (True, [])
        assert machine.server.accept() is None
    machine.taken = False
    assert machine.server.turn() == (True, [])
    accepted = machine.server.accept()
    assert accepted is not None
    assert accepted[0] == 1


def test_one_of_whom_windows_can_not_say_who_they_are_is_let_go(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.server.listen()
    machine.comes()
    monkeypatch.setattr(machine, "of_pipe_client", lambda _pipe: 1 / 0)
    machine.server.turn()
    with pytest.raises(ZeroDivisionError):
        machine.server.accept()
    assert machine.server._peers == {}
    assert 101 in machine.closed


def test_closing_lets_everybody_go(machine: Machine) -> None:
    machine.server.listen()
    machine.comes()
    machine.server.turn()
    machine.server.accept()
    machine.server.close()
    assert {101, 102, 5} <= set(machine.closed)


@pytest.mark.more
def test_on_windows_many_may_wait_at_once_and_each_is_its_own(wine, tmp_path: Path) -> None:
    from tests.agent.windows.wine_python import as_windows

    said = wine.run(
        "import sys; from pathlib import Path\n"
        "from agent.windows.pipe_server import PipeServer; from agent.windows.pipe_client import connect\n"
        "path = Path(sys.argv[1], 'session.sock'); server = PipeServer(path); server.listen(); ends = []\n"
        "for turn in range(70):\n"
        "    ends.append(connect(path)); came, _ = server.turn(); number, end, sid = server.accept()\n"
        "    ends[-1].send(b'%d' % turn); ends.append(end)\n"
        "heard = set()\n"
        "while len(heard) < 70:\n"
        "    for number, reads, _ in server.turn()[1]:\n"
        "        heard.add((number, ends[2 * number - 1].recv(1)))\n"
        "print(heard == {(number + 1, b'%d' % number) for number in range(70)}); server.close()",
        as_windows(tmp_path),
    )
    assert said == "True\n"


@pytest.mark.more
def test_on_windows_a_server_that_was_begun_in_another_thread_leaves_nothing_that_windows_writes_to(
    wine, tmp_path: Path
) -> None:
    from tests.agent.windows.wine_python import as_windows

    said = wine.run(
        "import sys, threading, time; from pathlib import Path\n"
        "from agent.windows.pipe_server import PipeServer\n"
        "def leave(): server.wake(); server.close(); found.add(connecting._overlapped.internal)\n"
        "found = set()\n"
        "for turn in range(150):\n"
        "    server = PipeServer(Path(sys.argv[1], 'session.sock')); server.listen()\n"
        "    connecting, end = server._connecting, time.monotonic() + 0.02\n"
        "    thread = threading.Thread(target=leave); thread.start()\n"
        "    while time.monotonic() < end: sum(range(1000))\n"
        "    thread.join()\n"
        "print(list(map(hex, found)))",
        as_windows(tmp_path),
    )
    assert said == "['0xc0000120']\n"
