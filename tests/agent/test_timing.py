"""A device's timed work goes on about as often as it should, whatever the clock does."""

from __future__ import annotations

import time
from datetime import UTC, timedelta

import pytest
from apscheduler.events import EVENT_JOB_EXECUTED

from agent import timing
from tests.agent.devices import until
from tests.moved_clock import moved_clock

HOUR = timedelta(hours=1)


@pytest.fixture
def clock(monkeypatch):
    return moved_clock(monkeypatch, timing)


@pytest.fixture
def scheduler(clock, monkeypatch):
    monkeypatch.setattr(timing, "LOOK_SECONDS", 0.02)
    made = timing.Scheduler()
    yield made
    made.shutdown()


@pytest.fixture
def runs(scheduler, clock):
    """Each time that an hourly job ran; it ran once already."""
    ran = []
    scheduler.add_listener(ran.append, EVENT_JOB_EXECUTED)  # told when it has ended, so that it may begin again
    scheduler.add_job(str, "interval", hours=1, next_run_time=clock.now(UTC))
    scheduler.start()
    until(lambda: len(ran) == 1)
    return ran


def next_in(scheduler, clock):
    return scheduler.get_jobs()[0].next_run_time - clock.now(UTC)


def test_a_clock_that_is_set_back_is_seen_without_being_told_and_stops_nothing(scheduler, clock, runs):
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
    job = scheduler.add_job(str, "interval", hours=1)
    scheduler.start()
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
