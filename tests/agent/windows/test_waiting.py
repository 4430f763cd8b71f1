"""Pipes' events and windows' messages are waited for at once; what can only be looked at is looked at."""

from __future__ import annotations

from typing import Any

import pytest

from agent.windows import waiting
from agent.windows.waiting import LOOK_SECONDS
from tests.agent.windows.answers import Library, fill


@pytest.mark.parametrize(
    ("seconds", "looks", "milliseconds"),
    [
        (None, False, 0xFFFFFFFF),
        (1.5, False, 1501),
        (0.0, False, 1),
        (None, True, int(1000 * LOOK_SECONDS) + 1),
        (10.0, True, int(1000 * LOOK_SECONDS) + 1),
        (10.0**9, False, 0xFFFFFFFE),
    ],
)
def test_a_wait_is_as_long_as_asked_and_never_for_ever_by_chance(
    seconds: float | None, looks: bool, milliseconds: int
) -> None:
    waited: list[Any] = []
    user = Library(
        MsgWaitForMultipleObjectsEx=lambda count, handles, *rest: waited.append((count, list(handles), *rest))
    )
    waiting.wait([7, 8], seconds, looks=looks, user32=user)
    assert waited == [(2, [7, 8], milliseconds, 0x04FF, 0x0004)]


@pytest.mark.parametrize(("is_open", "bytes_there", "come"), [(1, 0, False), (1, 5, True), (0, 0, True)])
def test_a_programs_output_has_come_when_it_said_something_or_ended(is_open: int, bytes_there: int, come: bool) -> None:
    kernel = Library(PeekNamedPipe=lambda pipe, into, size, read, there, left: fill(there, bytes_there) and is_open)
    assert waiting.has_come(3, kernel) is come


@pytest.mark.more
def test_on_windows_an_event_and_an_output_are_waited_for(wine) -> None:
    said = wine.run(
        "import os, time, threading; from agent.windows import waiting; from agent.windows.pipe_end import Calls\n"
        "calls = Calls(); event = calls.event(None, 1, 0, None); begin = time.monotonic()\n"
        "waiting.wait([event], 0.2); print(0.1 < time.monotonic() - begin < 5)\n"
        "threading.Timer(0.1, lambda: calls.set_event(event)).start(); waiting.wait([event], 60)\n"
        "print(time.monotonic() - begin < 30)\n"
        "reading, writing = os.pipe(); print(waiting.has_come(reading)); os.write(writing, b'x')\n"
        "print(waiting.has_come(reading)); os.read(reading, 1); os.close(writing); print(waiting.has_come(reading))"
    )
    assert said.split() == ["True", "True", "False", "True", "True"]
