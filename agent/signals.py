"""Waits for the signals that end a program, without the moment in which one is missed.

A handler in Python runs in the main thread alone, and only once that runs. A signal that the system gives to another
thread, or that comes as the main one begins to wait for a lock, wakes nobody: an event that a handler sets is then
waited for without end, and who stops the service waits with it. The descriptor is written to at once, by whichever
thread has the signal.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def wake_on(numbers: Iterable[signal.Signals], then: Callable[[], None] = lambda: None) -> Iterator[socket.socket]:
    """Give a socket that becomes readable when one of these signals comes; `then` is called as well, in time.

    For the main thread, and one at a time: a program has one such descriptor.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        then()

    reading, writing = socket.socketpair()
    with reading, writing:
        reading.setblocking(False)
        writing.setblocking(False)
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        try:
            for number in numbers:
                signal.signal(number, handle)
            yield reading
        finally:
            signal.set_wakeup_fd(-1)
