"""The collector's scheduler: APScheduler's, kept going by a clock that somebody or something moves.

The same as the agent's (`agent/timing.py`, where the reasons stand): the actors share no code but the two leaves.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from apscheduler.schedulers.background import BackgroundScheduler

LOOK_SECONDS: Final = 30.0
"""How long a clock that was set back goes unseen."""


class Scheduler(BackgroundScheduler):  # type: ignore[misc] # APScheduler carries no types
    """Does each job of intervals about on time, whatever becomes of the clock; what was missed is done once."""

    def __init__(self) -> None:
        super().__init__(timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})

    def _process_jobs(self) -> float:
        """Do what is due, having planned anew what another clock planned; return in how many seconds to look again."""
        now = datetime.now(UTC)
        for job in self.get_jobs():
            if abs(job.next_run_time - now) > job.trigger.interval:
                job.modify(next_run_time=now)
        wait_seconds: Any = super()._process_jobs()
        return LOOK_SECONDS if wait_seconds is None else min(LOOK_SECONDS, wait_seconds)
