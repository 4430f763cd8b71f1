"""Answers from the cache, from resolvers, once for all who ask at once, and stale ones while none is to be had."""

from __future__ import annotations

import asyncio

import dns.message
import pytest

from agent.gateway import resolver as module
from agent.gateway import wire
from agent.gateway.cache import Cache
from agent.gateway.resolver import Resolver
from agent.gateway.upstream import NoAnswer
from tests.agent.gateway.loops import run_apart
from tests.agent.gateway.resolvers import answer_of


def asked(name="www.example.org.", kind="A", **more):
    return wire.read_question(dns.message.make_query(name, kind, **more).to_wire())


class Asker:
    """Stands for the resolvers, which `test_upstream.py` asks for real."""

    def __init__(self):
        self.count = 0
        self.fails = False
        self.waits = 0.0
        self.rcode = 0
        self.ttl = 300

    async def ask(self, question):
        self.count += 1
        await asyncio.sleep(self.waits)
        if self.fails:
            raise NoAnswer
        made = dns.message.from_wire(wire.query(question, 0))
        return wire.read_answer(answer_of(made, ttl=self.ttl, rcode=self.rcode).to_wire(), question)


class Time:
    """A clock that stands still until it is told."""

    now = 1000.0

    def __call__(self):
        return self.now


def parts():
    asker, time = Asker(), Time()
    return asker, time, Resolver(asker, Cache(), time)


def ttl(data):
    return dns.message.from_wire(data).answer[0].ttl


def test_an_answer_is_asked_for_once_and_its_time_runs_on():
    async def work():
        asker, time, resolver = parts()
        assert resolver.at_once(asked()) is None
        assert ttl(await resolver.resolve(asked())) == 300
        time.now += 100
        assert ttl(resolver.at_once(asked("WWW.example.org."))) == 200
        assert asker.count == 1
        time.now += 201
        assert ttl(await resolver.resolve(asked())) == 300
        assert asker.count == 2

    run_apart(work())


def test_all_who_ask_at_the_same_time_get_one_lookup_and_who_leaves_takes_it_from_nobody():
    async def work():
        asker, _, resolver = parts()
        asker.waits = 0.05
        first = asyncio.ensure_future(resolver.resolve(asked()))
        others = [asyncio.ensure_future(resolver.resolve(asked())) for _ in range(50)]
        await asyncio.sleep(0.01)
        first.cancel()
        answers = await asyncio.gather(*others)
        assert all(ttl(one) == 300 for one in answers)
        assert asker.count == 2  # the next of those who wait asks again, once for all

    run_apart(work())


def test_a_popular_name_is_fetched_anew_before_its_time_is_over():
    async def work():
        asker, time, resolver = parts()
        await resolver.resolve(asked())
        time.now += 280
        assert ttl(resolver.at_once(asked())) == 20
        await asyncio.sleep(0.01)
        assert asker.count == 2
        time.now += 30
        assert ttl(resolver.at_once(asked())) == 270

    run_apart(work())


@pytest.mark.parametrize("fault", ["fails", "slow", "servfail"])
def test_a_stale_answer_is_given_while_no_fresh_one_is_to_be_had(fault, monkeypatch):
    monkeypatch.setattr(module, "STALE_AFTER_SECONDS", 0.05)

    async def work():
        asker, time, resolver = parts()
        await resolver.resolve(asked())
        time.now += 5000
        asker.fails, asker.waits, asker.rcode = fault == "fails", 0.3 * (fault == "slow"), 2 * (fault == "servfail")
        stale = await resolver.resolve(asked())
        assert ttl(stale) == 30
        if fault == "slow":
            await asyncio.sleep(0.4)
            assert ttl(resolver.at_once(asked())) == 300

    run_apart(work())


def test_without_any_answer_it_is_a_failure_and_the_next_asks_again():
    async def work():
        asker, _, resolver = parts()
        asker.fails = True
        answer = dns.message.from_wire(await resolver.resolve(asked()))
        assert answer.rcode() == 2
        asker.fails = False
        assert ttl(await resolver.resolve(asked())) == 300

    run_apart(work())


def test_a_name_that_is_not_there_is_kept_too_and_what_carries_options_is_not():
    async def work():
        asker, _, resolver = parts()
        asker.rcode = 3
        await resolver.resolve(asked("none.test."))
        assert dns.message.from_wire(resolver.at_once(asked("none.test."))).rcode() == 3
        asker.rcode = 0
        subnet = dns.edns.ECSOption("192.0.2.0", 24)
        for _ in range(2):
            assert resolver.at_once(asked(use_edns=0, options=[subnet])) is None
            await resolver.resolve(asked(use_edns=0, options=[subnet]))
        assert asker.count == 3

    run_apart(work())
