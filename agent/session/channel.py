"""The service's side of the local channel: who comes, whose they are, and who can be read or written now.

A Unix socket where there are such, a named pipe on Windows (`agent/windows/pipe_server.py`). Whose a peer is, is the
system's word: a user id, or a security identifier on Windows.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import stat
import sys
from pathlib import Path
from time import sleep
from typing import Final, Protocol

from agent.session import address
from agent.session.address import Account

# How many may wait to be accepted; the service accepts at once.
BACKLOG: Final = 64

Turn = tuple[bool, list[tuple[int, bool, bool]]]
"""Whether one waits to be accepted, and who can be read (or has gone) and written, each by its number."""


class Peer(Protocol):
    """The other end of a connection; it never blocks."""

    def recv(self, size_bytes: int, /) -> bytes:
        """What has come, empty once the peer has gone; raises BlockingIOError where nothing has."""

    def send(self, data: bytearray, /) -> int:
        """Hand over some of it; gives how much. Raises BlockingIOError where none can be now, OSError for ever."""


class Channel(Protocol):
    """Where session parts come; all in one thread but `wake`."""

    def listen(self) -> None:
        """Begin; raises OSError where that can't be."""

    def turn(self) -> Turn:
        """Wait until there is something to do, or `wake` was called."""

    def accept(self) -> tuple[int, Peer, Account | None] | None:
        """A number for who came, and whose they are (None where the system does not tell); None if they left again."""

    def watch_writing(self, number: int, *, writes: bool) -> None:
        """Whether `turn` shall tell that one can be written."""

    def forget(self, number: int) -> None:
        """End one's connection."""

    def wake(self) -> None:
        """End the wait; may be called from any thread."""

    def close(self) -> None:
        """End every connection and listen no more."""


def of_this_system(path: Path, platform: str = sys.platform) -> Channel:
    """The channel of the service whose socket is at `path`, or would be."""
    if platform == "win32":
        from agent.windows.pipe_server import PipeServer

        return PipeServer(path)
    return SocketChannel(path)


class SocketChannel:
    """A Unix socket that every local account may connect to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._selector = selectors.DefaultSelector()
        self._peers: dict[int, socket.socket] = {}
        self._listener: socket.socket | None = None
        self._wake_read, self._wake_write = os.pipe()
        for descriptor in (self._wake_read, self._wake_write):
            os.set_blocking(descriptor, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)

    def listen(self) -> None:
        """Make the socket; raises OSError where that can't be."""
        listener = address.new_socket()
        try:
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISSOCK(self._path.lstat().st_mode):
                    raise FileExistsError(f"{self._path.name} is there and is not a socket")
                self._path.unlink()
            with address.short_name(self._path) as name:
                listener.bind(name)
            # Everyone may connect: who they are is asked of the kernel, and what they may do follows from that.
            self._path.chmod(0o666)
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
        self._listener = listener
        self._selector.register(listener, selectors.EVENT_READ)

    def turn(self) -> Turn:
        """Wait until there is something to do, or `wake` was called."""
        comes, ready = False, list[tuple[int, bool, bool]]()
        for key, events in self._selector.select():
            if key.fileobj is self._listener:
                comes = True
            elif key.fd == self._wake_read:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            else:
                ready.append((key.fd, bool(events & selectors.EVENT_READ), bool(events & selectors.EVENT_WRITE)))
        return comes, ready

    def accept(self) -> tuple[int, Peer, Account | None] | None:
        """Who came, with the user id that the kernel tells."""
        assert self._listener is not None
        try:
            peer, _ = self._listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                sleep(0.1)  # The peer still waits, so the selector would give no rest until a descriptor is free.
            return None
        number = peer.fileno()
        try:
            peer.setblocking(False)
            self._selector.register(peer, selectors.EVENT_READ)
            self._peers[number] = peer
            return number, peer, address.peer_uid(peer)
        except BaseException:
            self.forget(number)
            peer.close()
            raise

    def watch_writing(self, number: int, *, writes: bool) -> None:
        """Whether `turn` shall tell that one can be written."""
        if number in self._peers:
            self._selector.modify(number, selectors.EVENT_READ | (selectors.EVENT_WRITE if writes else 0))

    def forget(self, number: int) -> None:
        """End one's connection."""
        peer = self._peers.pop(number, None)
        if peer is not None:
            self._selector.unregister(peer)
            peer.close()

    def wake(self) -> None:
        """End the wait; may be called from any thread."""
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._wake_write, b".")

    def close(self) -> None:
        """End every connection and remove the socket."""
        for number in list(self._peers):
            self.forget(number)
        if self._listener is not None:
            self._listener.close()
        self._selector.close()
        for descriptor in (self._wake_read, self._wake_write):
            os.close(descriptor)
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
