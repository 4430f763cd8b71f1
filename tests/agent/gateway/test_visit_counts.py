"""Visits of phones counted: how often, taken back where a transaction fails, handed on once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from agent.gateway.visit_counts import STATE_KEY, VisitCounts
from agent.observation import Observation
from agent.tally import FLUSH_SECONDS, Label

LONDON = ZoneInfo("Europe/London")
NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
PHONE, OTHER = UUID(int=21), UUID(int=22)
NEWS = Label("news", "bbc.co.uk")
IDS = {("2026-07", "sam"): UUID(int=91)}


class Disk(dict):
    """What was saved, as the spool keeps it."""

    def save(self, key, value):
        self[key] = value


@pytest.fixture
def disk():
    return Disk()


def counts(disk):
    return VisitCounts(disk.get, lambda _device, _person: "staff")


def add(made, *, at=NOON, device=PHONE, person="sam", said="likely", label=NEWS, counted=300.0):
    seen = Observation(
        device=device,
        kind="host",
        name="www.bbc.co.uk",
        started=at,
        seconds=None,
        person=person,
        source="doh",
        said=said,
    )
    made.add(seen, label, counted_seconds=counted, remind=None, now=at, zone=LONDON)


def kept(made, disk):
    made.write(disk.save)
    made.committed()


def rows(totals):
    return [(one.device, one.group, row.person, row.day, row.category, row.name, row.seconds, row.visits)
            for one in totals for row in one.rows]  # fmt: skip


def test_likely_visits_are_counted_without_minutes_and_handed_on_once(disk):
    made = counts(disk)
    for _ in range(3):
        add(made)
    add(made, device=OTHER, label=Label("other", None))
    kept(made, disk)
    assert made.unsent_people() == {"2026-07": {"sam"}}
    day, person = date(2026, 7, 1), UUID(int=91)
    assert rows(made.flush(IDS, NOON)) == [
        (PHONE, "staff", person, day, "news", "bbc.co.uk", 0, 3),
        (OTHER, "staff", person, day, "other", None, 0, 1),
    ]
    kept(made, disk)
    assert made.flush(IDS, NOON) == []


@pytest.mark.parametrize("more", [{"said": "unclear"}, {"counted": 0.0}, {"person": ""}])
def test_what_is_unclear_private_or_nobodys_is_not_counted(disk, more):
    made = counts(disk)
    add(made, **more)
    assert made.flush(IDS, NOON) == []
    assert made.unsent_people() == {}


def test_the_day_is_that_of_the_organisation(disk):
    made = counts(disk)
    add(made, at=datetime(2026, 7, 1, 23, 30, tzinfo=UTC))
    assert rows(made.flush(IDS, NOON))[0][3] == date(2026, 7, 2)


def test_those_whose_id_is_not_known_wait_and_survive_a_restart(disk):
    made = counts(disk)
    add(made)
    assert made.flush({}, NOON) == []
    kept(made, disk)
    again = counts(disk)
    assert not again.flush_is_due(NOON + timedelta(seconds=FLUSH_SECONDS - 1))
    assert again.flush_is_due(NOON + timedelta(seconds=FLUSH_SECONDS))
    assert again.flush_is_due(NOON - timedelta(seconds=1))
    assert len(rows(again.flush(IDS, NOON))) == 1


def test_a_failed_transaction_takes_back_what_it_counted_and_has_again_what_it_handed_on(disk):
    made = counts(disk)
    add(made)
    kept(made, disk)
    add(made)
    assert rows(made.flush(IDS, NOON))[0][-1] == 2
    made.rolled_back()
    assert made.flush_is_due(NOON)
    assert rows(made.flush(IDS, NOON))[0][-1] == 1
    made.rolled_back()
    kept(made, disk)
    assert rows(counts(disk).flush(IDS, NOON))[0][-1] == 1


def test_it_is_written_once_a_minute_and_when_something_was_handed_on(disk):
    made = counts(disk)
    add(made)
    kept(made, disk)
    first = disk[STATE_KEY]
    add(made, at=NOON + timedelta(seconds=30))
    kept(made, disk)
    assert disk[STATE_KEY] == first
    add(made, at=NOON + timedelta(seconds=61))
    kept(made, disk)
    second = disk[STATE_KEY]
    assert second != first
    made.flush(IDS, NOON + timedelta(seconds=62))
    kept(made, disk)
    assert disk[STATE_KEY] != second


def test_days_whose_time_is_over_go(disk):
    made = counts(disk)
    add(made)
    made.forget_before(date(2026, 10, 1))
    assert made.unsent_people() == {}


def test_a_state_of_another_version_is_begun_anew(disk):
    disk[STATE_KEY] = b"\xc1"
    assert counts(disk).unsent_people() == {}
