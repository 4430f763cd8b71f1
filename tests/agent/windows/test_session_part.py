"""A person's part on Windows, whole: it shows the notice, says so, and only then tells which app is in front."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent.windows.notice_window import CLASS
from tests.agent.windows.wine_python import as_windows

LISTENING = """
import getpass, sys, threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from agent.notice import NoticeFacts, compose
from agent.session.messages import Settings
from agent.session.server import SessionServer
me, done, shown = getpass.getuser().lower(), threading.Event(), []
notice = compose(NoticeFacts(organisation="", groups=()))
def on_notice(person, version, at):
    shown.append(at)
    print("notice", person == me, version == notice.version, flush=True)
def on_front(person, front):
    print("front", person == me, front.identity, front.seconds > 0, flush=True)
    if front.identity == "windows:exe:notepad.exe":
        done.set()
server = SessionServer(
    Path(sys.argv[1], "session.sock"), on_front=on_front, on_notice=on_notice, on_reading=print,
    clock=lambda: datetime.now(UTC), answer=lambda person, what: b"{}",
    collect_from=lambda person: shown[0] if shown else None,
    settings=lambda person: Settings(notice=notice, observe=True, notice_is_new=not shown),
)
server.start()
print("listens", flush=True)
done.wait(60)
print(server.health().state, flush=True)
server.stop()
"""
CLOSE_NOTICE = f"""
import ctypes
user = ctypes.WinDLL("user32")
user.FindWindowW.restype = ctypes.c_void_p
user.PostMessageW.argtypes = (ctypes.c_void_p, ctypes.c_uint, ctypes.c_size_t, ctypes.c_void_p)
user.PostMessageW(user.FindWindowW({CLASS!r}, None), 0x0010, 0, None)
"""
# Opens a window of its own for a while, and closes it as a person does.
NOTEPAD = """
import ctypes, subprocess, time
user = ctypes.WinDLL("user32")
user.FindWindowW.restype = ctypes.c_void_p
user.PostMessageW.argtypes = (ctypes.c_void_p, ctypes.c_uint, ctypes.c_size_t, ctypes.c_void_p)
notepad = subprocess.Popen(["notepad.exe"])
until = time.monotonic() + 20
while not (window := user.FindWindowW("Notepad", None)) and time.monotonic() < until:
    time.sleep(0.1)
time.sleep(3)
user.PostMessageW(window, 0x0010, 0, None)
notepad.wait(20)
"""


@pytest.mark.more
def test_on_windows_the_notice_comes_first_and_then_the_app_in_front_is_told(wine_on_screen, tmp_path: Path) -> None:
    wine, folder = wine_on_screen, as_windows(tmp_path)
    rest: dict[str, Any] = {"env": wine.environment, "stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(wine.command(LISTENING, folder), stdout=subprocess.PIPE, text=True, **rest)
    part = None
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "listens\n"
        words = ("wine", str(wine.program), "-m", "agent", "session", "--data-dir", folder)
        part = subprocess.Popen(words, stdout=subprocess.DEVNULL, **rest)
        assert server.stdout.readline() == "notice True True\n"
        wine.run(CLOSE_NOTICE)
        wine.run(NOTEPAD)
        told = server.stdout.read().splitlines()
        assert "front True windows:exe:notepad.exe True" in told
        assert told[-1] == "working"
    finally:
        for one in (part, server):
            if one is not None:
                one.kill()
                with one:
                    pass


@pytest.mark.more
@pytest.mark.parametrize("module", ["agent.session.run", "agent.extension.host"])
def test_on_windows_what_runs_for_each_person_loads_nothing_heavy(wine, module: str) -> None:
    heavy = ("asyncio", "requests", "cryptography", "apscheduler", "watchdog")
    said = wine.run(f"import sys, {module}; print([one for one in {heavy!r} if one in sys.modules])")
    assert said == "[]\n"
