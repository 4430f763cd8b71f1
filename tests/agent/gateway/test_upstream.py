"""Resolvers asked for real over TLS on loopback: good ones, slow ones, liars, and one that goes away."""

from __future__ import annotations

import asyncio
import time

import dns.message
import pytest

from agent.gateway import wire
from agent.gateway.upstream import NoAnswer, Server, Upstreams, parse_server
from tests.agent.gateway.loops import run_apart
from tests.agent.gateway.resolvers import Resolver, answer_of, nxdomain, spoilt_id, trust


def question(name="www.example.org."):
    return wire.read_question(dns.message.make_query(name, "A", use_edns=0).to_wire())


def address(answer):
    return dns.message.from_wire(answer.data).answer[0][0].address


def asking(files, *resolvers, **more):
    more = {"hedge_seconds": 0.1, "answer_seconds": 1.0, **more}
    return Upstreams([one.server for one in resolvers], time.monotonic, trust=trust(files[0]), **more)


def test_many_questions_go_over_one_connection_padded_and_each_gets_its_own_answer(files):
    async def work():
        def say(asked):
            number = str(asked.question[0].name).split(".")[0][1:]
            return answer_of(asked, f"192.0.2.{number}").to_wire()

        async with Resolver(files, say) as resolver:
            upstreams = asking(files, resolver)
            answers = await asyncio.gather(*(upstreams.ask(question(f"n{n}.test.")) for n in range(200)))
            upstreams.close()
            assert [address(one) for one in answers] == [f"192.0.2.{n}" for n in range(200)]
            assert resolver.connections == 1
            assert all(len(one.to_wire()) % wire.QUERY_PAD_BYTES == 0 for one in resolver.asked)

    run_apart(work())


def test_a_silent_resolver_costs_a_moment_and_then_comes_last(files):
    async def work():
        async with Resolver(files, lambda _asked: None) as silent, Resolver(files) as good:
            upstreams = asking(files, silent, good, answer_seconds=0.5)
            assert address(await upstreams.ask(question())) == "192.0.2.7"
            with pytest.raises(NoAnswer):
                await asking(files, silent, answer_seconds=0.3).ask(question())
            for n in range(5):
                await upstreams.ask(question(f"n{n}.test."))
            assert len(silent.names) <= len(good.names) + 1
            upstreams.close()

    run_apart(work())


@pytest.mark.parametrize(
    "lie",
    [
        spoilt_id,
        lambda _asked: b"garbage",
        lambda asked: answer_of(dns.message.make_query("other.test.", "A", id=asked.id), "203.0.113.66").to_wire(),
        lambda asked: answer_of(asked).to_wire()[:-3],
        lambda _asked: b"\xff" * 60_000,
    ],
    ids=["another id", "garbage", "another name", "cut off", "noise"],
)
def test_a_resolver_that_lies_is_not_believed_and_another_answers(files, lie):
    async def work():
        async with Resolver(files, lie) as liar, Resolver(files) as good:
            upstreams = asking(files, liar, good)
            assert address(await upstreams.ask(question())) == "192.0.2.7"
            alone = asking(files, liar, answer_seconds=0.4)
            with pytest.raises(NoAnswer):
                await alone.ask(question())
            upstreams.close()
            alone.close()

    run_apart(work())


def test_a_connection_that_the_resolver_closed_is_opened_again(files):
    async def work():
        async with Resolver(files) as resolver:
            upstreams = asking(files, resolver)
            await upstreams.ask(question())
            resolver.drop()
            assert address(await upstreams.ask(question("b.test."))) == "192.0.2.7"
            assert resolver.connections == 2
            upstreams.close()

    run_apart(work())


def test_a_failure_that_one_reports_gives_way_to_an_answer_of_another_and_counts_where_all_fail(files):
    async def work():
        def fail(asked):
            return answer_of(asked, rcode=2).to_wire()

        async with Resolver(files, fail) as failing, Resolver(files, nxdomain, delay=0.2) as good:
            both = asking(files, failing, good)
            assert (await both.ask(question())).rcode == wire.NXDOMAIN
            one = asking(files, failing)
            assert (await one.ask(question())).rcode == wire.SERVFAIL
            both.close()
            one.close()

    run_apart(work())


def test_a_stranger_between_without_the_resolvers_name_is_asked_nothing(files):
    async def work():
        async with Resolver(files) as resolver:
            wrong = [Server("127.0.0.1", resolver.server.port, "dns.example")]
            upstreams = Upstreams(wrong, time.monotonic, trust=trust(files[0]), answer_seconds=0.5)
            with pytest.raises(NoAnswer):
                await upstreams.ask(question())
            assert resolver.asked == []
            upstreams.close()

    run_apart(work())


def test_a_resolver_that_failed_is_found_again_by_the_check(files):
    async def work():
        now = 1000.0
        async with Resolver(files) as resolver:
            upstreams = Upstreams([resolver.server], lambda: now, trust=trust(files[0]), answer_seconds=1.0)
            upstreams.all[0].failed()
            assert not upstreams.any_up
            now += 11
            await upstreams.check()
            assert upstreams.any_up
            assert [str(one.question[0].name) for one in resolver.asked] == ["."]
            await upstreams.check()
            assert len(resolver.asked) == 1
            now += 26
            await upstreams.check()
            assert len(resolver.asked) == 2
            upstreams.close()

    run_apart(work())


def test_addresses_of_resolvers_are_read_and_others_refused_in_a_sentence():
    assert parse_server("9.9.9.9#dns.quad9.net") == Server("9.9.9.9", 853, "dns.quad9.net")
    assert parse_server("127.0.0.1@8530#resolver.test") == Server("127.0.0.1", 8530, "resolver.test")
    for wrong in ("", "9.9.9.9", "#name", "9.9.9.9#", "9.9.9.9@x#name", "9.9.9.9@70000#name", "9.9.9.9@#name"):
        with pytest.raises(ValueError, match="«"):
            parse_server(wrong)
