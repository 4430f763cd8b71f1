"""Say when an incident is overdue: by the signed policy's review times, else by the usual ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rules.policy import Review
from server import policy_in_force


@dataclass(frozen=True)
class Due:
    """After how long a waiting incident is overdue."""

    urgent: timedelta
    routine: timedelta

    def overdue(self, since: datetime, now: datetime, *, urgent: bool) -> bool:
        """Whether an incident that waits since then is overdue at `now` (both aware)."""
        return now - since > (self.urgent if urgent else self.routine)


def due() -> Due:
    """Return the times that hold now: to be asked once for many incidents."""
    policy = policy_in_force.in_force()
    review = policy.review if policy is not None else Review()
    return Due(timedelta(minutes=review.urgent_minutes), timedelta(days=review.routine_days))
