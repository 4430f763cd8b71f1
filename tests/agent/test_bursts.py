"""Which of the names that a phone looks up are a page that somebody opened."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from agent.bursts import LONGEST_SECONDS, NAMES_MAX, QUIET_SECONDS, Bursts, Sighting, is_of_a_person

PHONE, OTHER = UUID(int=1), UUID(int=2)
BACKGROUND = {"push.apple.com", "connectivitycheck.gstatic.com", "cdn.example.net"}


def bursts():
    return Bursts(lambda name: name in BACKGROUND)


def likely(sightings):
    return [one.name for one in sightings if one.likely]


def test_a_page_with_its_parts_is_one_likely_visit_and_its_parts_are_unclear():
    there = bursts()
    for n, name in enumerate(["news.example.org", "cdn.example.net", "ads.example.com", "fonts.example.io"]):
        assert there.add(PHONE, name, 100.0 + n / 10) == []
    ended = there.end_quiet(100.3 + QUIET_SECONDS + 0.1)
    assert [one.name for one in ended] == ["news.example.org", "cdn.example.net", "ads.example.com", "fonts.example.io"]
    assert likely(ended) == ["news.example.org"]
    assert there.end_quiet(1e9) == []


def test_a_name_that_came_alone_is_unclear_as_a_prefetched_link_is():
    there = bursts()
    there.add(PHONE, "gambling.example", 100.0)
    there.add(PHONE, "www.gambling.example", 100.1)
    assert there.end_quiet(200.0) == [
        Sighting(PHONE, "gambling.example", 100.0, likely=False),
        Sighting(PHONE, "www.gambling.example", 100.1, likely=False),
    ]


def test_www_and_the_bare_name_of_one_page_are_one_visit_each_likely():
    there = bursts()
    for name in ("example.org", "www.example.org", "a.example.com", "b.example.net"):
        there.add(PHONE, name, 100.0)
    assert likely(there.end_quiet(200.0)) == ["example.org", "www.example.org"]


def test_a_background_name_is_never_the_page_that_opened_a_burst():
    there = bursts()
    for name in ("push.apple.com", "example.org", "a.example.com", "b.example.net"):
        there.add(PHONE, name, 100.0)
    assert likely(there.end_quiet(200.0)) == ["example.org"]
    for name in BACKGROUND:
        there.add(PHONE, name, 300.0)
    assert likely(there.end_quiet(400.0)) == []


def test_the_next_page_ends_the_last_and_phones_do_not_mix():
    there = bursts()
    for name in ("a.example", "x.example.com", "y.example.com"):
        there.add(PHONE, name, 100.0)
        there.add(OTHER, f"other-{name}", 100.0)
    ended = there.add(PHONE, "b.example", 100.0 + QUIET_SECONDS + 0.5)
    assert likely(ended) == ["a.example"]
    assert {one.who for one in ended} == {PHONE}
    assert likely(there.end_all()) == ["other-a.example"]


def test_a_page_that_loads_on_and_on_does_not_hide_the_next():
    there = bursts()
    found = []
    at = 100.0
    while at < 100.0 + 2.5 * LONGEST_SECONDS:
        found += there.add(PHONE, f"n{at:.0f}.example", at)
        at += 1.0
    assert len(likely(found)) == 2


def test_a_flood_of_names_costs_no_memory_and_loses_none():
    there = bursts()
    found = [one for n in range(2000) for one in there.add(PHONE, f"n{n}.example", 100.0)]
    assert len(found) == 2000 - NAMES_MAX
    assert not any(one.likely for one in found)
    assert len(there.end_all()) == NAMES_MAX


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 3)), max_size=60))
def test_every_name_is_told_once_a_burst_and_none_twice(steps):
    there, found, at = bursts(), [], 0.0
    for name, step in steps:
        at += step
        found += there.add(PHONE, f"{name}.example", at)
    found += there.end_all()
    assert {one.name for one in found} == {f"{name}.example" for name, _ in steps}
    keys = [(one.name, one.at) for one in found]
    assert len(keys) == len(set(keys))


def test_what_no_person_asks_for_is_told_by_its_type_and_form():
    assert is_of_a_person("www.example.org", 1)
    assert is_of_a_person("www.example.org", 28)
    assert is_of_a_person("www.example.org", 65)
    for name, qtype in (
        ("www.example.org", 16), ("www.example.org", 33), ("_8088._https.example.org", 65), ("_dns.resolver.arpa", 64),
        ("localhost", 1), ("printer.local", 1), ("1.0.0.127.in-addr.arpa", 12), ("a\\.b.example", 1), ("", 1),
        ("x._tcp.example.org", 1), ("router.lan", 1),
    ):  # fmt: skip
        assert not is_of_a_person(name, qtype), name
