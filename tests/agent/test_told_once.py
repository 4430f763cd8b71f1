"""A visit counts once, whichever of history and extension told it first; what only one of them knows still counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent.told_once import KEPT_SECONDS, SAME_VISIT_SECONDS, ToldOnce
from tests.agent.test_pipeline import ROUTINE, SETTLED, Agent

EXTENSION = {"source": "browser_extension", "browser": "Chromium", "seconds": 0.0}
HISTORY = {"source": "browser_history", "browser": "Chromium"}


class Browser:
    """Whose extension is there."""

    def __init__(self) -> None:
        self.there = False

    def __call__(self, person, browser):
        return self.there and (person, browser) == ("sam", "Chromium")


@pytest.fixture
def browser():
    return Browser()


@pytest.fixture
def agent(open_spool, device, clock, bundle, browser):
    return Agent(open_spool, device, clock, bundle, extension_there=browser)


@pytest.fixture
def told(browser):
    return ToldOnce({}.get, browser)


def later(seen, clock, after_seconds=0.0, name="a.example", **more):
    return seen(name, clock.now + timedelta(seconds=after_seconds), **more)


@pytest.mark.parametrize(
    "order", [(EXTENSION, HISTORY), (HISTORY, EXTENSION)], ids=["extension first", "history first"]
)
def test_what_both_tell_is_one_visit_and_one_sighting(order, agent, browser, opened, office, device, seen, clock):
    browser.there = True
    first, second = order
    agent.see(later(seen, clock, name=ROUTINE, **first))
    agent.see(later(seen, clock, 0.8, name=ROUTINE, **second))
    ((_, heading, evidence),) = opened(agent.spool, office, device)
    assert (heading.count, evidence.seen[0].count) == (1, 1)
    agent.pipeline.tick(clock.now + SETTLED)
    assert [(row[0], row[4]) for row in agent.own()] == [("host", 1)]


def test_two_visits_that_both_tell_twice_stay_two(told, seen, clock):
    tellings = [(0.0, EXTENSION), (1.0, EXTENSION), (0.2, HISTORY), (1.2, HISTORY)]
    through = [told.first(later(seen, clock, at, **who), clock.now, private=False) for at, who in tellings]
    assert [one is not None for one in through] == [True, True, False, False]


@pytest.mark.parametrize(
    ("seconds", "more"),
    [
        (SAME_VISIT_SECONDS + 0.1, {}),
        (0.5, {"name": "b.example"}),
        (0.5, {"person": "kim"}),
        (0.5, {"browser": "Firefox"}),
    ],
    ids=["later", "another host", "another person", "another browser"],
)
def test_what_is_not_the_same_visit_counts_by_itself(seconds, more, told, seen, clock):
    assert told.first(later(seen, clock, **EXTENSION), clock.now, private=False) is not None
    assert told.first(later(seen, clock, seconds, **(HISTORY | more)), clock.now, private=False) is not None


def test_what_only_the_history_knows_counts_as_a_visit_without_time_where_the_extension_is_there(
    agent, browser, seen, clock
):
    agent.see(later(seen, clock, name="www.bbc.co.uk", **HISTORY))
    browser.there = True
    agent.see(later(seen, clock, 400, name="www.bbc.co.uk", **HISTORY))
    agent.pipeline.tick(clock.now + timedelta(seconds=800) + SETTLED)
    ((_, _, _, seconds, visits),) = agent.own()
    assert (seconds, visits) == (300, 2)


def test_time_of_a_visit_counts_as_it_passes_and_neither_as_a_visit_nor_as_a_sighting(
    agent, browser, opened, office, device, seen, clock
):
    browser.there = True
    agent.see(later(seen, clock, name=ROUTINE, **EXTENSION))
    for minute in range(3):
        spent = EXTENSION | {"seconds": 60.0, "continues": True}
        agent.see(later(seen, clock, 60 * minute, name=ROUTINE, **spent))
    agent.see(later(seen, clock, 30, name="in-the-background.example", **EXTENSION))
    ((_, heading, _),) = opened(agent.spool, office, device)
    assert heading.count == 1
    agent.pipeline.tick(clock.now + SETTLED)
    assert sum(row[3] for row in agent.own()) == 180
    assert sum(row[4] for row in agent.own()) == 2


def test_it_is_remembered_over_a_restart_and_forgotten_after_an_hour(agent, opened, office, device, seen, clock):
    agent.see(later(seen, clock, name=ROUTINE, **EXTENSION))
    agent.restart()
    agent.see(later(seen, clock, name=ROUTINE, **HISTORY))
    assert len(opened(agent.spool, office, device)) == 1
    told = ToldOnce({}.get, lambda _person, _browser: False)
    told.first(later(seen, clock, **EXTENSION), clock.now, private=False)
    over = clock.now + timedelta(seconds=KEPT_SECONDS + 1)
    told.first(later(seen, clock, name="b.example", **EXTENSION), over, private=False)
    assert told.first(later(seen, clock, **HISTORY), over, private=False) is not None


def test_what_was_not_kept_is_not_taken_as_told(agent, opened, office, device, seen, clock, monkeypatch):
    put = agent.spool.put
    monkeypatch.setattr(agent.spool, "put", lambda *_words, **_more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        agent.see(later(seen, clock, name=ROUTINE, **EXTENSION))
    monkeypatch.setattr(agent.spool, "put", put)
    agent.see(later(seen, clock, name=ROUTINE, **HISTORY))
    assert len(opened(agent.spool, office, device)) == 1


def test_a_browser_whose_visits_come_from_its_history_alone_is_named_for_a_day(told, seen, clock):
    assert told.only_from_history(clock.now) == frozenset()
    told.first(later(seen, clock, **HISTORY), clock.now, private=False)
    assert told.only_from_history(clock.now) == {"Chromium"}
    assert told.only_from_history(clock.now + timedelta(days=1)) == frozenset()


def test_a_browser_whose_extension_came_after_all_is_named_no_more_when_it_is_closed(told, browser, seen, clock):
    told.first(later(seen, clock, **HISTORY), clock.now, private=False)
    browser.there = True
    assert told.only_from_history(clock.now) == frozenset()
    browser.there = False
    assert told.only_from_history(clock.now) == frozenset()
    told.first(later(seen, clock, **HISTORY), clock.now, private=False)
    told.first(later(seen, clock, 1, name="b.example", **EXTENSION), clock.now, private=False)
    assert told.only_from_history(clock.now) == frozenset()


def test_what_a_browser_writes_as_it_closes_does_not_look_like_a_removed_extension(told, seen, clock):
    told.first(later(seen, clock, **EXTENSION), clock.now, private=False)
    told.first(later(seen, clock, 20, name="b.example", **HISTORY), clock.now, private=False)
    assert told.only_from_history(clock.now) == frozenset()
    told.first(later(seen, clock, 90, name="b.example", **HISTORY), clock.now, private=False)
    assert told.only_from_history(clock.now) == {"Chromium"}


def test_a_visit_in_private_time_that_anybody_can_make_up_hides_none_outside_it(told, seen, clock):
    assert told.first(later(seen, clock, **EXTENSION), clock.now, private=True) is not None
    assert told.first(later(seen, clock, 1, **HISTORY), clock.now, private=False) is not None
    assert told.first(later(seen, clock, **HISTORY), clock.now, private=True) is None


def test_a_state_that_is_not_understood_is_as_none(browser, seen, clock):
    told = ToldOnce({"told once": b"\xc1"}.get, browser)
    assert told.first(later(seen, clock, **HISTORY), clock.now, private=False) is not None
