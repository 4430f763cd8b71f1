"""What the listeners' tests share: a front with two phones whose names are noted, and clients that speak to it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from uuid import UUID

import dns.message

from agent.gateway.cache import Cache
from agent.gateway.front import Front
from agent.gateway.phones import Phone, Phones, hash_of
from agent.gateway.resolver import Resolver
from agent.gateway.upstream import Server, Upstreams
from tests.agent.gateway.resolvers import trust

NOBODY = Server("127.0.0.1", 9, "resolver.test")
ALICES = "a" * 26
BOBS = "b" * 26
ALICE = Phone(UUID(int=1), "staff", "alice")
BOB = Phone(UUID(int=2), "learners", "bob")


class Desk:
    """A front over real resolvers, and what it noted."""

    def __init__(self, files, *resolvers, answer_seconds=1.0):
        self.noted = []
        self.phones = Phones()
        self.phones.replace([(hash_of(ALICES), ALICE), (hash_of(BOBS), BOB)])
        self.upstreams = Upstreams(
            [one.server for one in resolvers] or [NOBODY],
            time.monotonic,
            trust=trust(files[0]),
            hedge_seconds=0.1,
            answer_seconds=answer_seconds,
        )
        resolver = Resolver(self.upstreams, Cache(), time.monotonic)
        self.front = Front(self.phones, resolver, lambda *one: self.noted.append(one), time.monotonic)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class TlsClient:
    """Speaks DNS over TLS as a phone does, with the id in the server name."""

    def __init__(self, files, port, server_name):
        self._trust = trust(files[0])
        self._trust.check_hostname = server_name is not None
        if server_name is None:
            self._trust.verify_mode = ssl.CERT_NONE
        self._port, self._name = port, server_name

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self._port, ssl=self._trust, server_hostname=self._name or ""
        )
        return self

    async def __aexit__(self, *_fault):
        self.writer.transport.abort()

    def send(self, data):
        self.writer.write(len(data).to_bytes(2, "big") + data)

    async def receive(self):
        size = int.from_bytes(await self.reader.readexactly(2), "big")
        return await self.reader.readexactly(size)

    async def ask(self, question):
        self.send(question.to_wire())
        async with asyncio.timeout(5):
            return dns.message.from_wire(await self.receive())
