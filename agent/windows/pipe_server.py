"""The service's side of the local channel on Windows: a named pipe that this machine's signed-in people may open.

What stops whom: another computer is refused by the pipe itself (PIPE_REJECT_REMOTE_CLIENTS) and its access list; a
program that took the name before the service did is noticed, since the service insists on being the first; who speaks
is the token that Windows hands over, not what the peer says.
"""

from __future__ import annotations

import contextlib
import ctypes
import time
from itertools import count
from pathlib import Path
from typing import Any, Final

from agent.windows.accounts import Accounts
from agent.windows.libraries import BOOL, DWORD, HANDLE, INVALID_HANDLE, declare, last_error, library
from agent.windows.pipe_end import WRITE_BYTES, Calls, Operation, PipeEnd, pipe_name

_BOTH_WAYS: Final = 0x3
_OVERLAPPED: Final = 0x40000000
_FIRST: Final = 0x00080000
_REJECT_REMOTE: Final = 0x8
_ANY_NUMBER: Final = 255
_FOR_EVER: Final = 0xFFFFFFFF
_REST_SECONDS: Final = 0.1
# Nobody over the network; the system and administrators all; who is signed in here may read and write, and may not
# make another end of that name (FILE_CREATE_PIPE_INSTANCE is left out of 0x12019b).
ACCESS: Final = "D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x12019b;;;IU)(A;;0x12019b;;;AU)"


class _Attributes(ctypes.Structure):
    """SECURITY_ATTRIBUTES."""

    _fields_ = (("size", DWORD), ("descriptor", ctypes.c_void_p), ("inherit", BOOL))


class PipeServer:
    """The pipe, who waits at it, and whom it listens to; all in one thread but `wake`.

    One event is told of everything. Whatever is begun takes it back, so after each wait all are looked at.
    """

    def __init__(
        self,
        path: Path,
        *,
        calls: Calls | None = None,
        accounts: Accounts | None = None,
        kernel32: Any = None,
        advapi32: Any = None,
    ) -> None:
        """`path` is where the socket of this service would be elsewhere. Raises OSError where there is no Windows."""
        self._calls = calls or Calls(kernel32)
        self._accounts = accounts or Accounts(advapi32, kernel32)
        kernel = library("kernel32") if kernel32 is None else kernel32
        advapi = library("advapi32") if advapi32 is None else advapi32
        self._wait = declare(kernel, "WaitForSingleObject", DWORD, HANDLE, DWORD)
        self._free = declare(kernel, "LocalFree", ctypes.c_void_p, ctypes.c_void_p)
        self._describe = declare(
            advapi, "ConvertStringSecurityDescriptorToSecurityDescriptorW", BOOL, ctypes.c_wchar_p, DWORD,
            ctypes.c_void_p, ctypes.c_void_p,
        )  # fmt: skip
        self._name = pipe_name(path.parent)
        self._event = self._calls.event(None, 1, 0, None)
        self._peers: dict[int, tuple[PipeEnd, bool]] = {}
        self._numbers = count(1)
        self._woken = False
        self._next: int | None = None
        self._connecting: Operation | None = None

    def listen(self) -> None:
        """Make the pipe; raises OSError where that can't be, as where another program has taken its name."""
        self._await_one(_FIRST)

    def turn(self) -> tuple[bool, list[tuple[int, bool, bool]]]:
        """Wait until there is something to do: whether one waits to be accepted, and whom one can read or write."""
        self._calls.reset_event(self._event)
        found = self._found()
        if found == (False, []) and not self._woken:
            self._wait(self._event, _FOR_EVER)
            found = self._found()
        self._woken = False
        return found

    def accept(self) -> tuple[int, PipeEnd, str | None] | None:
        """A number for who came, their end, and whose it is by its SID (None where Windows does not tell).

        None for one that has left again.
        """
        pipe, connecting = self._next, self._connecting
        assert pipe is not None
        assert connecting is not None
        connecting.close()
        try:
            self._await_one()
        except OSError:
            time.sleep(_REST_SECONDS)  # they still wait, so `turn` would give no rest until an end can be made
            return None
        try:
            end = PipeEnd(self._calls, pipe, self._event)
        except OSError:
            self._calls.close(pipe)
            return None
        number = next(self._numbers)
        self._peers[number] = (end, False)
        try:
            return number, end, self._accounts.of_pipe_client(pipe)
        except BaseException:
            self.forget(number)
            raise

    def watch_writing(self, number: int, *, writes: bool) -> None:
        """Whether `turn` shall tell that one can be written to."""
        if number in self._peers:
            self._peers[number] = (self._peers[number][0], writes)

    def forget(self, number: int) -> None:
        """Let one go."""
        found = self._peers.pop(number, None)
        if found is not None:
            found[0].close()

    def wake(self) -> None:
        """End the wait; may be called from any thread."""
        self._woken = True
        self._calls.set_event(self._event)

    def close(self) -> None:
        """Let everybody go and give the name back."""
        for number in list(self._peers):
            self.forget(number)
        if self._connecting is not None:
            self._connecting.close()
            self._calls.close(self._next)
            self._connecting = None
        self._calls.close(self._event)

    def _found(self) -> tuple[bool, list[tuple[int, bool, bool]]]:
        assert self._connecting is not None
        told = [(number, end.can_read, writes and end.can_write) for number, (end, writes) in list(self._peers.items())]
        return not self._connecting.goes_on, [one for one in told if one[1] or one[2]]

    def _await_one(self, first: int = 0) -> None:
        """Make one more end of the pipe, at which the next one may come."""
        descriptor = ctypes.c_void_p()
        if not self._describe(ACCESS, 1, ctypes.byref(descriptor), None):
            raise OSError(last_error(), "the pipe's access list is not understood")
        try:
            attributes = _Attributes(ctypes.sizeof(_Attributes), descriptor, 0)
            pipe = self._calls.create_pipe(
                self._name, _BOTH_WAYS | _OVERLAPPED | first, _REJECT_REMOTE, _ANY_NUMBER, WRITE_BYTES, WRITE_BYTES, 0,
                ctypes.byref(attributes),
            )  # fmt: skip
        finally:
            self._free(descriptor)
        if pipe in (None, INVALID_HANDLE):
            raise OSError(last_error(), "the pipe can't be made: another program may have taken its name")
        self._next, self._connecting = pipe, Operation(self._calls, pipe, self._event)
        with contextlib.suppress(OSError):  # it came before one began to wait for it
            self._connecting.begin(self._calls.connect)
