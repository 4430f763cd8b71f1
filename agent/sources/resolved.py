"""Hears from systemd-resolved which names any program of this machine looked up; of answers nothing is decoded.

Its monitor tells every name that it was asked for, to root alone, and neither which program asked nor for whom. It
speaks varlink (JSON objects with a zero byte behind each). What a newer one tells besides is passed over, as it is not
ours to refuse. It is there from systemd 252 on; a program that asks another resolver is not heard.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from agent.health import SourceHealth

SOURCE: Final = "resolved"
MONITOR: Final = Path("/run/systemd/resolve/io.systemd.Resolve.Monitor")
SUBSCRIBE: Final = b'{"method":"io.systemd.Resolve.Monitor.SubscribeQueryResults","more":true}\0'

TRY_AGAIN_SECONDS: Final = 30.0
"""How soon a monitor that is not there, or has gone, is tried again."""

MESSAGE_MAX_BYTES: Final = 1024 * 1024
"""An answer of the largest size that DNS has, as JSON, takes some hundred kilobytes."""

_CLASS_IN: Final = 1
_NOT_THERE: Final = "systemd-resolved does not run here, so names that programs look up are not seen."
_NOT_ALLOWED: Final = (
    "The service may not ask systemd-resolved, so names that programs look up are not seen; the Linux package’s README "
    "says which power that takes."
)
NO_ROOM: Final = "The system gives the service no more to listen with, so names that programs look up are not seen now."
_NOT_TOLD: Final = "systemd-resolved is too old to tell which names are looked up, or does not tell them to us."

log = logging.getLogger(__name__)


class _Question(msgspec.Struct, frozen=True):
    name: str
    type: int
    of_class: int = msgspec.field(name="class", default=_CLASS_IN)


class _Parameters(msgspec.Struct, frozen=True):
    """`state` is "success" where the name exists."""

    ready: bool = False
    state: str = ""
    question: tuple[_Question, ...] = ()


class _Reply(msgspec.Struct, frozen=True):
    parameters: _Parameters = _Parameters()
    error: str | None = None


class Hearer(Protocol):
    """Who is told the names, and what it wants to be asked in time."""

    trouble: str
    """Why it can't make anything of names at present; empty where it can."""

    def note(self, name: str, qtype: int) -> None:
        """Take a name that exists, as it was asked for, and the type of record that was."""

    def turn(self) -> float | None:
        """Do what is due; returns in how many seconds more is, None for never."""

    def forget(self) -> None:
        """Drop what was not made anything of yet."""


_decoder = msgspec.json.Decoder(_Reply)


class Telling:
    """Tells how names that programs look up are seen, each time that it changed."""

    def __init__(self, said: Callable[[SourceHealth | None], None]) -> None:
        self._said = said
        self._health: SourceHealth | None = None

    def by(self, hearer: Hearer) -> None:
        """They are heard, as well as the hearer can make use of them."""
        if hearer.trouble:
            self.unknown(hearer.trouble)
        else:
            self._tell(SourceHealth(name=SOURCE, state="working"))

    def unknown(self, reason: str) -> None:
        """They are not seen."""
        self._tell(SourceHealth(name=SOURCE, state="unknown", reason=reason))

    def nothing(self) -> None:
        """Nobody wants them."""
        self._tell(None)

    def _tell(self, health: SourceHealth | None) -> None:
        if health != self._health:
            self._health = health
            self._said(health)


class Resolved:
    """The connection to the monitor, in a thread of its own while it is wanted."""

    name = SOURCE

    def __init__(self, hearer: Hearer, said: Callable[[SourceHealth | None], None], *, monitor: Path = MONITOR) -> None:
        """`said(health)` hears of each change, None for not listening at all.

        The hearer and it are called in the source's own thread, or once that has ended in the one that calls `want`.
        """
        self._hearer = hearer
        self._telling = Telling(said)
        self._monitor = monitor
        self._ready = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._wake: tuple[socket.socket, socket.socket] | None = None

    def want(self, wanted: bool) -> None:
        """Begin or end to listen; nothing where that is so already. May be called from any thread but its own.

        Called again, it begins anew what ended by itself, or what no thread could be had for.
        """
        with self._lock:
            if wanted and (self._thread is None or not self._thread.is_alive()):
                self._begin()
            elif not wanted and self._thread is not None:
                self._stopping.set()
                if self._wake is not None:
                    self._wake[1].send(b".")
                self._thread.join(timeout=10)
                self._thread = None
                self._close_wake()
                self._hearer.forget()
                self._telling.nothing()

    def _begin(self) -> None:
        self._close_wake()
        self._stopping.clear()
        self._ready = False
        thread = threading.Thread(target=self._run, name="resolved", daemon=True)
        try:
            self._wake = socket.socketpair()
            thread.start()
        except (OSError, RuntimeError) as fault:
            log.warning("resolved.not_begun kind=%s", type(fault).__name__)
            self._telling.unknown(NO_ROOM)
        else:
            self._thread = thread

    def _close_wake(self) -> None:
        for end in self._wake or ():
            end.close()
        self._wake = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            why = _NOT_TOLD
            try:
                why = _NOT_TOLD if self._monitor.exists() else _NOT_THERE
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
                    peer.connect(str(self._monitor))
                    peer.sendall(SUBSCRIBE)
                    self._listen(peer)
            except PermissionError:
                why = _NOT_ALLOWED
            except Exception as fault:  # noqa: BLE001 - whatever came, it must not end the listening for ever
                log.info("resolved.gone kind=%s", type(fault).__name__)
            self._ready = False
            if not self._stopping.is_set():
                self._telling.unknown(why)
                self._pause()

    def _pause(self) -> None:
        """Wait before it is tried again, and do meanwhile what is due; where that fails, only wait."""
        try:
            self._wait(None, TRY_AGAIN_SECONDS)
        except Exception as fault:  # noqa: BLE001 - as above
            log.info("resolved.turn_failed kind=%s", type(fault).__name__)
            self._stopping.wait(TRY_AGAIN_SECONDS)

    def _listen(self, peer: socket.socket) -> None:
        received = bytearray()
        while self._wait(peer, None):
            more = peer.recv(65536)
            if not more:
                return
            received += more
            *messages, rest = bytes(received).split(b"\0")
            received = bytearray(rest)
            if len(rest) > MESSAGE_MAX_BYTES or not all(self._understood(one) for one in messages):
                return

    def _understood(self, message: bytes) -> bool:
        reply = _decoder.decode(message)
        if reply.error is not None:
            return False
        self._ready |= reply.parameters.ready
        if reply.parameters.state == "success":
            for question in reply.parameters.question:
                if question.of_class == _CLASS_IN:
                    self._hearer.note(question.name, question.type)
        return True

    def _wait(self, peer: socket.socket | None, most_seconds: float | None) -> bool:
        """Wait for the peer, turning meanwhile; False once nothing is wanted any more or the seconds are over."""
        assert self._wake is not None
        wake = self._wake[0]
        files = [wake] if peer is None else [wake, peer]
        left = most_seconds
        while not self._stopping.is_set():
            due = self._hearer.turn()
            if self._ready:
                self._telling.by(self._hearer)
            waits = [one for one in (due, left) if one is not None]
            readable = select.select(files, [], [], min(waits) if waits else None)[0]
            if wake in readable:
                return False
            if readable:
                return True
            if left is not None:
                left -= min(waits)
                if left <= 0:
                    return False
        return False
