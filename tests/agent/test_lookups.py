"""Of names that programs look up only that is told which no browser told, of the one person whose programs run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent import lookups as under_test
from agent.errors import SpoolUnavailableError
from agent.lookups import HELD_MAX, HOLD_SECONDS, TRY_AGAIN_SECONDS, Lookups
from tests.agent.conftest import DEVICE, WEDNESDAY_NOON
from tests.agent.test_pipeline import ROUTINE, SETTLED, URGENT, Agent

A, MX = 1, 15
PAGE = (URGENT, "pictures.example.net", "counting.example.com")


class Machine:
    """Lookups on a machine whose clock goes when it is told to."""

    def __init__(self, clock, emit=None, *, in_order=True) -> None:
        self.clock, self.seconds = clock, 0.0
        self.people = {"sam"}
        self.since = WEDNESDAY_NOON
        self.told: list = []
        self.resting = False
        self.lookups = Lookups(
            DEVICE,
            emit or (lambda batch: self.told.extend(batch.observations)),
            source="resolved",
            lists=lambda name: not name.startswith("unlisted"),
            is_background=lambda name: name.startswith("background"),
            people=lambda: self.people,
            collect_from=lambda person: self.since if person in ("sam", "kim") else None,
            clock=clock,
            rests=lambda: self.resting,
            in_order=in_order,
            monotonic=lambda: self.seconds,
        )

    def later(self, seconds):
        self.seconds += seconds
        self.clock.forward(seconds=seconds)

    def look_up(self, *names, qtype=A):
        for name in names:
            self.lookups.note(name, qtype)
            self.later(0.1)

    def over(self, seconds=HOLD_SECONDS + 10):
        """Let time go by as the source does: by what it is told to wait."""
        end = self.seconds + seconds
        while (due := self.lookups.turn()) is not None and self.seconds + due <= end:
            self.later(due)
        self.later(max(0.0, end - self.seconds))

    def names(self):
        return [(one.name, one.certainty) for one in self.told]


@pytest.fixture
def machine(clock):
    return Machine(clock)


def test_the_page_of_a_burst_is_likely_and_all_else_unclear_and_nothing_is_a_visit(machine):
    machine.look_up(*PAGE)
    machine.later(5)
    machine.look_up("alone.example")
    machine.over()
    assert machine.names() == [
        (URGENT, "likely"), ("pictures.example.net", "unclear"), ("counting.example.com", "unclear"),
        ("alone.example", "unclear"),
    ]  # fmt: skip
    (first, *_) = machine.told
    assert (first.person, first.source, first.seconds, first.browser) == ("sam", "resolved", None, None)
    assert first.started == WEDNESDAY_NOON


def test_names_that_come_in_no_order_are_all_unclear(clock):
    machine = Machine(clock, in_order=False)
    machine.look_up(*PAGE)
    machine.over()
    assert len(machine.names()) == len(PAGE)
    assert {certainty for _, certainty in machine.names()} == {"unclear"}


def test_what_no_list_has_background_traffic_and_what_no_person_asks_go_no_further(machine):
    machine.look_up(
        "unlisted.example", "background.example", "_443._tcp.example.com", "printer.local", f"{64 * 'x'}.example"
    )
    machine.look_up("mail.example.com", qtype=MX)
    machine.over()
    assert machine.told == []


@pytest.mark.parametrize("after_seconds", [-25.0, 0.2, 25.0])
def test_a_burst_with_a_name_of_which_a_browser_told_is_that_pages_and_counts_no_second_time(
    machine, seen, after_seconds
):
    machine.later(60)
    visit = seen(f"www.{URGENT}", machine.clock.now + timedelta(seconds=after_seconds))
    machine.look_up("advert.example", *PAGE)
    machine.later(10)
    machine.lookups.told(visit)  # a history tells it late
    machine.over()
    assert machine.told == []


def test_a_page_that_is_open_for_long_goes_on_to_be_why_its_host_is_looked_up(machine, seen):
    machine.lookups.told(seen(ROUTINE, machine.clock.now, seconds=60.0, continues=True))
    machine.later(80)
    machine.look_up(ROUTINE)
    machine.over()
    assert machine.told == []


@pytest.mark.parametrize(
    ("name", "person", "after_seconds"),
    [("another.example", "sam", 0.0), (ROUTINE, "kim", 0.0), (ROUTINE, "sam", 31.0), ("linux:xterm", "sam", 0.0)],
    ids=["another host", "another person", "much later", "an app"],
)
def test_nothing_else_that_is_told_hides_a_lookup(machine, seen, name, person, after_seconds):
    machine.lookups.told(seen(name, machine.clock.now + timedelta(seconds=after_seconds), person=person))
    machine.look_up(ROUTINE)
    machine.over()
    assert machine.names() == [(ROUTINE, "unclear")]


def test_where_several_peoples_programs_run_nobody_is_named_and_that_is_said(machine):
    machine.people = {"sam", "kim"}
    machine.look_up(*PAGE)
    machine.over()
    assert (machine.told, "Several people" in machine.lookups.trouble) == ([], True)
    machine.people = {"kim"}
    machine.look_up(ROUTINE)
    machine.over()
    assert ([one.person for one in machine.told], machine.lookups.trouble) == (["kim"], "")


def test_who_signs_in_or_out_while_a_burst_is_held_makes_it_nobodys(machine):
    for there in ({"sam", "kim"}, {"kim"}, set()):
        machine.people = {"sam"}
        machine.look_up(*PAGE)
        machine.over(HOLD_SECONDS / 2)
        machine.people = there
        machine.over()
    assert machine.told == []


def test_before_anybody_signed_in_names_are_nobodys_and_nothing_is_wrong(machine):
    machine.people = set()
    machine.look_up(*PAGE)
    machine.over()
    assert (machine.told, machine.lookups.trouble) == ([], "")


def test_nothing_is_told_from_before_the_notice_or_without_it(machine):
    machine.look_up(ROUTINE)
    machine.since = machine.clock.now
    machine.look_up("after.example")
    machine.over()
    assert machine.names() == [("after.example", "unclear")]
    machine.people = {"nobody we know"}
    machine.look_up(ROUTINE)
    machine.over()
    assert machine.names() == [("after.example", "unclear")]


def test_where_the_service_must_spare_no_name_is_looked_at_and_that_is_said(machine):
    machine.resting = True
    machine.look_up(*PAGE)
    machine.over()
    assert (machine.told, "uses more than it may" in machine.lookups.trouble) == ([], True)


def test_without_names_nothing_ever_wakes(machine):
    assert machine.lookups.turn() is None
    machine.look_up(ROUTINE)
    machine.over()
    assert machine.lookups.turn() is None


def test_a_flood_is_held_in_bounds_and_said(machine):
    for number in range(HELD_MAX + 600):
        machine.lookups.note(f"n{number}.example", A)
    machine.over(5)
    assert machine.lookups.trouble.startswith("More names")
    machine.over()
    assert len(machine.told) <= HELD_MAX


def test_what_can_not_be_kept_is_told_again(clock):
    full = True

    def emit(batch):
        if full:
            raise SpoolUnavailableError("no room")
        machine.told.extend(batch.observations)

    machine = Machine(clock, emit)
    machine.look_up(ROUTINE)
    machine.over()
    assert machine.lookups.turn() == TRY_AGAIN_SECONDS
    full = False
    machine.over()
    assert machine.names() == [(ROUTINE, "unclear")]


def test_what_is_no_longer_wanted_is_forgotten(machine):
    machine.look_up(*PAGE)
    machine.over(5)
    machine.look_up(ROUTINE)
    machine.lookups.forget()
    machine.over()
    assert machine.told == []


def test_through_the_pipeline_a_lookup_is_flagged_as_what_it_is_and_adds_to_no_total(
    open_spool, device, clock, bundle, opened, office
):
    agent = Agent(open_spool, device, clock, bundle)
    machine = Machine(clock, agent.pipeline.accept)
    machine.look_up(*PAGE)
    machine.later(5)
    machine.look_up("a." + URGENT)
    machine.over()
    clock.forward(hours=2)
    told = [(header.urgent, heading.certainty) for header, heading, _ in opened(agent.spool, office, device)]
    assert told == [(True, "likely"), (False, "unclear")]
    agent.pipeline.tick(clock.now + SETTLED)
    assert agent.own() == []


def test_the_limits_are_what_their_reasons_say():
    # A burst is ten seconds at most, and Chromium's history ten behind: what is told of it comes before it is told.
    assert under_test.HOLD_SECONDS > 10 + 10
