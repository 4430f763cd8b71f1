"""A pipe that can't be waited for is read beside, no further than asked, and its end is told for ever."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from agent.extension.frames import frame
from agent.windows.pipe_end import Calls
from agent.windows.reading import Reading
from tests.agent.devices import until
from tests.agent.windows.answers import Library
from tests.agent.windows.wine_python import as_windows

CHUNK_BYTES = 4


class Machine:
    """Windows with one event."""

    def __init__(self) -> None:
        self.told = threading.Event()
        names = ("CreateNamedPipeW", "ConnectNamedPipe", "CreateFileW", "ReadFile", "WriteFile", "GetOverlappedResult")
        rest: dict[str, Any] = dict.fromkeys((*names, "CancelIoEx", "CloseHandle"), lambda *_: 0)
        kernel = Library(
            CreateEventW=lambda *_: 5,
            SetEvent=lambda event: self.told.set() or 1,
            ResetEvent=lambda event: self.told.clear() or 1,
            **rest,
        )
        self.calls = Calls(kernel)


def test_what_comes_is_told_taken_once_and_read_no_further() -> None:
    machine, (reading, writing) = Machine(), os.pipe()
    end = Reading(reading, CHUNK_BYTES, machine.calls)
    assert end.fileno() == 5
    assert end.read() is None
    os.write(writing, b"abcdefgh")
    assert machine.told.wait(20)
    assert end.read() == b"abcd"
    assert machine.told.wait(20)
    assert end.read() == b"efgh"
    until(lambda: not machine.told.is_set())
    assert end.read() is None
    os.close(writing)
    assert machine.told.wait(20)
    assert [end.read(), end.read()] == [b"", b""]
    assert machine.told.is_set()
    os.close(reading)


OURS = "abcdefghijklmnopabcdefghijklmnop"
EAR = """
import sys, threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from agent.notice import NoticeFacts, compose
from agent.session.messages import Settings
from agent.session.server import SessionServer
heard = threading.Semaphore(0)
def told(person, browser, message):
    print(person == sys.argv[2], browser, type(message).__name__, message.host, flush=True)
    heard.release()
now = lambda: datetime.now(UTC)
notice = compose(NoticeFacts(organisation="", groups=()))
server = SessionServer(
    Path(sys.argv[1], "session.sock"), on_front=print, on_notice=print, on_reading=print, on_host=told, clock=now,
    answer=lambda person, what: b"{}", collect_from=lambda person: now() - timedelta(hours=1),
    settings=lambda person: Settings(notice=notice, observe=True, notice_is_new=False),
)
server.start()
print("listens", flush=True)
for _ in range(2):
    heard.acquire(timeout=60)
server.stop()
"""


@pytest.mark.more
def test_on_windows_an_extension_tells_the_service_through_both_pipes(wine, tmp_path: Path) -> None:
    me, folder = wine.run("import getpass; print(getpass.getuser().lower())").strip(), as_windows(tmp_path)
    pipes: dict[str, Any] = {"env": wine.environment, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    ear = subprocess.Popen(wine.command(EAR, folder, me), stdin=subprocess.DEVNULL, text=True, **pipes)
    words = ("-m", "agent", "browser", "--data-dir", folder, "--extension", OURS, "--", f"chrome-extension://{OURS}/")
    program = None
    try:
        assert ear.stdout is not None
        assert ear.stdout.readline() == "listens\n"
        program = subprocess.Popen(["wine", str(wine.program), *words], stdin=subprocess.PIPE, **pipes)
        assert program.stdin is not None
        assert program.stdout is not None
        for word in (
            {"type": "Hello", "version": "1", "private_windows": False},
            {"type": "Visit", "host": "www.example.org", "private": False, "ago_ms": 0},
        ):
            program.stdin.write(frame(json.dumps(word).encode()))
            program.stdin.flush()
            if word["type"] == "Hello":
                (size,) = struct.unpack("=I", program.stdout.read(4))
                assert json.loads(program.stdout.read(size))["watch"] is True
        program.stdin.write(frame(b'{"type":"Spent","host":"www.example.org","private":false,"seconds":30,"ago_ms":0}'))
        program.stdin.close()
        assert program.wait(timeout=60) == 0
        assert ear.communicate(timeout=90)[0].splitlines() == [
            "True Chromium HostVisited www.example.org",
            "True Chromium HostShown www.example.org",
        ]
    finally:
        for one in (program, ear):
            if one is not None:
                one.kill()
                with one:
                    pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows is where it can be used")
def test_on_another_system_it_is_an_error() -> None:
    with pytest.raises(OSError, match="library of Windows"):
        Reading(0, CHUNK_BYTES)
