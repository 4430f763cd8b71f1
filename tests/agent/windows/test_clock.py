"""One clock stands still in a suspend and the other goes on: the difference is the suspend."""

from __future__ import annotations

import json

import pytest

from agent.windows.clock import Clock
from tests.agent.windows.answers import Library, fill


def test_the_two_clocks_are_read_in_seconds() -> None:
    kernel = Library(QueryUnbiasedInterruptTime=lambda into: fill(into, 1_234_500_000), GetTickCount64=lambda: 200_250)
    moment = Clock(kernel).now()
    assert (moment.monotonic, moment.boottime) == (123.45, 200.25)
    assert moment.wall.utcoffset() is not None


def test_without_the_unbiased_clock_a_suspend_is_a_gap() -> None:
    moment = Clock(Library(QueryUnbiasedInterruptTime=lambda into: 0, GetTickCount64=lambda: 1)).now()
    assert abs(moment.boottime - moment.monotonic) < 1


@pytest.mark.more
def test_on_windows_both_go_on(wine) -> None:
    said = wine.run(
        "import json, time; from agent.windows.clock import Clock; clock = Clock(); a = clock.now(); time.sleep(0.1)\n"
        "b = clock.now(); print(json.dumps([b.monotonic - a.monotonic, b.boottime - a.boottime]))"
    )
    assert all(0.05 < passed < 5 for passed in json.loads(said))
