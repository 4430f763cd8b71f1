"""Timed work goes on about as often as it should, whatever the clock does."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import apscheduler.executors.base
import apscheduler.schedulers.base
import apscheduler.triggers.interval
import pytest

from agent import timing
from tests.agent.devices import until

HOUR = timedelta(hours=1)


class Moved(datetime):
    """The clock, and how far it was moved."""

    by = timedelta()

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + cls.by


@pytest.fixture
def clock(monkeypatch):
    """The clock of the scheduler and of the library beneath it."""
    reading = (timing, apscheduler.schedulers.base, apscheduler.triggers.interval, apscheduler.executors.base)
    for module in reading:
        monkeypatch.setattr(module, "datetime", Moved)
    monkeypatch.setattr(Moved, "by", timedelta())
    return Moved


@pytest.fixture
def scheduler(clock, monkeypatch):
    monkeypatch.setattr(timing, "LOOK_SECONDS", 0.02)
    made = timing.Scheduler()
    yield made
    made.shutdown()


@pytest.fixture
def runs(scheduler, clock):
    """When an hourly job ran, by the moved clock; it ran once already."""
    ran = []
    scheduler.add_job(lambda: ran.append(clock.now(UTC)), "interval", hours=1, next_run_time=clock.now(UTC))
    scheduler.start()
    until(lambda: len(ran) == 1)
    return ran


def next_in(scheduler, clock):
    return scheduler.get_jobs()[0].next_run_time - clock.now(UTC)


def test_a_clock_that_is_set_back_is_seen_by_itself_and_stops_nothing(scheduler, clock, runs):
    clock.by = timedelta(days=-365)
    until(lambda: len(runs) == 2)
    until(lambda: timedelta() < next_in(scheduler, clock) <= HOUR)
    time.sleep(0.1)
    assert len(runs) == 2


def test_a_clock_that_is_set_forward_by_years_costs_nothing_and_does_what_was_missed_once(scheduler, clock, runs):
    began = time.process_time()
    clock.by = timedelta(days=365 * 200)
    until(lambda: len(runs) == 2)
    assert time.process_time() - began < 0.5
    until(lambda: timedelta() < next_in(scheduler, clock) <= HOUR)
    time.sleep(0.1)
    assert len(runs) == 2


def test_a_clock_that_runs_as_it_should_hurries_nothing(scheduler, runs):
    time.sleep(0.1)
    assert len(runs) == 1


def test_a_job_that_comes_late_is_done_all_the_same(scheduler):
    job = scheduler.add_job(print, "interval", hours=1)
    scheduler.start()
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
