"""The local socket's place, and who is at its other end: the kernel's word, never the peer's."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

Account = int | str
"""Whose a process is: a user id, or on Windows a security identifier (SID) as text."""

SOCKET_NAME: Final = "session.sock"
_CREDENTIALS: Final = struct.Struct("3i")
# macOS (sys/un.h, sys/ucred.h): SOL_LOCAL, LOCAL_PEERCRED, XUCRED_VERSION; a version, the user, a count, 16 groups.
_SOL_LOCAL: Final = 0
_LOCAL_PEERCRED: Final = 0x001
_XUCRED_VERSION: Final = 0
_XUCRED: Final = struct.Struct("=IIh2x16I")


def socket_path(data_dir: Path) -> Path:
    """Where the service of this data folder listens to session parts."""
    return data_dir / SOCKET_NAME


def new_socket() -> socket.socket:
    """A socket of the local kind that does not block; Python keeps it from programs that are started."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.setblocking(False)
    return made


@contextmanager
def short_name(path: Path, platform: str = sys.platform) -> Iterator[str]:
    """A name of the socket that fits the 107 bytes that a Unix address has, however deep its folder lies.

    macOS has 103 and no such name; its data folder lies where that is enough.
    """
    if platform == "darwin":
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def peer_uid(connection: socket.socket, platform: str = sys.platform) -> int | None:
    """The user id of the process that connected (SO_PEERCRED, unix(7); LOCAL_PEERCRED, unix(4) on macOS).

    A peer can't lie about it. None where the kernel does not tell, as macOS of one that has left again.
    """
    try:
        if platform == "darwin":
            return _uid_of(connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size))
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return None
    _, uid, _ = _CREDENTIALS.unpack(raw)
    return int(uid)


def _uid_of(credentials: bytes) -> int | None:
    """The user id in a `struct xucred`; None for one of another form, which could be read as anybody's."""
    if len(credentials) != _XUCRED.size:
        return None
    version, uid, *_ = _XUCRED.unpack(credentials)
    return int(uid) if version == _XUCRED_VERSION else None


def person_of_uid(uid: Account) -> str | None:
    """The account's name, or None where no person's account has that id."""
    if sys.platform == "win32":
        from agent.windows.accounts import Accounts

        return Accounts().name_of(str(uid))
    import pwd  # not there on Windows

    try:
        return pwd.getpwuid(int(uid)).pw_name
    except KeyError:
        return None
