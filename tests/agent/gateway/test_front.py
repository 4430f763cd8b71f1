"""What every question goes through, whichever door it came by."""

from __future__ import annotations

import dns.message

from tests.agent.gateway.doors import ALICE, ALICES, Desk
from tests.agent.gateway.loops import run_apart
from tests.agent.gateway.resolvers import Resolver, nxdomain


def asked(name="www.example.org.", kind="A"):
    return dns.message.make_query(name, kind)


def test_a_name_is_noted_once_it_was_answered_whether_at_once_or_later(files):
    async def work():
        async with Resolver(files) as resolver:
            desk = Desk(files, resolver)
            later = desk.front.ask(ALICES, asked().to_wire(), "doh")
            assert desk.noted == []
            await later
            assert desk.noted == [(ALICE, "www.example.org", "doh")]
            assert isinstance(desk.front.ask(ALICES, asked().to_wire(), "dot"), bytes)
            assert desk.noted[1:] == [(ALICE, "www.example.org", "dot")]
            desk.upstreams.close()

    run_apart(work())


def test_a_name_that_is_not_there_was_no_visit_and_neither_was_a_service(files):
    async def work():
        async with Resolver(files, nxdomain) as none, Resolver(files) as good:
            missing, there = Desk(files, none), Desk(files, good)
            await missing.front.ask(ALICES, asked("typing-eror.example.").to_wire(), "doh")
            await there.front.ask(ALICES, asked("_8088._https.example.org.", "HTTPS").to_wire(), "doh")
            await there.front.ask(ALICES, asked("example.org.", "TXT").to_wire(), "doh")
            assert missing.noted == there.noted == []
            assert len(good.names) == 2
            missing.upstreams.close()
            there.upstreams.close()

    run_apart(work())


def test_without_any_resolver_the_answer_is_a_failure_and_nothing_is_noted(files):
    async def work():
        desk = Desk(files)
        answer = await desk.front.ask(ALICES, asked().to_wire(), "doh")
        assert dns.message.from_wire(answer).rcode() == 2
        assert desk.noted == []
        desk.upstreams.close()

    run_apart(work())


def test_the_malformed_is_counted_and_never_asked(files):
    desk = Desk(files)
    assert desk.front.ask(ALICES, b"\0" * 12, "doh")[3] & 0xF == 1
    assert desk.front.ask(ALICES, b"", "doh") is None
    assert desk.phones.refused["malformed"] == 2
    desk.upstreams.close()
