"""The collector's timed work goes on about as often as it should, whatever the clock does."""

from __future__ import annotations

import time
from datetime import UTC, timedelta

import pytest
from apscheduler.events import EVENT_JOB_EXECUTED

from server import timing
from tests.agent.devices import until
from tests.moved_clock import moved_clock


@pytest.mark.parametrize("days", [-365, 365 * 200])
def test_a_clock_that_is_moved_is_seen_without_being_told_and_what_was_missed_is_done_once(days, monkeypatch):
    clock, ran = moved_clock(monkeypatch, timing), []
    monkeypatch.setattr(timing, "LOOK_SECONDS", 0.02)
    scheduler = timing.Scheduler()
    scheduler.add_listener(ran.append, EVENT_JOB_EXECUTED)  # told when it has ended, so that it may begin again
    job = scheduler.add_job(str, "interval", hours=1, next_run_time=clock.now(UTC))
    scheduler.start()
    until(lambda: len(ran) == 1)
    began = time.process_time()
    clock.by = timedelta(days=days)
    until(lambda: len(ran) == 2)
    until(lambda: timedelta() < job.next_run_time - clock.now(UTC) <= timedelta(hours=1))
    assert time.process_time() - began < 0.5
    time.sleep(0.1)
    scheduler.shutdown()
    assert len(ran) == 2
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
