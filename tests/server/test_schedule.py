"""A timed job runs once in its period, whoever looks; one whose runner died is taken over."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from django.db import connection

from server import schedule
from server.schedule import LEASE, TimedJob
from server.store.models import Job
from server.timing import Scheduler

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def _job(runs, name="job", hours=24):
    return TimedJob(name, timedelta(hours=hours), runs.append)


def test_a_job_runs_once_in_its_period_and_again_in_the_next(database):
    runs = []
    for later in (0, 1, 11, 12, 13, 36):
        schedule.run_due((_job(runs),), NOW + timedelta(hours=later))
    assert runs == [NOW, NOW + timedelta(hours=12), NOW + timedelta(hours=36)]


def test_after_the_clock_was_set_back_a_job_runs_in_each_period_that_comes_again(database):
    runs, step = [], timedelta(minutes=10)
    looks = [NOW + step * place for place in range(3)]
    for now in looks:
        schedule.run_due((_job(runs, hours=1 / 6), _job([], "other", hours=1 / 6)), now)
    again = [NOW - 6 * step + step * place for place in range(10)]
    for now in again:
        schedule.run_due((_job(runs, hours=1 / 6),), now)
    assert runs == looks + again
    assert Job.objects.filter(job="other").count() == len(looks)


def test_what_ran_today_does_not_run_again_where_the_clock_was_only_put_right(database):
    """Nor does a collector whose clock is a little behind another's do over what that one did."""
    runs = []
    schedule.run_due((_job(runs),), NOW)
    schedule.run_due((_job(runs),), NOW - timedelta(hours=2))
    assert runs == [NOW]
    midnight = NOW.replace(hour=0, minute=0)
    schedule.run_due((_job(runs, "another"),), midnight)
    schedule.run_due((_job(runs, "another"),), midnight - timedelta(minutes=2))
    schedule.run_due((_job(runs, "another"),), midnight + timedelta(minutes=2))
    assert runs == [NOW, midnight, midnight - timedelta(minutes=2)]


def test_processes_that_look_at_once_run_it_once(database):
    start, runs = threading.Barrier(4), []

    def look():
        start.wait()
        schedule.run_due((_job(runs),), NOW)
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs == [NOW]


def test_a_job_whose_runner_died_is_taken_over_after_the_lease(database):
    period = _job([]).period(NOW)
    assert schedule.claim("job", period, NOW) is True
    runs = []
    schedule.run_due((_job(runs),), NOW + LEASE - timedelta(seconds=1))
    assert runs == []
    schedule.run_due((_job(runs),), NOW + LEASE)
    assert runs == [NOW + LEASE]


def test_a_job_that_fails_does_not_stop_the_others_and_is_tried_again_after_the_lease(database):
    runs = []

    def fails(now):
        runs.append("failed")
        raise ZeroDivisionError

    jobs = (TimedJob("bad", timedelta(days=1), fails), _job(runs, "good"))
    schedule.run_due(jobs, NOW)
    assert runs == ["failed", NOW]
    assert Job.objects.get(job="bad").done_at is None
    schedule.run_due(jobs, NOW + LEASE)
    assert runs == ["failed", NOW, "failed"]


def test_what_was_missed_is_caught_up_at_start(database):
    done = threading.Event()
    job = TimedJob("job", timedelta(days=1), lambda _: done.set())
    started = schedule.start((job,))
    assert done.wait(10)
    started.shutdown(wait=True)
    assert type(started) is Scheduler  # which a moved clock does not stop
