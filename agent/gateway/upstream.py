"""The resolvers that the gateway asks: several, over TLS alone, each on one connection that carries many questions.

Attacks and what stops them: a resolver that mixes up or makes up ids (an answer counts only for the question whose id
and name it has); garbage or a length without end (the connection is closed, its questions go to another resolver);
silence (the next is asked after a moment, and who is silent is asked last until it answers again); a stranger between
(TLS with the resolver's name, and an authority's certificate).

Sources: RFC 7858 (DNS over TLS), RFC 7766 (one connection for many questions), RFC 8467 (padding).
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from agent.gateway import wire
from agent.gateway.wire import Answer, Malformed, Question

PORT: Final = 853

CONNECT_SECONDS: Final = 3.0
"""A resolver across the world answers a TLS handshake in under a second."""

HEDGE_SECONDS: Final = 0.4
"""After which the next resolver is asked too: longer than nearly all lookups, shorter than anybody waits for a page."""

ANSWER_SECONDS: Final = 4.0
"""After which a lookup has failed: clients themselves ask again after five."""

DOWN_SECONDS: Final = 10.0
"""How long a resolver that failed is asked last; the health check asks it again after that."""

IDLE_SECONDS: Final = 25.0
"""A connection without questions for so long is checked: many resolvers close them after 30 seconds."""

PENDING_MAX: Final = 4096
"""Questions under way on one connection; of 65,536 ids a free one is then found at once."""

_SMOOTHING: Final = 0.2


class NoAnswer(Exception):
    """No resolver answered in time."""


class Server(NamedTuple):
    """A resolver: its address, its port, and the name that its certificate must have."""

    address: str
    port: int
    name: str


def parse_server(text: str) -> Server:
    """Read `ADDRESS#NAME` or `ADDRESS@PORT#NAME`, as `9.9.9.9#dns.quad9.net`; raises ValueError with a sentence."""
    place, mark, name = text.partition("#")
    address, at, port = place.partition("@")
    if not mark or not address or not name:
        raise ValueError(f"«{text}» is not ADDRESS#NAME, such as 9.9.9.9#dns.quad9.net")
    if at and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"«{text}»: the port is a number from 1 to 65535")
    return Server(address, int(port) if at else PORT, name)


class _Line(asyncio.Protocol):
    """One connection: writes questions, and gives each answer to the question that has its id."""

    def __init__(self, closed: Callable[[_Line], None]) -> None:
        self._closed = closed
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int, tuple[Question, asyncio.Future[Answer]]] = {}
        self._buffer = bytearray()
        self.strays = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @property
    def is_open(self) -> bool:
        """Whether questions can be asked on it."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_full(self) -> bool:
        """Whether as many questions are under way as may be."""
        return len(self._waiting) >= PENDING_MAX

    def ask(self, question: Question) -> asyncio.Future[Answer]:
        """Send a question; the future has its answer, or NoAnswer when the connection ends."""
        assert self._transport is not None
        ident = secrets.randbelow(65536)
        while ident in self._waiting:
            ident = secrets.randbelow(65536)
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[ident] = question, answered
        answered.add_done_callback(lambda _done: self._waiting.pop(ident, None))
        data = wire.query(question, ident)
        self._transport.write(len(data).to_bytes(2, "big") + data)
        return answered

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        place, size = 0, len(buffer)
        while size - place >= 2:
            length = buffer[place] << 8 | buffer[place + 1]
            if size - place - 2 < length:
                break
            message = bytes(buffer[place + 2 : place + 2 + length])
            place += 2 + length
            if not self._take(message):
                self.close()
                return
        del buffer[:place]

    def _take(self, message: bytes) -> bool:
        """Give an answer to whoever asked; False for garbage, after which nothing on this line can be believed."""
        if len(message) < wire.HEADER_BYTES:
            return False
        waiting = self._waiting.get(message[0] << 8 | message[1])
        if waiting is None:
            self.strays += 1  # it came too late, or was never asked for
            return True
        question, answered = waiting
        try:
            answer = wire.read_answer(message, question)
        except Malformed:
            return False
        if not answered.done():
            answered.set_result(answer)
        return True

    def connection_lost(self, _fault: Exception | None) -> None:
        self._transport = None
        for _, answered in list(self._waiting.values()):
            if not answered.done():
                answered.set_exception(NoAnswer())
                answered.exception()  # somebody else's answer may have come first, so nobody may look at it
        self._waiting.clear()
        self._closed(self)

    def close(self) -> None:
        """End it, and what is under way on it."""
        if self._transport is not None:
            self._transport.abort()


class Upstream:
    """One resolver, how fast it answers, and whether it does."""

    def __init__(self, server: Server, trust: ssl.SSLContext, clock: Callable[[], float]) -> None:
        self.server = server
        self._trust = trust
        self._clock = clock
        self._line: _Line | None = None
        self._opening: asyncio.Task[_Line] | None = None
        self.smoothed_seconds = 0.0
        self.down_until = 0.0
        self.last_asked = 0.0

    @property
    def is_up(self) -> bool:
        """Whether it answered last, as far as is known."""
        return self._clock() >= self.down_until

    def ask_at_once(self, question: Question) -> asyncio.Future[Answer] | None:
        """Ask on the connection that is open, without a task for it; None where there is none or it is full."""
        line = self._line
        if line is None or not line.is_open or line.is_full:
            return None
        begin = self.last_asked = self._clock()
        answered = line.ask(question)
        answered.add_done_callback(lambda done: self._answered(done, begin))
        return answered

    def _answered(self, done: asyncio.Future[Answer], begin: float) -> None:
        if not done.cancelled() and done.exception() is None:
            self.smoothed_seconds += _SMOOTHING * (self._clock() - begin - self.smoothed_seconds)
            self.down_until = 0.0

    async def ask(self, question: Question) -> Answer:
        """Return its answer; raises NoAnswer. A connection that its resolver closed is opened anew once."""
        for attempt in (1, 2):
            fresh = self._line is None
            try:
                await self._open()
                answered = self.ask_at_once(question)
                if answered is not None:
                    return await answered
            except (NoAnswer, OSError, TimeoutError, ssl.SSLError):
                pass
            if fresh or attempt == 2:
                break
        self.failed()
        raise NoAnswer

    def failed(self) -> None:
        """It did not answer: it is asked last for a while."""
        self.down_until = self._clock() + DOWN_SECONDS

    async def _open(self) -> _Line:
        if self._line is not None and self._line.is_open:
            if self._line.is_full:
                raise NoAnswer
            return self._line
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._connect())
            self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)

    async def _connect(self) -> _Line:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            _, line = await loop.create_connection(
                lambda: _Line(self._lost),
                self.server.address,
                self.server.port,
                ssl=self._trust,
                server_hostname=self.server.name,
            )
        return line

    def _opened(self, task: asyncio.Task[_Line]) -> None:
        self._opening = None
        if not task.cancelled() and task.exception() is None:
            self._line = task.result()

    def _lost(self, line: _Line) -> None:
        if self._line is line:
            self._line = None

    def close(self) -> None:
        """End its connection."""
        if self._opening is not None:
            self._opening.cancel()
        if self._line is not None:
            self._line.close()


class Upstreams:
    """All resolvers: the fastest that answers is asked, and the next as well where it takes long."""

    def __init__(
        self,
        servers: Sequence[Server],
        clock: Callable[[], float],
        *,
        trust: ssl.SSLContext | None = None,
        hedge_seconds: float = HEDGE_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        if not servers:
            raise ValueError("name at least one resolver")
        trust = trust or ssl.create_default_context()
        self.all = tuple(Upstream(server, trust, clock) for server in servers)
        self._clock = clock
        self._hedge_seconds = hedge_seconds
        self._answer_seconds = answer_seconds

    async def ask(self, question: Question) -> Answer:
        """Return the first good answer. A failure that a resolver reports counts only if no other does better.

        Raises NoAnswer when none came within the time.
        """
        waiting = sorted(self.all, key=lambda one: (not one.is_up, one.smoothed_seconds))
        under_way: dict[asyncio.Future[Answer], Upstream] = {}
        end = self._clock() + self._answer_seconds
        failure: Answer | None = None
        first = waiting[0].ask_at_once(question)
        if first is not None:
            # Nearly always it answers soon: then this is all.
            with suppress(NoAnswer, TimeoutError):
                async with asyncio.timeout(self._hedge_seconds):
                    answer = await asyncio.shield(first)
                if _is_good(answer):
                    return answer
                failure = answer
            if not first.done():
                under_way[first] = waiting.pop(0)
            elif failure is not None:
                waiting.pop(0)
        try:
            while waiting or under_way:
                if waiting:
                    one = waiting.pop(0)
                    under_way[asyncio.ensure_future(one.ask(question))] = one
                left = end - self._clock()
                if left <= 0:
                    break
                wait = min(left, self._hedge_seconds) if waiting else left
                done, _ = await asyncio.wait(under_way, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    under_way.pop(task)
                    given = _answer_of(task)
                    if given is not None and _is_good(given):
                        return given
                    failure = failure or given
        finally:
            for task, one in under_way.items():
                if self._clock() >= end:
                    one.failed()
                task.cancel()
        if failure is not None:
            return failure
        raise NoAnswer

    async def check(self) -> None:
        """Ask those that failed, or were not asked for a while, for the root's name servers; to be called often."""
        now = self._clock()
        due: Iterable[Upstream] = (
            one
            for one in self.all
            if (one.down_until and now >= one.down_until) or now - one.last_asked >= IDLE_SECONDS
        )
        await asyncio.gather(*(self._check(one) for one in due))

    async def _check(self, one: Upstream) -> None:
        try:
            async with asyncio.timeout(self._answer_seconds):
                await one.ask(_ROOT)
        except (NoAnswer, TimeoutError):
            one.failed()

    @property
    def any_up(self) -> bool:
        """Whether at least one resolver answered last."""
        return any(one.is_up for one in self.all)

    def close(self) -> None:
        """End all connections."""
        for one in self.all:
            one.close()


def _is_good(answer: Answer) -> bool:
    return answer.rcode not in (wire.SERVFAIL, wire.REFUSED)


def _answer_of(task: asyncio.Future[Answer]) -> Answer | None:
    if task.cancelled() or task.exception() is not None:
        return None
    return task.result()


_ROOT: Final = Question(
    id=0,
    flags=0x0100,
    name="",
    qtype=2,
    spelled=b"\0",
    edns=True,
    dnssec=False,
    padded=False,
    options=b"",
    payload=1232,
    version=0,
)
