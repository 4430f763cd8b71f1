"""DNS over TLS, spoken to by real TLS clients: good phones, strangers, the slow, the greedy and the malformed."""

from __future__ import annotations

import asyncio
import resource
import shutil
import ssl
import time

import dns.edns
import dns.message
import pytest

from agent.gateway import dot
from agent.gateway.dot import Dot, Tls
from tests.agent.gateway import certificates
from tests.agent.gateway.doors import ALICE, ALICES, BOB, BOBS, Desk, TlsClient
from tests.agent.gateway.loops import run_apart
from tests.agent.gateway.resolvers import Resolver, answer_of


def asked(name="www.example.org.", **more):
    return dns.message.make_query(name, "A", use_edns=0, **more)


class Open:
    """A listener with one resolver behind it."""

    def __init__(self, files, **resolver):
        self.files, self._resolver = files, Resolver(files, **resolver)

    async def __aenter__(self):
        self.resolver = await self._resolver.__aenter__()
        self.desk = Desk(self.files, self.resolver)
        self.tls = Tls(*map(str, self.files))
        self.dot = Dot(self.desk.front, self.tls, time.monotonic)
        await self.dot.start("127.0.0.1", 0)
        return self

    async def __aexit__(self, *fault):
        await self.dot.stop()
        self.desk.upstreams.close()
        await self._resolver.__aexit__(*fault)

    def client(self, server_name=f"{ALICES}.gateway.test"):
        return TlsClient(self.files, self.dot.port, server_name)


async def until_ended(client):
    """Read until the listener ends the connection, after two answers at most."""

    async def read():
        for _ in range(3):
            await client.receive()

    with pytest.raises(asyncio.IncompleteReadError):
        await read()


async def write_for_ever(writer, piece):
    while True:
        writer.write(piece)
        await writer.drain()


def run(work, files, **resolver):
    async def opened():
        async with Open(files, **resolver) as there:
            async with asyncio.timeout(20):
                await work(there)

    run_apart(opened())


def test_each_phone_is_known_by_its_server_name_and_its_names_are_noted_as_its_own(files):
    async def work(there):
        async with there.client() as alice, there.client(f"{BOBS}.gateway.test") as bob:
            assert (await alice.ask(asked("a.example.org."))).answer
            assert (await bob.ask(asked("b.example.org."))).answer
        assert there.desk.noted == [(ALICE, "a.example.org", "dot"), (BOB, "b.example.org", "dot")]

    run(work, files)


@pytest.mark.parametrize(
    "name", [f"{'c' * 26}.gateway.test", "gateway.test", f"{ALICES.upper()[:-1]}.gateway.test", None]
)
def test_an_unknown_name_or_none_is_refused_counted_and_asked_of_nobody(files, name):
    async def work(there):
        async with there.client(name) as stranger:
            assert (await stranger.ask(asked())).rcode() == 5
        assert there.desk.phones.refused["unknown"] == 1
        assert there.resolver.asked == []
        assert there.desk.noted == []

    run(work, files)


def test_many_questions_at_once_are_answered_as_they_are_ready_padded_where_asked(files):
    def say(question):
        return None if "never" in str(question.question[0].name) else answer_of(question).to_wire()

    async def work(there):
        padding = dns.edns.GenericOption(12, bytes(9))
        async with there.client() as phone:
            phone.send(asked("never.test.").to_wire())
            questions = [asked(f"n{n}.test.", options=[padding]) for n in range(100)]
            for one in questions:
                phone.send(one.to_wire())
            answers = [await phone.receive() for _ in questions]
        assert all(len(one) % 468 == 0 for one in answers)
        assert sorted(dns.message.from_wire(one).id for one in answers) == sorted(one.id for one in questions)

    run(work, files, says=say)


def test_a_message_in_pieces_is_one_message_and_two_in_one_piece_are_two(files):
    async def work(there):
        data = asked().to_wire()
        framed = len(data).to_bytes(2, "big") + data
        async with there.client() as phone:
            for byte in framed:
                phone.writer.write(bytes([byte]))
                await phone.writer.drain()
            assert await phone.receive()
            phone.writer.write(framed + framed)
            assert await phone.receive()
            assert await phone.receive()

    run(work, files)


@pytest.mark.parametrize("data", [b"", b"x", b"\xff" * 11, b"\0" * 5000, b"\x80" * 40])
def test_what_is_no_question_is_refused_or_ends_that_connection_and_no_other(files, data):
    async def work(there):
        async with there.client() as good, there.client(f"{BOBS}.gateway.test") as bad:
            await good.ask(asked("a.test."))
            bad.send(data)
            await until_ended(bad)
            assert (await good.ask(asked("b.test."))).answer

    run(work, files)


def test_a_phone_that_asks_too_much_is_refused_and_others_are_unharmed(files):
    async def work(there):
        async with there.client() as flood, there.client(f"{BOBS}.gateway.test") as other:
            for n in range(900):
                flood.send(asked(f"n{n % 50}.test.").to_wire())
            codes = [dns.message.from_wire(await flood.receive()).rcode() for _ in range(900)]
            begin = time.monotonic()
            assert (await other.ask(asked("b.test."))).rcode() == 0
            assert time.monotonic() - begin < 1.0
        assert 200 < codes.count(5) < 400
        assert there.desk.phones.refused["too_many"] == codes.count(5)

    run(work, files)


def test_the_slow_are_ended(files, monkeypatch):
    monkeypatch.setattr(dot, "HANDSHAKE_SECONDS", 0.2)
    monkeypatch.setattr(dot, "MESSAGE_SECONDS", 0.4)
    monkeypatch.setattr(dot, "IDLE_SECONDS", 0.6)
    monkeypatch.setattr(dot, "_SWEEP_SECONDS", 0.05)

    async def work(there):
        reader, writer = await asyncio.open_connection("127.0.0.1", there.dot.port)
        assert await reader.read() == b""
        writer.close()
        monkeypatch.setattr(dot, "HANDSHAKE_SECONDS", 20.0)
        async with there.client() as half:
            half.writer.write(b"\0\x40half a question")
            with pytest.raises(asyncio.IncompleteReadError):
                await half.receive()
        async with there.client() as idle:
            await idle.ask(asked())
            with pytest.raises(asyncio.IncompleteReadError):
                await idle.receive()
        assert there.dot.ended_idle == 3
        assert len(there.dot) == 0

    run(work, files)


def test_a_phone_that_reads_no_answers_is_read_no_further(files):
    async def work(there):
        async with there.client() as deaf:
            deaf.writer.transport.pause_reading()
            data = asked("www.example.org.", options=[dns.edns.GenericOption(12, bytes(9))]).to_wire()
            there.desk.phones.may_ask = lambda *_one: True
            piece = (len(data).to_bytes(2, "big") + data) * 200
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(write_for_ever(deaf.writer, piece), 1.5)
            connection = next(iter(there.dot._connections))
            assert connection._transport.get_write_buffer_size() < 2_000_000
        async with there.client(f"{BOBS}.gateway.test") as other:
            assert (await other.ask(asked())).answer

    run(work, files)


def test_more_connections_than_may_be_end_the_one_longest_idle(files, monkeypatch):
    monkeypatch.setattr(dot, "CONNECTIONS_MAX", 3)

    async def work(there):
        async with there.client() as first, there.client() as second, there.client() as third:
            for one in (first, second, third):
                await one.ask(asked())
            await first.ask(asked())
            async with there.client() as fourth:
                await fourth.ask(asked())
                with pytest.raises(asyncio.IncompleteReadError):
                    await second.receive()
                assert (await first.ask(asked())).answer
                assert (await third.ask(asked())).answer
        assert there.dot.ended_idle == 1

    run(work, files)


def test_garbage_where_tls_should_be_ends_the_connection(files):
    async def work(there):
        reader, writer = await asyncio.open_connection("127.0.0.1", there.dot.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert len(await reader.read()) < 20
        writer.close()
        async with there.client() as phone:
            assert (await phone.ask(asked())).answer

    run(work, files)


def test_a_renewed_certificate_is_used_from_the_next_connection_and_a_broken_one_never(files, tmp_path):
    mine = tmp_path / "own.pem", tmp_path / "own.key"
    for source, target in zip(files, mine, strict=True):
        shutil.copy(source, target)
    tls = Tls(*map(str, mine))
    renewed = certificates.make(tmp_path, "*.gateway.test", stem="renewed")

    async def work():
        async with Resolver(files) as resolver:
            desk = Desk(files, resolver)
            listener = Dot(desk.front, tls, time.monotonic)
            await listener.start("127.0.0.1", 0)
            async with TlsClient(files, listener.port, f"{ALICES}.gateway.test") as old:
                shutil.copy(renewed[0], mine[0])
                with pytest.raises(ssl.SSLError):
                    tls.reload()  # the key is still the old one
                async with TlsClient(files, listener.port, f"{ALICES}.gateway.test") as still:
                    assert (await still.ask(asked())).answer
                shutil.copy(renewed[1], mine[1])
                tls.reload()
                async with TlsClient(renewed, listener.port, f"{ALICES}.gateway.test") as new:
                    assert (await new.ask(asked())).answer
                assert (await old.ask(asked())).answer
            await listener.stop()
            desk.upstreams.close()

    run_apart(work())


@pytest.mark.more
def test_ten_thousand_idle_connections_harm_nobody(files):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 30_000), hard))

    async def work(there):
        async with there.client(f"{BOBS}.gateway.test") as phone:
            idle = []
            for n in range(10_000):
                idle.append(await asyncio.open_connection("127.0.0.1", there.dot.port))
                if n % 500 == 0:
                    assert (await phone.ask(asked(f"n{n}.test."))).answer
            assert len(there.dot) <= dot.CONNECTIONS_MAX
            assert (await phone.ask(asked("last.test."))).answer
            for _, writer in idle:
                writer.transport.abort()

    async def opened():
        async with Open(files) as there, asyncio.timeout(120):
            await work(there)

    try:
        run_apart(opened())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
