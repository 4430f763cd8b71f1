"""A resolver over TLS on loopback, that answers from a table, and lies, stalls or babbles where a test says so."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from agent.gateway.upstream import Server

NAME = "resolver.test"
Says = Callable[[dns.message.Message], bytes | list[bytes] | None]


def answer_of(question, address="192.0.2.7", ttl=300, rcode=0):
    """A plain answer: one address for any name, or none with another code."""
    answer = dns.message.make_response(question, recursion_available=True)
    answer.set_rcode(rcode)
    asked = question.question[0]
    if rcode == 0 and asked.rdtype == 1:
        answer.answer = [dns.rrset.from_text(asked.name, ttl, "IN", "A", address)]
    elif rcode in (0, 3):
        soa = f"ns.test. host.test. 1 2 3 4 {ttl}"
        answer.authority = [dns.rrset.from_text("test.", ttl, "IN", "SOA", soa)]
    return answer


class Resolver:
    """Counts what it is asked; `says` makes the bytes (several messages, or None for silence)."""

    def __init__(self, files: tuple[Path, Path], says: Says | None = None, delay: float = 0.0) -> None:
        self.says = says or (lambda question: answer_of(question).to_wire())
        self.delay = delay
        self.asked: list[dns.message.Message] = []
        self.connections = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*files)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def names(self) -> list[str]:
        """What was asked, but for the root (a health check)."""
        return [str(one.question[0].name) for one in self.asked if str(one.question[0].name) != "."]

    async def __aenter__(self) -> Resolver:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.server = Server("127.0.0.1", self._server.sockets[0].getsockname()[1], NAME)
        return self

    async def __aexit__(self, *_fault: object) -> None:
        self._server.close()
        self.drop()
        await self._server.wait_closed()

    def drop(self) -> None:
        """End all connections, as resolvers do with idle ones."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        answering = set()
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                question = dns.message.from_wire(await reader.readexactly(size))
                self.asked.append(question)
                task = asyncio.ensure_future(self._answer(question, writer))
                answering.add(task)
                task.add_done_callback(answering.discard)
        except (asyncio.IncompleteReadError, OSError, ssl.SSLError):
            pass
        finally:
            for task in answering:
                task.cancel()
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, question: dns.message.Message, writer: asyncio.StreamWriter) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        said = self.says(question)
        for one in [said] if isinstance(said, bytes) else said or []:
            writer.write(len(one).to_bytes(2, "big") + one)


def trust(certificate: Path) -> ssl.SSLContext:
    """A client's context that trusts this one certificate."""
    return ssl.create_default_context(cafile=str(certificate))


def spoilt_id(question: dns.message.Message) -> bytes:
    """A good answer under another id."""
    data = bytearray(answer_of(question, "203.0.113.66").to_wire())
    data[0] ^= 0xFF
    return bytes(data)


def nxdomain(question: dns.message.Message) -> bytes:
    """There is no such name."""
    return answer_of(question, rcode=dns.rcode.NXDOMAIN).to_wire()
