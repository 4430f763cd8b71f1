"""Run timed jobs once each, whoever runs them: each begins by claiming a row, and catches up at start.

After the clock was set back, what was claimed for a time that comes again is done again: it was for another time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, close_old_connections, connection, transaction

from server import log
from server.store.models import Job
from server.timing import Scheduler

LEASE = timedelta(minutes=30)
"""How long a claim holds: longer than any job takes, short enough that a killed collector's work is done today."""

LOOK_EVERY = timedelta(minutes=1)
"""How often it is looked whether a period has begun; a claim that is taken costs one query."""

CLOCK_STEP = timedelta(minutes=5)
"""A claim from further ahead was made before the clock was set back: clocks of two collectors are nearer than that."""


@dataclass(frozen=True)
class TimedJob:
    """A job to do once in each stretch of `every` (UTC, counted from 1970): it is given the current time."""

    name: str
    every: timedelta
    work: Callable[[datetime], None]

    def period(self, now: datetime) -> str:
        """Return the name of the stretch that `now` lies in: when it began."""
        seconds = int(self.every.total_seconds())
        begun = int(now.timestamp()) // seconds * seconds
        return datetime.fromtimestamp(begun, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def claim(job: str, period: str, now: datetime) -> bool:
    """Take a job's period, unless it is done or somebody holds it; True when it is ours until the lease ends."""
    try:
        with transaction.atomic():
            Job.objects.create(job=job, period=period, claimed_at=now, lease_until=now + LEASE)
    except IntegrityError:
        lapsed = Job.objects.filter(job=job, period=period, done_at__isnull=True, lease_until__lte=now)
        return bool(lapsed.update(claimed_at=now, lease_until=now + LEASE))
    return True


def forget_later(job: str, period: str, now: datetime) -> None:
    """Forget what was claimed of a job for periods after this one, by a clock that was set back since."""
    later = Job.objects.filter(job=job, period__gt=period, claimed_at__gt=now + CLOCK_STEP)
    # Asked first: a deletion takes the database's lock even where there is nothing.
    if later.exists():
        log.event("clock_set_back", job=job, claims=later.delete()[0])


def run_due(jobs: tuple[TimedJob, ...], now: datetime) -> None:
    """Run each job whose current period nobody has claimed; one that fails is logged and tried again next period."""
    close_old_connections()
    for job in jobs:
        period = job.period(now)
        forget_later(job.name, period, now)
        if not claim(job.name, period, now):
            continue
        try:
            job.work(now)
            Job.objects.filter(job=job.name, period=period).update(done_at=now)
            log.event("job_done", job=job.name, period=period)
        except Exception as fault:  # noqa: BLE001 - one job's fault must not stop the others
            log.failure("job_failed", fault, job=job.name, period=period)


def start(jobs: tuple[TimedJob, ...]) -> Scheduler:
    """Start looking in the background, at once and then every minute; the caller ends it with `shutdown`."""

    def look() -> None:
        try:
            run_due(jobs, datetime.now(UTC))
        finally:
            connection.close()  # the scheduler's threads come and go; their connections must not stay behind

    scheduler = Scheduler()
    scheduler.add_job(look, "interval", seconds=int(LOOK_EVERY.total_seconds()), next_run_time=datetime.now(UTC))
    scheduler.start()
    return scheduler
