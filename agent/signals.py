"""Waits for the signals that end a program, without the moment in which one is missed.

A handler in Python runs in the main thread alone, and only once that runs. A signal that the system gives to another
thread, or that comes as the main one begins to wait for a lock, wakes nobody: an event that a handler sets is then
waited for without end, and who stops the service waits with it. The descriptor is written to at once, by whichever
thread has the signal.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterable
from types import FrameType


def wake_on(numbers: Iterable[signal.Signals], then: Callable[[], None] = lambda: None) -> socket.socket:
    """Return a socket that becomes readable when one of these signals comes; `then` is called as well, in time.

    To be called in the main thread, once: a program has one such descriptor.
    """
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)

    def handle(_number: int, _frame: FrameType | None) -> None:
        then()

    # The system writes to the descriptor, so that it must stay open although nobody holds the object.
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, handle)
    return reading
