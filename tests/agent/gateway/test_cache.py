"""What is kept, for how long, and what goes first."""

from __future__ import annotations

from agent.gateway import wire
from agent.gateway.cache import KEEP_MAX_SECONDS, NEGATIVE_MAX_SECONDS, STALE_SECONDS, Cache
from agent.gateway.wire import Answer


def key(name="a"):
    return name.encode(), 1, 0x100, False, False


def answer(keeps=60, rcode=0, size=100):
    return Answer(b"x" * size, (), keeps, rcode, None)


def test_an_answer_is_fresh_for_its_time_stale_for_a_day_and_then_gone():
    cache = Cache()
    cache.put(key(), answer(60), 1000.0)
    assert cache.get(key(), 1059.0).until > 1059.0
    assert cache.get(key(), 1061.0).until <= 1061.0
    assert cache.get(key(), 1060.0 + STALE_SECONDS - 1) is not None
    assert cache.get(key(), 1060.0 + STALE_SECONDS) is None
    assert len(cache) == 0


def test_no_answer_is_fresh_for_longer_than_a_day_and_a_negative_one_than_an_hour():
    cache = Cache()
    cache.put(key("long"), answer(10**9), 0.0)
    cache.put(key("none"), answer(10**9, wire.NXDOMAIN), 0.0)
    assert cache.get(key("long"), 1.0).until == KEEP_MAX_SECONDS
    assert cache.get(key("none"), 1.0).until == NEGATIVE_MAX_SECONDS


def test_what_says_nothing_that_may_be_kept_never_takes_the_place_of_an_answer():
    cache = Cache()
    cache.put(key(), answer(60), 0.0)
    cache.put(key(), answer(None, wire.SERVFAIL), 1.0)
    cache.put(key(), answer(0), 1.0)
    assert cache.get(key(), 2.0).answer.rcode == 0


def test_the_one_longest_unused_goes_when_it_is_full_and_the_bound_counts_bytes():
    cache = Cache(max_bytes=5000)
    for name in "abcdef":
        cache.put(key(name), answer(size=100), 0.0)
    assert len(cache) == 6
    cache.get(key("a"), 1.0)
    cache.put(key("g"), answer(size=100), 1.0)
    assert cache.get(key("b"), 1.0) is None
    assert cache.get(key("a"), 1.0) is not None
    cache.put(key("h"), answer(size=4000), 1.0)
    assert len(cache) == 1


def test_the_bound_holds_after_many_replacements():
    cache = Cache(max_bytes=50_000)
    for round_ in range(50):
        for number in range(100):
            cache.put(key(str(number)), answer(size=(round_ * 7 + number) % 400), float(round_))
    assert cache._bytes == sum(len(kept.answer.data) + 700 for kept in cache._kept.values()) <= 50_000
