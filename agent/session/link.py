"""The session part's end of the local socket: keeps what could not be sent, and comes back when the service does."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final, Protocol

from agent.session import address, waiting
from agent.session.errors import MessageRefused, ServiceRefused, ServiceUnreachable
from agent.session.messages import (
    MAX_ANSWER_BYTES,
    Answer,
    Ask,
    FromService,
    FromSession,
    Refused,
    ServiceVersion,
    decode_from_service,
    encode,
)

FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 30.0
# A day of minutes and then some; beyond it the oldest go, for the session part has no disk of its own.
MAX_KEPT: Final = 2000
_CHUNK_BYTES: Final = 64 * 1024


class Service(Protocol):
    """The service at the other end; it never blocks."""

    def fileno(self) -> int:
        """What to wait for: told when something has come, or the service has gone."""

    def recv(self, size_bytes: int, /) -> bytes:
        """What has come, empty once the service has gone; raises BlockingIOError where nothing has."""

    def send(self, data: bytes, /) -> int:
        """Hand over some of it; gives how much. Raises BlockingIOError where none can be now, OSError for ever."""

    def close(self) -> None:
        """Leave."""


def reached(path: Path, platform: str = sys.platform) -> Service:
    """Connect to the service of that socket, or on Windows of the pipe in its stead; raises OSError."""
    if platform == "win32":
        from agent.windows.pipe_client import connect

        return connect(path)
    peer = address.new_socket()
    try:
        with address.short_name(path) as name:
            peer.connect(name)
    except OSError:
        peer.close()
        raise
    return peer


class Link:
    """A connection that is tried again and again, longer apart each time, and never blocks."""

    def __init__(self, path: Path, clock: Callable[[], float] = monotonic) -> None:
        """`path` is the service's socket; `clock` gives monotonic seconds."""
        self._path = path
        self._clock = clock
        self._peer: Service | None = None
        self._received = bytearray()
        self._partly_sent = b""
        self._greeting = b""
        self._kept: deque[bytes] = deque(maxlen=MAX_KEPT)
        self._wait = FIRST_WAIT_SECONDS
        self._next_try = clock()
        self._first_version: str | None = None
        self._is_left_behind = False

    @property
    def connected(self) -> bool:
        """Whether the service is there."""
        return self._peer is not None

    def fileno(self) -> int | None:
        """What to wait for, or None while there is no connection."""
        return None if self._peer is None else self._peer.fileno()

    @property
    def writes(self) -> bool:
        """Whether there is something to send, so that `fileno` is to be waited for until it takes more."""
        return bool(self._partly_sent or self._kept)

    @property
    def is_left_behind(self) -> bool:
        """Whether this program should begin anew: the service is of another version than at first, and has heard all.

        It compares no version with this program's own, so whatever the service says, a program begins anew no more
        often than the service does.
        """
        return self._is_left_behind and self._peer is not None and not self.writes

    def wait_seconds(self) -> float | None:
        """How long until the next try, or None where nothing is to be tried."""
        return None if self._peer is not None else max(0.0, self._next_try - self._clock())

    def send(self, message: FromSession) -> None:
        """Send, now or when the service is there again."""
        self._kept.append(encode(message))
        self._flush()

    def greet(self, message: FromSession) -> None:
        """Send this at the beginning of each connection, and at once where there is one."""
        self._greeting = encode(message)
        if self._peer is not None:
            self.send(message)

    def turn(self) -> list[FromService]:
        """Do what can be done without waiting; gives the messages that came."""
        if self._peer is None and self._clock() >= self._next_try:
            self._connect()
        if self._peer is None:
            return []
        self._flush()
        return self._receive()

    def close(self) -> None:
        """Send what can be sent at once, and leave."""
        self._flush()
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def _connect(self) -> None:
        try:
            peer = reached(self._path)
        except OSError:
            self._later()
            return
        self._peer = peer
        if self._greeting and (not self._kept or self._kept[0] != self._greeting):
            self._kept.appendleft(self._greeting)
        self._received.clear()

    def _later(self) -> None:
        self._next_try = self._clock() + self._wait
        self._wait = min(LONGEST_WAIT_SECONDS, 2 * self._wait)

    def _lost(self) -> None:
        if self._peer is not None:
            self._peer.close()
        self._peer = None
        # A line that was cut off was not understood by the service: its rest must not begin the next connection.
        self._partly_sent = b""
        self._later()

    def _flush(self) -> None:
        while self._peer is not None and (self._partly_sent or self._kept):
            line = self._partly_sent or self._kept[0]
            try:
                sent = self._peer.send(line)
            except BlockingIOError:
                return
            except OSError:
                self._lost()
                return
            self._partly_sent = line[sent:]
            if not self._partly_sent:
                self._kept.popleft()

    def _receive(self) -> list[FromService]:
        messages: list[FromService] = []
        while self._peer is not None:
            try:
                received = self._peer.recv(_CHUNK_BYTES)
            except BlockingIOError:
                break
            except OSError:
                received = b""
            if not received:
                self._lost()
                break
            self._received += received
            *lines, rest = bytes(self._received).split(b"\n")
            self._received = bytearray(rest)
            messages += self._understood(lines)
            if len(rest) > MAX_ANSWER_BYTES:
                self._lost()
        if messages:
            self._wait = FIRST_WAIT_SECONDS
        return messages

    def _understood(self, lines: list[bytes]) -> list[FromService]:
        """The messages; one that a newer service says and this part can't read is passed over."""
        messages: list[FromService] = []
        for line in lines:
            with contextlib.suppress(MessageRefused):
                message = decode_from_service(line)
                if isinstance(message, ServiceVersion):
                    self._reached(message.version)
                else:
                    messages.append(message)
        return messages

    def _reached(self, version: str) -> None:
        if self._first_version is None:
            self._first_version = version
        self._is_left_behind = version != self._first_version


def ask(path: Path, question: Ask, *before: FromSession, timeout_seconds: float = 5.0) -> bytes:
    """Ask the service about its state, or what it keeps of the caller; gives JSON. `before` is said first.

    Raises `ServiceUnreachable` when nothing answers and `ServiceRefused` when the service says why it does not.
    """
    told, received = b"".join(map(encode, (*before, question))), bytearray()
    until = monotonic() + timeout_seconds
    try:
        with contextlib.closing(reached(path)) as peer:
            while (left := until - monotonic()) > 0:
                with contextlib.suppress(BlockingIOError):
                    told = told[peer.send(told) :] if told else told
                    chunk = peer.recv(_CHUNK_BYTES)
                    if not chunk:
                        raise ServiceUnreachable("The service ended the connection without an answer.")
                    received += chunk
                    answer = _answer_in(received)
                    if answer is not None:
                        return answer
                    continue
                waiting.wait([(peer.fileno(), bool(told))], (), left)
    except (OSError, MessageRefused) as error:
        raise ServiceUnreachable(f"The service does not answer ({type(error).__name__}).") from error
    raise ServiceUnreachable("The service does not answer in time.")


def _answer_in(received: bytearray) -> bytes | None:
    """The answer in what was received, whose whole lines are taken out of it; raises `ServiceRefused`."""
    *lines, rest = bytes(received).split(b"\n")
    received[:] = rest
    if len(rest) > MAX_ANSWER_BYTES:
        raise MessageRefused("The line is longer than any message.")
    for line in lines:
        message = decode_from_service(line)
        if isinstance(message, Answer):
            return bytes(message.json)
        if isinstance(message, Refused):
            raise ServiceRefused(message.reason)
    return None
