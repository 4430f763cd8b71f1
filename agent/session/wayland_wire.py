"""Speaks the few words of the Wayland protocol that are needed to see which app is in front; binds nothing else.

Our own, for three interfaces are this file, where a binding brings a compiled library and holds every title in memory.
The protocol: https://wayland.freedesktop.org/docs/html/ch04.html (wire format; numbers are in the machine's order).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from agent.session.errors import DisplayUnavailable

# A compositor answers in milliseconds; one that hangs must not keep the session part from its other work for long.
ANSWER_SECONDS: Final = 5.0
_HEADER: Final = struct.Struct("=II")
_DISPLAY: Final = 1

OnEvent = Callable[[int, bytes], None]


def socket_of(environment: Mapping[str, str]) -> Path | None:
    """Where the session's compositor listens (wl_display_connect(3)), or None where the session does not say."""
    name, folder = environment.get("WAYLAND_DISPLAY") or "wayland-0", environment.get("XDG_RUNTIME_DIR", "")
    if name.startswith("/"):
        return Path(name)
    return Path(folder, name) if folder.startswith("/") else None


class Wire:
    """One connection to a compositor: numbered objects, requests to them, and events from them."""

    def __init__(self, path: Path) -> None:
        """Connect and hear what is offered; raises `DisplayUnavailable` where nobody answers."""
        self.offered: dict[str, tuple[int, int]] = {}
        self._listeners: dict[int, OnEvent] = {_DISPLAY: self._on_display}
        self._received = bytearray()
        self._newest = _DISPLAY
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(ANSWER_SECONDS)
        try:
            self._socket.connect(str(path))
            self._registry = self.new(self._on_registry)
            self.request(_DISPLAY, 1, struct.pack("=I", self._registry))
            self.wait_for_answers()
        except OSError as error:
            self.close()
            raise DisplayUnavailable("The compositor does not answer.") from error
        except DisplayUnavailable:
            self.close()
            raise

    def fileno(self) -> int:
        """The connection, to wait for."""
        return self._socket.fileno()

    def new(self, on_event: OnEvent) -> int:
        """A number for an object that the next request makes; `on_event(event, body)` hears what it says."""
        self._newest += 1
        self._listeners[self._newest] = on_event
        return self._newest

    def listen(self, number: int, on_event: OnEvent) -> None:
        """Hear what an object says that the compositor made."""
        self._listeners[number] = on_event

    def bind(self, interface: str, version: int, on_event: OnEvent) -> int:
        """Take up an interface that is offered, at a version that is not above what is offered."""
        name, _ = self.offered[interface]
        number = self.new(on_event)
        text = interface.encode() + b"\0"
        padded = text + bytes(-len(text) % 4)
        body = struct.pack("=II", name, len(text)) + padded + struct.pack("=II", version, number)
        self.request(self._registry, 0, body)
        return number

    def request(self, number: int, request: int, body: bytes = b"") -> None:
        """Ask something of an object; raises `DisplayUnavailable` if the compositor has gone."""
        size = _HEADER.size + len(body)
        try:
            self._socket.sendall(_HEADER.pack(number, size << 16 | request) + body)
        except OSError as error:
            raise DisplayUnavailable("The compositor has gone.") from error

    def wait_for_answers(self) -> None:
        """Take everything that the compositor says in answer to what was asked so far (wl_display.sync)."""
        done: list[bool] = []
        callback = self.new(lambda *_: done.append(True))
        self.request(_DISPLAY, 0, struct.pack("=I", callback))
        deadline = time.monotonic() + ANSWER_SECONDS
        self._socket.settimeout(ANSWER_SECONDS)
        while not done:
            if time.monotonic() > deadline:
                raise DisplayUnavailable("The compositor does not answer.")
            self._receive()

    def take(self) -> None:
        """Take what has come, without waiting; raises `DisplayUnavailable` if the compositor has gone."""
        self._socket.setblocking(False)
        while self._receive():
            pass

    def forget(self, number: int) -> None:
        """Hear no more from an object."""
        self._listeners.pop(number, None)

    def close(self) -> None:
        """Leave the compositor."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return False
        except OSError as error:
            raise DisplayUnavailable("The compositor does not answer.") from error
        if not data:
            raise DisplayUnavailable("The compositor has gone.")
        self._received += data
        self._hand_out()
        return True

    def _hand_out(self) -> None:
        while len(self._received) >= _HEADER.size:
            number, word = _HEADER.unpack_from(self._received)
            size = word >> 16
            if size < _HEADER.size:
                raise DisplayUnavailable("The compositor said something that can't be read.")
            if len(self._received) < size:
                return
            body = bytes(self._received[_HEADER.size : size])
            del self._received[:size]
            listener = self._listeners.get(number)
            if listener is not None:
                self._tell(listener, word & 0xFFFF, body)

    def _tell(self, listener: OnEvent, event: int, body: bytes) -> None:
        try:
            listener(event, body)
        except (struct.error, UnicodeDecodeError) as error:
            raise DisplayUnavailable("The compositor said something that can't be read.") from error

    def _on_display(self, event: int, body: bytes) -> None:
        if event == 0:
            # Its text is the compositor's own and is not read.
            raise DisplayUnavailable("The compositor refused what was asked.")
        self.forget(struct.unpack_from("=I", body)[0])

    def _on_registry(self, event: int, body: bytes) -> None:
        if event == 0:
            (name,) = struct.unpack_from("=I", body)
            interface = string_in(body, 4)
            (version,) = struct.unpack_from("=I", body, 8 + (len(interface.encode()) + 4) // 4 * 4)
            self.offered.setdefault(interface, (name, version))


def string_in(body: bytes, place: int = 0) -> str:
    """The string that begins at that place: its length with the final zero, then the letters."""
    (length,) = struct.unpack_from("=I", body, place)
    return body[place + 4 : place + 3 + length].decode()
