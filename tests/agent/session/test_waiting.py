"""A wait ends when something has come, and not much later than it was told."""

from __future__ import annotations

import os
import socket
import time

from agent.session import waiting


def test_a_wait_ends_with_what_comes_or_with_its_time() -> None:
    one, other = socket.socketpair()
    with one, other:
        began = time.monotonic()
        waiting.wait([(one.fileno(), False)], (), 0.05)
        assert 0.03 < time.monotonic() - began < 5
        other.send(b"x")
        waiting.wait([(one.fileno(), False)], (), 60)
        waiting.wait([(one.fileno(), True)], (), None)


def test_a_programs_output_wakes_when_it_says_something_and_when_it_ends() -> None:
    reading, writing = os.pipe()
    assert not waiting.has_come(reading)
    os.write(writing, b"shown")
    waiting.wait([], (reading,), 60)
    assert waiting.has_come(reading)
    os.read(reading, 10)
    assert not waiting.has_come(reading)
    os.close(writing)
    assert waiting.has_come(reading)
    os.close(reading)
