"""What is held is told from the person's own totals and the rules alone: no flag changes a byte of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import uuid5

import msgspec
import pytest

from agent.health import HealthReport
from agent.held import Person, held, sums
from agent.observation import Batch
from agent.pipeline import Pipeline
from agent.tally import OwnTotal

TODAY = date(2026, 3, 4)
REPORT = HealthReport(sources=(), spool="normal", last_contact=None, versions={})


def total(day, category, seconds, name=None, kind="host"):
    return OwnTotal(day=day, kind=kind, category=category, name=name, seconds=seconds, visits=1, handed_on_seconds=0)


def test_days_are_added_up_by_span_and_what_is_not_told_apart_comes_last():
    found = sums(
        [
            total(TODAY, "other", 9000),
            total(TODAY, "games", 60),
            total(TODAY - timedelta(days=1), "games", 30),
            total(date(2026, 2, 28), "news", 600, "bbc.co.uk"),
            total(date(2026, 1, 31), "news", 600, "bbc.co.uk"),
            total(TODAY, "other", 10, kind="app"),
        ],
        TODAY,
        {"games": "Games", "news": "News"},
    )
    assert [(one.kind, one.category_name, one.name, one.today, one.this_month, one.last_month) for one in found] == [
        ("host", "News", "bbc.co.uk", 0, 0, 600),
        ("host", "Games", None, 60, 90, 0),
        ("host", "Other", None, 9000, 9000, 0),
        ("app", "Other", None, 10, 10, 0),
    ]


def told_after(names, open_spool, device, clock, bundle, seen):
    """Everything that a person is told after these visits, as bytes."""
    spool = open_spool()
    pipeline = Pipeline(
        spool=spool, identity=device, clock=clock, remind=lambda *_: None,
        people=lambda month, accounts: {one: uuid5(device.device, f"{month} {one}") for one in accounts},
    )  # fmt: skip
    pipeline.use(bundle)
    for place, name in enumerate(names):
        at = clock.now + timedelta(minutes=10 * place)
        pipeline.accept(Batch(observations=(seen(name, at),), bookmark=None))
    pipeline.tick(clock.now + timedelta(hours=2))
    alerts = [parcel for parcel in spool.peek(10**7, 64) if parcel.kind == "alert"]
    person = Person("sam", "staff", watched=True, collected_from=clock.now)
    told = held(person, pipeline.own_totals("sam"), {}, bundle, REPORT, collector="https://c.example", now=clock.now)
    spool.close()
    return len(alerts), msgspec.json.encode(told)


@pytest.mark.parametrize("flagged", [1, 5])
def test_with_none_or_many_flags_not_a_byte_of_what_is_told_differs(
    flagged, device, clock, bundle, seen, tmp_path_factory
):
    from agent.spool import Spool

    def open_spool():
        return Spool(tmp_path_factory.mktemp("spool") / "spool.sqlite3", bytes(32), device=device.device, clock=clock)

    names = ["sanctioned-suicide.net"] * flagged + ["unheard-of.example"] * (5 - flagged)
    some, told = told_after(names, open_spool, device, clock, bundle, seen)
    none, told_without = told_after(["unheard-of.example"] * 5, open_spool, device, clock, bundle, seen)
    assert some > none == 0
    assert told == told_without
    assert b'"other"' in told


def test_a_group_that_the_policy_does_not_name_has_no_rules_told(bundle):
    person = Person("sam", "visitors", watched=True, collected_from=None)
    now = datetime.fromisoformat("2026-03-04T12:00:00+00:00")
    told = held(person, [], {}, bundle, REPORT, collector="https://c.example/", now=now)
    assert told.rules is not None
    assert (told.rules.group, told.rules.responses) == ("", ())
    assert told.rules.page == "https://c.example/rules/"
