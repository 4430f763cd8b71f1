"""A session part's way to the service on Windows: the pipe, once it is sure that the service is at its other end."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agent.windows.accounts import Accounts
from agent.windows.libraries import INVALID_HANDLE, last_error
from agent.windows.pipe_end import Calls, PipeEnd, pipe_name

# To read, write and ask whose the pipe is. Not GENERIC_WRITE, which holds the right to make another end of that name.
_READ_WRITE: Final = 0x00120183
_OPEN_EXISTING: Final = 3
# Overlapped, and the server may learn who this is but not act as them (SECURITY_SQOS_PRESENT, SECURITY_IDENTIFICATION):
# a false service gains no rights of whoever connects.
_FLAGS: Final = 0x40000000 | 0x00100000 | 0x00010000
# Whose the pipe of a service is: LocalSystem's, or of all administrators. Anybody else's is a false one.
SERVICES: Final = frozenset(("S-1-5-18", "S-1-5-32-544"))


def connect(path: Path, *, calls: Calls | None = None, accounts: Accounts | None = None) -> PipeEnd:
    """Open the pipe of the service whose socket would be at `path`; raises OSError where no true service is there.

    A service that somebody started by hand, as in a trial, is believed by its own account alone.
    """
    calls, accounts = calls or Calls(), accounts or Accounts()
    pipe = calls.open(pipe_name(path.parent), _READ_WRITE, 0, None, _OPEN_EXISTING, _FLAGS, None)
    if pipe in (None, INVALID_HANDLE):
        raise OSError(last_error(), "the service's pipe is not there")
    owner = accounts.owner_of_pipe(pipe)
    if owner is None or (owner not in SERVICES and owner != accounts.maker()):
        calls.close(pipe)
        raise OSError("what answers at the service's pipe is not the service")
    try:
        return PipeEnd(calls, pipe)
    except OSError:
        calls.close(pipe)
        raise
