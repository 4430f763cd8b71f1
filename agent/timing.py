"""The agent's scheduler: APScheduler's, kept going by a clock that somebody or something moves.

APScheduler plans by the wall's clock alone. Set back by a day, it would do nothing for that day; set forward by years,
as after an empty clock battery, it would reckon each missed time one by one: 12 seconds and 100 MB a year and job.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from apscheduler.schedulers.background import BackgroundScheduler

LOOK_SECONDS: Final = 30.0
"""How long a clock that was set back goes unseen; the service's own ticks come as often."""


class Scheduler(BackgroundScheduler):  # type: ignore[misc] # APScheduler carries no types
    """Does each job of intervals about on time, whatever becomes of the clock; what was missed is done once.

    The collector has its own (`server/schedule.py`), since the actors share no code but the two leaves.
    """

    def __init__(self) -> None:
        super().__init__(timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})

    def _process_jobs(self) -> float:
        """Do what is due, and return in how many seconds to look again; APScheduler's `QtScheduler` hooks in here too.

        A job whose next time is further away than its interval, either way, was planned by another clock.
        """
        now = datetime.now(UTC)
        for job in self.get_jobs():
            if abs(job.next_run_time - now) > job.trigger.interval:
                job.modify(next_run_time=now)
        wait_seconds: Any = super()._process_jobs()
        return LOOK_SECONDS if wait_seconds is None else min(LOOK_SECONDS, wait_seconds)
