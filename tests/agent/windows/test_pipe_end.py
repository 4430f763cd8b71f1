"""An end of a pipe is used as a socket that does not block is, and lets go of nothing that Windows still writes to."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.windows import pipe_end
from agent.windows.pipe_end import Calls, Operation, PipeEnd, pipe_name
from tests.agent.devices import until
from tests.agent.windows.answers import Library, fill

PENDING = 0x103
CANCELLED = 0xC0000120


class Kernel:
    """A pipe whose operations end when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: dict[str, Any] = {}
        self.into: Any = None
        self.written: list[bytes] = []
        self.cancelled, self.closed = 0, list[int]()
        self.ends_when_cancelled: Callable[[Any], None] = lambda operation: setattr(operation, "internal", CANCELLED)
        self.broken = False
        self.size = 0
        none = lambda *_: 1  # noqa: E731 - what is not looked at here
        self.calls = Calls(
            Library(
                CreateNamedPipeW=none, ConnectNamedPipe=none, CreateFileW=none, ResetEvent=none, SetEvent=none,
                CreateEventW=lambda *_: 50,
                ReadFile=self._read,
                WriteFile=self._write,
                GetOverlappedResult=lambda pipe, overlapped, moved, wait: not self.broken and fill(moved, self.size),
                CancelIoEx=self._cancel,
                CloseHandle=lambda handle: self.closed.append(handle),
            )
        )  # fmt: skip
        monkeypatch.setattr(pipe_end, "last_error", lambda: 109 if self.broken else 997)

    def _read(self, pipe: int, into: Any, room: int, moved: None, overlapped: Any) -> int:
        self.into = into
        return self._begin("read", overlapped)

    def _write(self, pipe: int, data: Any, size: int, moved: None, overlapped: Any) -> int:
        self.written.append(data.raw)
        return self._begin("write", overlapped)

    def _begin(self, kind: str, overlapped: Any) -> int:
        self.begun[kind] = overlapped._obj
        overlapped._obj.internal = PENDING
        return 0

    def _cancel(self, pipe: int, overlapped: Any) -> int:
        self.cancelled += 1
        self.ends_when_cancelled(overlapped._obj)
        return 1

    def end(self, kind: str, data: bytes = b"") -> None:
        if kind == "read":
            self.into[: len(data)] = data
        self.size = len(data)
        self.begun[kind].internal = 0


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


def test_what_came_is_given_once_and_then_there_is_nothing(kernel: Kernel) -> None:
    end = PipeEnd(kernel.calls, 9)
    assert not end.can_read
    with pytest.raises(BlockingIOError):
        end.recv(1)
    kernel.end("read", b"hello\n")
    assert end.can_read
    assert end.recv(1) == b"hello\n"
    with pytest.raises(BlockingIOError):
        end.recv(1)


def test_the_end_of_the_other_is_an_empty_read_for_ever(kernel: Kernel) -> None:
    end = PipeEnd(kernel.calls, 9)
    kernel.broken = True
    kernel.end("read")
    assert [end.recv(1), end.recv(1)] == [b"", b""]
    assert end.can_read
    with pytest.raises(OSError, match="has gone"):
        end.send(b"late")


def test_a_second_write_waits_for_the_first_and_a_long_one_is_cut(kernel: Kernel) -> None:
    end = PipeEnd(kernel.calls, 9)
    assert end.send(b"x" * 100_000) == 64 * 1024
    assert not end.can_write
    with pytest.raises(BlockingIOError):
        end.send(b"more")
    kernel.end("write")
    assert end.can_write
    assert end.send(b"more") == 4
    assert [len(one) for one in kernel.written] == [64 * 1024, 4]


def test_leaving_ends_what_goes_on_before_memory_is_given_back(kernel: Kernel) -> None:
    end = PipeEnd(kernel.calls, 9)
    end.close()
    assert kernel.cancelled == 1
    assert kernel.closed == [50, 50, 9]
    end.close()
    assert len(kernel.closed) == 3
    assert end.recv(1) == b""
    with pytest.raises(OSError, match="was closed"):
        end.send(b"late")


def test_leaving_waits_for_what_ends_later_than_its_event_says(kernel: Kernel) -> None:
    later: list[Any] = []
    kernel.ends_when_cancelled = later.append
    end = PipeEnd(kernel.calls, 9)
    leaving = threading.Thread(target=end.close)
    leaving.start()
    until(lambda: later)
    leaving.join(0.05)
    assert leaving.is_alive()
    assert kernel.closed == []
    later[0].internal = CANCELLED
    leaving.join(5)
    assert kernel.closed == [50, 50, 9]


def test_what_never_ends_keeps_its_memory(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe_end, "_CANCELLED_WITHIN_SECONDS", 0.02)
    kept: list[Operation] = []
    monkeypatch.setattr(pipe_end, "_NEVER_ENDED", kept)
    kernel.ends_when_cancelled = lambda operation: None
    into = PipeEnd(kernel.calls, 9)
    into.close()
    (one,) = kept
    assert kernel.begun["read"] is one._overlapped
    assert kernel.into in one._arguments


def test_a_shared_event_is_not_closed_by_one_of_its_users(kernel: Kernel) -> None:
    Operation(kernel.calls, 9, event=77).close()
    assert kernel.closed == []


def test_each_data_folder_has_a_pipe_of_its_own_that_says_nothing_of_it() -> None:
    one, same, other = (pipe_name(Path(place)) for place in ("/data/Fairwatch", "/data/fairwatch/", "/data/other"))
    assert one == same != other
    assert re.fullmatch(r"\\\\\.\\pipe\\fairwatch-[0-9a-f]{16}", one)


TALK = """
import sys, threading, time
from pathlib import Path
from agent.windows.pipe_server import PipeServer
from agent.windows.pipe_client import connect
from agent.windows.accounts import Accounts
path = Path(sys.argv[1], "session.sock")
try:
    connect(path)
except FileNotFoundError:
    print("nobody")
server = PipeServer(path); server.listen()
threading.Timer(0.2, server.wake).start()
print(server.turn() == (False, []))
took = []
def client():
    end = connect(path)
    for number in range(3):
        end.send(b"line %d " % number); time.sleep(0.05)
    received, until = b"", time.monotonic() + 20
    while len(received) < 300_000 and time.monotonic() < until:
        try:
            received += end.recv(1)
        except BlockingIOError:
            time.sleep(0.002)
    took.append(received); end.close()
thread = threading.Thread(target=client); thread.start()
print(server.turn()[0]); number, end, sid = server.accept()
print(Accounts().name_of(sid))
heard = b""
while heard.count(b" ") < 6:
    for _, reads, _ in server.turn()[1]:
        heard += end.recv(1) if reads else b""
print(heard.decode().replace(" ", ""))
left = bytearray(b"x" * 300_000); server.watch_writing(number, writes=True)
while left:
    for _, _, writes in server.turn()[1]:
        if writes:
            del left[: end.send(left)]
server.watch_writing(number, writes=False)
thread.join(); print(took == [b"x" * 300_000])
print(server.turn()[1], end.recv(1)); server.forget(number); server.close()
"""


@pytest.mark.more
def test_on_windows_two_ends_talk_and_the_service_knows_who_it_is(wine, tmp_path: Path) -> None:
    from tests.agent.windows.wine_python import as_windows

    said = wine.run(TALK, as_windows(tmp_path)).splitlines()
    assert said[:3] == ["nobody", "True", "True"]
    assert said[3] == wine.run("import os; print(os.environ['USERNAME'].lower())").strip()
    assert said[4:] == ["line0line1line2", "True", "[(1, True, False)] b''"]
