"""What one phone's lookups show, as observations."""

from __future__ import annotations

from uuid import UUID

import pytest

from agent.gateway import visits
from agent.gateway.phones import Phone
from agent.gateway.visits import Visits, seen_in

SAM = Phone(UUID(int=21), "staff", "sam", 100.0)
LEE = Phone(UUID(int=22), "staff", "lee", 100.0)


class Time:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def made(time):
    return Visits(lambda name: name == "push.example", time)


def told(seen):
    return [(one.person, one.kind, one.name, one.said, one.source, one.identity) for one in seen]


def test_a_page_is_one_likely_visit_and_each_door_says_how_sure_the_phone_is(made, time):
    for door in ("doh", "dot"):
        for name in ("news.example", "a.example.org", "b.example.net"):
            made.note(SAM, name, door)
    assert made.take() == []
    time.now += 3
    assert told(seen_in(made.take())) == [
        ("sam", "host", name, "likely" if name == "news.example" else "unclear", door, identity)
        for door, identity in (("doh", "proven"), ("dot", "unproven"))
        for name in ("news.example", "a.example.org", "b.example.net")
    ]
    assert made.take(everything=True) == []


def test_what_lies_before_the_notice_is_never_seen(made, time):
    time.now = 99.0
    made.note(SAM, "news.example", "doh")
    time.now = 100.5
    made.note(SAM, "later.example", "doh")
    assert [one.name for one in seen_in(made.take(everything=True))] == ["later.example"]


def test_an_apps_own_names_tell_of_the_app_unless_a_visit_does(made, time):
    made.note(SAM, "g.whatsapp.net", "doh")
    made.note(LEE, "web.whatsapp.com", "doh")
    for name in ("g.whatsapp.net", "a.example", "b.example"):
        made.note(LEE, name, "doh")
    seen = seen_in(made.take(everything=True))
    assert [(one.person, one.name) for one in seen if one.kind == "app"] == [("sam", "service:whatsapp")]


def test_names_that_no_rule_can_know_are_passed_over(made):
    made.note(SAM, "a\\.b.example", "doh")
    made.note(SAM, "x" * 300, "doh")
    assert list(seen_in(made.take(everything=True))) == []


def test_a_flood_is_bounded_and_what_is_dropped_is_counted(made, monkeypatch):
    monkeypatch.setattr(visits, "WAITING_MAX", 10)
    for n in range(300):
        made.note(SAM, f"n{n}.example", "doh")
    assert len(made.take(everything=True)) == 10
    assert made.dropped == 290
