"""What a browser says is read without waiting, and its end is told from nothing having come."""

from __future__ import annotations

import os
import select

import pytest

from agent.extension.browser_pipe import PlainPipe, of_this_system


def test_nothing_yet_is_told_from_the_end() -> None:
    reading, writing = os.pipe()
    try:
        pipe = of_this_system(reading, "linux")
        assert isinstance(pipe, PlainPipe)
        assert pipe.read() is None
        os.write(writing, b"word")
        assert select.select([pipe.fileno()], [], [], 5)[0] == [reading]
        assert pipe.read() == b"word"
    finally:
        os.close(writing)
        assert pipe.read() == b""
        os.close(reading)


def test_windows_has_another_way() -> None:
    with pytest.raises(OSError, match="library of Windows"):
        of_this_system(0, "win32")
