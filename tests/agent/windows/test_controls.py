"""Windows' functions for windows are asked for on Windows alone; what they do is tried with the notice's window."""

from __future__ import annotations

import ctypes
import sys

import pytest

from agent.windows.controls import Controls, Message, Rectangle, WindowClass


def test_the_structures_have_the_sizes_that_windows_gives_them() -> None:
    assert [ctypes.sizeof(one) for one in (Rectangle, Message, WindowClass)] == [16, 48, 80]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows is where they are")
def test_on_another_system_they_are_not_there() -> None:
    with pytest.raises(OSError, match="library of Windows"):
        Controls()


@pytest.mark.more
def test_on_windows_a_screen_has_room_and_a_scale(wine_on_screen) -> None:
    said = wine_on_screen.run(
        "from agent.windows.controls import Controls\n"
        "made = Controls(); area = made.work_area()\n"
        "print(made.scale() >= 1.0, area.right - area.left > 300, area.bottom - area.top > 200, made.background() > 0)",
    )
    assert said == "True True True True\n"
