"""DNS over TLS (RFC 7858): many questions on one connection, answered as they are ready; the id is in the server name.

TLS is spoken on memory buffers here, not by asyncio's own, which keeps a quarter of a megabyte for each connection:
ten thousand idle phones would be 2.5 GB.

Attacks and what stops them: handshakes or messages that never end (deadlines); idle connections without number (a
bound, the longest idle goes first); answers that are never read (reading stops until they are); floods of questions on
one connection (a bound of those under way, and one for each phone); no or a wrong server name (REFUSED, counted).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from agent.gateway.front import Front

PORT: Final = 853
HANDSHAKE_SECONDS: Final = 5.0
"""A phone on a poor mobile line needs two seconds."""

IDLE_SECONDS: Final = 60.0
"""Phones keep a connection for half a minute at most; RFC 7858 leaves it to the server."""

MESSAGE_SECONDS: Final = 10.0
"""From the first byte of a message to its last."""

CONNECTIONS_MAX: Final = 4096
"""Connections at once, some 30 KB each; a further one ends the one that was idle longest. Phones open another."""

UNDER_WAY_MAX: Final = 128
"""Questions of one connection under way; then no more are read until one is answered."""

MESSAGE_MAX_BYTES: Final = 4096
"""A longer message is no question (`wire.QUERY_MAX_BYTES`)."""

_READ_BYTES: Final = 16_384
_SWEEP_SECONDS: Final = 1.0


class Tls:
    """The context of all connections, whose certificate can be renewed while it runs."""

    def __init__(self, certificate: str, key: str) -> None:
        """Raises OSError or ssl.SSLError for files that can't be used."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["dot"])
        self.context.sni_callback = _keep_name
        self._files = certificate, key
        self.reload()

    def reload(self) -> None:
        """Use the files as they are now for connections from now on. Raises as the constructor; the old stay then."""
        # Tried on a context of its own first: a certificate without its key must not be half loaded.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
        self.context.load_cert_chain(*self._files)


def _keep_name(connection: Any, name: str | None, _context: ssl.SSLContext) -> None:
    connection.fairwatch_name = name


class _Connection(asyncio.Protocol):
    """One phone's connection."""

    def __init__(self, door: Dot) -> None:
        self._door = door
        self._front = door.front
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = door.tls.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._transport: asyncio.Transport | None = None
        self._shaken = False
        self._ident = ""
        self._buffer = b""
        self._under_way = 0
        self._writing = True
        self.since = door.clock()
        """When it began, last brought a whole message, or began the one that is under way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._door.joined(self)

    @property
    def patience(self) -> float:
        """How long it may go on as it is, in seconds after `since`."""
        if not self._shaken:
            return HANDSHAKE_SECONDS
        return MESSAGE_SECONDS if self._buffer else IDLE_SECONDS

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        try:
            if not self._shaken and not self._shake_hands():
                return
            self._read()
            self._flush()
        except ssl.SSLError:
            self._flush()  # the alert that says why
            self.close()

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        self._shaken = True
        name = getattr(self._tls, "fairwatch_name", None) or ""
        self._ident = name.partition(".")[0].lower()
        self._flush()
        return True

    def _read(self) -> None:
        while self._under_way < UNDER_WAY_MAX and self._writing:
            try:
                data = self._tls.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                break
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                self.close()
                return
            if not data:
                self.close()
                return
            self._take(data)
        self._pause()

    def _take(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        place, size = 0, len(buffer)
        while size - place >= 2:
            length = buffer[place] << 8 | buffer[place + 1]
            if length > MESSAGE_MAX_BYTES:
                self.close()
                return
            if size - place - 2 < length:
                break
            self._ask(buffer[place + 2 : place + 2 + length])
            place += 2 + length
        if place or not self._buffer:
            self.since = self._door.clock()
            self._door.moved(self)
        self._buffer = buffer[place:]

    def _ask(self, data: bytes) -> None:
        answer = self._front.ask(self._ident, data, "dot")
        if answer is None:
            self.close()
        elif isinstance(answer, bytes):
            self._write(answer)
        else:
            self._under_way += 1
            task = asyncio.ensure_future(self._answer_later(answer))
            self._door.tasks.add(task)
            task.add_done_callback(self._door.tasks.discard)

    async def _answer_later(self, waiting: Awaitable[bytes]) -> None:
        try:
            answer = await waiting
        finally:
            self._under_way -= 1
        if self._transport is None:
            return
        try:
            self._write(answer)
            self._flush()
            self._read()
            self._flush()
        except ssl.SSLError:
            self.close()

    def _write(self, answer: bytes) -> None:
        if self._transport is not None:
            self._tls.write(len(answer).to_bytes(2, "big") + answer)

    def _flush(self) -> None:
        if self._transport is not None and self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def _pause(self) -> None:
        """Read no more from a phone that has too much under way, or does not read its answers."""
        if self._transport is None:
            return
        if self._under_way >= UNDER_WAY_MAX or not self._writing:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        self._writing = False
        self._pause()

    def resume_writing(self) -> None:
        self._writing = True
        self.data_received(b"")

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, _fault: Exception | None) -> None:
        self._transport = None
        self._door.left(self)

    def close(self) -> None:
        """End it; what is under way is answered to nobody."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
            self._door.left(self)


class Dot:
    """The listener and its connections, the one longest idle first."""

    def __init__(self, front: Front, tls: Tls, clock: Callable[[], float]) -> None:
        self.front = front
        self.tls = tls
        self.clock = clock
        self.tasks: set[asyncio.Task[None]] = set()
        self.ended_idle = 0
        self._connections: OrderedDict[_Connection, None] = OrderedDict()
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def __len__(self) -> int:
        return len(self._connections)

    async def start(self, address: str, port: int) -> None:
        """Listen; raises OSError where that address and port can't be had."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), address, port, backlog=1024)
        self._sweeping = asyncio.ensure_future(self._sweep())

    async def stop(self) -> None:
        """Listen no more, and end what there is."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close()
        for task in list(self.tasks):
            task.cancel()
        if self._server is not None:
            await self._server.wait_closed()

    def joined(self, connection: _Connection) -> None:
        """A connection began."""
        self._connections[connection] = None
        if len(self._connections) > CONNECTIONS_MAX:
            self.ended_idle += 1
            next(iter(self._connections)).close()

    def moved(self, connection: _Connection) -> None:
        """It is in use: others go first."""
        if connection in self._connections:
            self._connections.move_to_end(connection)

    def left(self, connection: _Connection) -> None:
        """It ended."""
        self._connections.pop(connection, None)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = self.clock()
            for connection in list(self._connections):
                if now - connection.since > connection.patience:
                    self.ended_idle += 1
                    connection.close()
