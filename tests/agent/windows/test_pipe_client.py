"""A session part speaks with the service alone: a false one at its name is not spoken to, and gains no rights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.windows import pipe_client, pipe_end
from agent.windows.pipe_client import SERVICES, connect
from agent.windows.pipe_end import Calls
from tests.agent.windows.answers import Library

OWN, ANOTHER = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"
IDENTIFICATION_ONLY = 0x00110000
CREATE_INSTANCE = 0x4


class Machine:
    """A machine with a pipe of that owner."""

    def __init__(self, owner: str | None, *, there: bool = True) -> None:
        self.owner, self.there = owner, there
        self.opened: list[tuple[int, int]] = []
        self.closed: list[int] = []
        none = lambda *_: 1  # noqa: E731 - what is not looked at here
        self.calls = Calls(
            Library(
                CreateNamedPipeW=none, ConnectNamedPipe=none, WriteFile=none, GetOverlappedResult=none, CancelIoEx=none,
                SetEvent=none, ResetEvent=none, CreateEventW=none,
                CreateFileW=self._open,
                ReadFile=self._read,
                CloseHandle=lambda handle: self.closed.append(handle),
            )
        )  # fmt: skip

    def owner_of_pipe(self, pipe: int) -> str | None:
        return self.owner

    def maker(self) -> str:
        return OWN

    def _open(self, name, rights, share, attributes, how, flags, template) -> int:
        self.opened.append((rights, flags))
        return 9 if self.there else 2**64 - 1

    def _read(self, pipe: int, into: Any, room: int, moved: None, overlapped: Any) -> int:
        overlapped._obj.internal = 0x103
        return 0

    def connect(self) -> pipe_end.PipeEnd:
        return connect(Path("/data/session.sock"), calls=self.calls, accounts=self)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe_end, "last_error", lambda: 997)
    monkeypatch.setattr(pipe_client, "last_error", lambda: 2)


@pytest.mark.parametrize("owner", [*sorted(SERVICES), OWN])
def test_the_service_is_spoken_to_and_may_only_learn_who_this_is(owner: str) -> None:
    machine = Machine(owner)
    assert machine.connect().pipe == 9
    ((rights, flags),) = machine.opened
    assert flags & 0x001F0000 == IDENTIFICATION_ONLY
    assert not rights & CREATE_INSTANCE, "the access list would refuse whoever asks for that"


@pytest.mark.parametrize("owner", [ANOTHER, None])
def test_a_false_service_is_not_spoken_to(owner: str | None) -> None:
    machine = Machine(owner)
    with pytest.raises(OSError, match="not the service"):
        machine.connect()
    assert machine.closed == [9]


def test_a_service_that_is_not_there_is_an_error_that_may_pass() -> None:
    with pytest.raises(FileNotFoundError):
        Machine(None, there=False).connect()


@pytest.mark.more
def test_on_windows_a_service_of_this_very_account_is_believed(wine, tmp_path: Path) -> None:
    from tests.agent.windows.wine_python import as_windows

    said = wine.run(
        "import sys; from pathlib import Path\n"
        "from agent.windows.pipe_server import PipeServer; from agent.windows.pipe_client import connect\n"
        "path = Path(sys.argv[1], 'session.sock'); server = PipeServer(path); server.listen()\n"
        "print(connect(path).send(b'here')); server.close()",
        as_windows(tmp_path),
    )
    assert said == "4\n"
