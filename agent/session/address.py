"""The local socket's place, and who is at its other end: the kernel's word, never the peer's."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SOCKET_NAME: Final = "session.sock"
_CREDENTIALS: Final = struct.Struct("3i")


def socket_path(data_dir: Path) -> Path:
    """Where the service of this data folder listens to session parts."""
    return data_dir / SOCKET_NAME


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name of the socket that fits the 107 bytes that a Unix address has, however deep its folder lies."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def peer_uid(connection: socket.socket) -> int:
    """The user id of the process that connected (SO_PEERCRED, unix(7)); a peer can't lie about it."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(raw)
    return int(uid)


def person_of_uid(uid: int) -> str | None:
    """The account's name, or None where no account has that id."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
