"""One end of a named pipe that never blocks: reads and writes begin, and are looked at when they have ended.

Source: Microsoft Learn, "Named Pipes", "Synchronous and Asynchronous I/O", ReadFile, WriteFile, GetOverlappedResult.
"""

from __future__ import annotations

import ctypes
import hashlib
import time
from pathlib import Path
from typing import Any, Final

from agent.windows.libraries import BOOL, DWORD, HANDLE, declare, last_error, library

# One read takes no more than a socket's would.
READ_BYTES: Final = 4096
# What one write may hand over before the other end has read.
WRITE_BYTES: Final = 64 * 1024
_PENDING: Final = 997
_STATUS_PENDING: Final = 0x103
# How long one waits for what was cancelled, and how often one looks.
_CANCELLED_WITHIN_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.001
# What did not end in that time: its memory is Windows' for good.
_NEVER_ENDED: Final[list[Operation]] = []


def pipe_name(data_dir: Path) -> str:
    """The name of the pipe on which the service of this data folder listens."""
    place = str(data_dir.absolute()).replace("/", "\\").rstrip("\\").lower()
    return rf"\\.\pipe\fairwatch-{hashlib.blake2b(place.encode(), digest_size=8).hexdigest()}"


class Overlapped(ctypes.Structure):
    """OVERLAPPED: one operation that was begun; it has to stay where it is until it has ended."""

    _fields_ = (
        ("internal", ctypes.c_void_p), ("internal_high", ctypes.c_void_p), ("offset", DWORD), ("offset_high", DWORD),
        ("event", HANDLE),
    )  # fmt: skip


class Calls:
    """The functions of kernel32 for pipes, with their types."""

    def __init__(self, kernel32: Any = None) -> None:
        """Raises OSError where there is no Windows."""
        kernel = library("kernel32") if kernel32 is None else kernel32
        pointer = ctypes.c_void_p
        self.create_pipe = declare(kernel, "CreateNamedPipeW", HANDLE, ctypes.c_wchar_p, *(DWORD,) * 6, pointer)
        self.connect = declare(kernel, "ConnectNamedPipe", BOOL, HANDLE, pointer)
        self.open = declare(
            kernel, "CreateFileW", HANDLE, ctypes.c_wchar_p, DWORD, DWORD, pointer, DWORD, DWORD, HANDLE
        )
        self.read = declare(kernel, "ReadFile", BOOL, HANDLE, pointer, DWORD, pointer, pointer)
        self.write = declare(kernel, "WriteFile", BOOL, HANDLE, pointer, DWORD, pointer, pointer)
        self.result = declare(kernel, "GetOverlappedResult", BOOL, HANDLE, pointer, pointer, BOOL)
        self.cancel = declare(kernel, "CancelIoEx", BOOL, HANDLE, pointer)
        self.event = declare(kernel, "CreateEventW", HANDLE, pointer, BOOL, BOOL, ctypes.c_wchar_p)
        self.set_event = declare(kernel, "SetEvent", BOOL, HANDLE)
        self.reset_event = declare(kernel, "ResetEvent", BOOL, HANDLE)
        self.close = declare(kernel, "CloseHandle", BOOL, HANDLE)


class Operation:
    """One kind of operation on a pipe, one at a time."""

    def __init__(self, calls: Calls, pipe: int, event: int | None = None) -> None:
        """`event` is told of its end; one of its own is made where none is given. Raises OSError."""
        self._calls = calls
        self._pipe = pipe
        self._owns_event = event is None
        # Reset by hand, and told at first, since nothing was begun.
        self.event = event or calls.event(None, 1, 1, None)
        if not self.event:
            raise OSError(last_error(), "no event can be made")
        self._overlapped = Overlapped()
        self._arguments: tuple[Any, ...] = ()
        self._is_begun = False

    def begin(self, function: Any, *arguments: Any) -> None:
        """Begin; raises OSError where the other end has gone. Windows takes the event back until it has ended."""
        self._overlapped, self._arguments = Overlapped(event=self.event), arguments
        if not function(self._pipe, *arguments, ctypes.byref(self._overlapped)):
            error = last_error()
            if error != _PENDING:
                self._calls.set_event(self.event)
                raise OSError(error, "the other end of the pipe has gone")
        self._is_begun = True

    @property
    def goes_on(self) -> bool:
        """Whether it was begun and has not ended (HasOverlappedIoCompleted: the status is not STATUS_PENDING)."""
        return self._is_begun and self._overlapped.internal == _STATUS_PENDING

    def moved(self) -> int:
        """How many bytes it moved, once it has ended; raises OSError where the other end has gone."""
        moved = DWORD()
        self._is_begun = False
        if not self._calls.result(self._pipe, ctypes.byref(self._overlapped), ctypes.byref(moved), 0):
            raise OSError(last_error(), "the other end of the pipe has gone")
        return moved.value

    def close(self) -> None:
        """End it, and wait for that: Windows must not write into memory that was given back.

        The status is looked at, not the event: others share that, and whoever began this may be another thread, which
        Windows lets end it a moment later.
        """
        if self.goes_on:
            self._calls.cancel(self._pipe, ctypes.byref(self._overlapped))
            until = time.monotonic() + _CANCELLED_WITHIN_SECONDS
            while self.goes_on and time.monotonic() < until:
                time.sleep(_LOOK_SECONDS)
            if self.goes_on:
                _NEVER_ENDED.append(self)
        self._is_begun = False
        if self._owns_event:
            self._calls.close(self.event)


class PipeEnd:
    """An end of a pipe, used as a socket that does not block is: `recv`, `send`, `close`.

    `fileno` is an event: it is told when there is something to read, or the other end has gone.
    """

    def __init__(self, calls: Calls, pipe: int, event: int | None = None) -> None:
        """Take over an open pipe; `event`, where given, is told of everything. Raises OSError."""
        self._calls = calls
        self.pipe = pipe
        self._into = ctypes.create_string_buffer(READ_BYTES)
        self._from = ctypes.create_string_buffer(0)
        self._reading = Operation(calls, pipe, event)
        self._writing = Operation(calls, pipe, event)
        self._is_lost = self._is_closed = False
        self._read_on()

    def fileno(self) -> int:
        """The event of reading."""
        return int(self._reading.event)

    @property
    def can_read(self) -> bool:
        """Whether `recv` gives something, be it that the other end has gone."""
        return not self._reading.goes_on

    @property
    def can_write(self) -> bool:
        """Whether `send` takes something."""
        return not self._writing.goes_on

    def recv(self, _size_bytes: int) -> bytes:
        """What has come, empty once the other end has gone; raises BlockingIOError while nothing has."""
        if self._is_lost:
            return b""
        if self._reading.goes_on:
            raise BlockingIOError
        try:
            moved = self._reading.moved()
        except OSError:
            self._is_lost = True
            return b""
        received = self._into.raw[:moved]
        self._read_on()
        return received

    def send(self, data: bytes | bytearray) -> int:
        """Hand over some of it; gives how much. Raises BlockingIOError while the last was not taken, else OSError."""
        if self._is_closed:
            raise OSError("this end of the pipe was closed")
        if self._writing.goes_on:
            raise BlockingIOError
        part = bytes(data[:WRITE_BYTES])
        self._from = ctypes.create_string_buffer(part, len(part))
        self._writing.begin(self._calls.write, self._from, len(part), None)
        return len(part)

    def close(self) -> None:
        """Leave; whoever uses it afterwards is told that the other end has gone."""
        if self._is_closed:
            return
        self._is_closed = self._is_lost = True
        for operation in (self._reading, self._writing):
            operation.close()
        self._calls.close(self.pipe)

    def _read_on(self) -> None:
        try:
            self._reading.begin(self._calls.read, self._into, READ_BYTES, None)
        except OSError:
            self._is_lost = True
