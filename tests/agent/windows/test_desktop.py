"""The program in front, by Windows' own word for its process: no title is asked for, and no argument."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from agent.windows import desktop as module
from agent.windows.desktop import Desktop
from tests.agent.windows.answers import Library, fill

PROGRAMS = {10: r"C:\Program Files\Example\Example.exe", 20: r"C:\Windows\System32\ApplicationFrameHost.exe",
            30: r"C:\Program Files\WindowsApps\Store_1\StoreApp.exe"}  # fmt: skip
# Window -> process.
WINDOWS = {0x101: 10, 0x202: 20, 0x203: 30, 0x404: 40}


class Answers:
    """A desktop that answers as documented; `front` is the window in front."""

    def __init__(self) -> None:
        self.front: int | None = 0x101
        self.inner: int | None = 0x203
        self.tick, self.last_input = 10_000, 4_000
        self.closed: list[int] = []
        self.unhooked: list[int] = []
        self.hook: Any = None
        self.waiting = 0

    def desktop(self, hook: int | None = 77) -> Desktop:
        user = Library(
            GetForegroundWindow=lambda: self.front,
            GetWindowThreadProcessId=lambda window, into: fill(into, WINDOWS.get(window, 0)),
            FindWindowExW=lambda parent, after, name, title: self.inner,
            GetLastInputInfo=self._last_input,
            SetWinEventHook=lambda first, last, library, told, process, thread, flags: self._hooked(told, hook),
            UnhookWinEvent=lambda hook: self.unhooked.append(hook),
            PeekMessageW=lambda *_: self._peeked(),
            DispatchMessageW=lambda message: self.hook(0, 3, 0x101, 0, 0, 0, 0),
        )
        kernel = Library(
            GetTickCount=lambda: self.tick,
            OpenProcess=lambda rights, inherit, process: 1000 + process if process in PROGRAMS else None,
            CloseHandle=lambda handle: self.closed.append(handle),
            QueryFullProcessImageNameW=lambda process, kind, path, size: fill(path, PROGRAMS[process - 1000]),
        )
        return Desktop(user, kernel)

    def _last_input(self, into: Any) -> int:
        into._obj.tick = self.last_input
        return int(into._obj.size == 8)

    def _hooked(self, told: Any, hook: int | None) -> int | None:
        self.hook = told
        return hook

    def _peeked(self) -> int:
        self.waiting -= 1
        return int(self.waiting >= 0)


@pytest.fixture
def answers() -> Answers:
    return Answers()


def test_the_program_in_front_is_told_and_its_process_is_let_go(answers: Answers) -> None:
    assert answers.desktop().executable_in_front() == PROGRAMS[10]
    assert answers.closed == [1010]


def test_a_store_app_is_named_and_not_the_frame_around_it(answers: Answers) -> None:
    answers.front = 0x202
    assert answers.desktop().executable_in_front() == PROGRAMS[30]
    answers.inner = None
    assert answers.desktop().executable_in_front() == PROGRAMS[20]


def test_no_window_is_none_and_a_program_that_may_not_be_known_is_empty(answers: Answers) -> None:
    desktop = answers.desktop()
    answers.front = None
    assert desktop.executable_in_front() is None
    answers.front = 0x404
    assert desktop.executable_in_front() == ""


def test_idle_time_is_right_when_the_counter_begins_anew(answers: Answers) -> None:
    desktop = answers.desktop()
    assert desktop.idle_seconds() == 6.0
    answers.tick, answers.last_input = 500, 2**32 - 1500
    assert desktop.idle_seconds() == 2.0


def test_a_change_is_told_once_after_windows_called_the_hook(answers: Answers) -> None:
    desktop = answers.desktop()
    assert desktop.is_told
    assert [desktop.take_changes(), desktop.take_changes()] == [True, False]
    answers.waiting = 3
    assert [desktop.take_changes(), desktop.take_changes()] == [True, False]


def test_the_hook_is_let_go_and_a_refused_one_is_known(answers: Answers) -> None:
    desktop = answers.desktop()
    desktop.close()
    desktop.close()
    assert answers.unhooked == [77]
    assert not answers.desktop(hook=None).is_told


def test_no_function_that_gives_a_title_or_text_is_named() -> None:
    text = Path(module.__file__).read_text("utf-8")
    assert re.findall(r"GetWindowText\w*|InternalGetWindowText|WM_GETTEXT|GetCommandLine\w*|GetKey\w*", text) == []


SEE = """
import json, os, subprocess, sys, time
from agent.windows.desktop import Desktop
desktop = Desktop()
own = desktop.executable_of(os.getpid())
program = subprocess.Popen([r"C:\\windows\\system32\\notepad.exe"])
end = time.monotonic() + 30
while "notepad" not in (desktop.executable_in_front() or "") and time.monotonic() < end:
    desktop.take_changes(); time.sleep(0.05)
front = desktop.executable_in_front()
told = desktop.is_told
program.kill(); program.wait()
print(json.dumps([own, front, told, desktop.idle_seconds(), desktop.executable_of(0xFFFFFFF0)]))
desktop.close()
"""


@pytest.mark.more
def test_on_windows_the_program_in_front_is_found_by_its_window(wine_on_screen) -> None:
    import json

    own, front, told, idle, none = json.loads(wine_on_screen.run(SEE))
    assert own.endswith("\\python\\python.exe")
    assert front.lower() == r"c:\windows\system32\notepad.exe"
    assert told is True
    assert idle >= 0
    assert none == ""
