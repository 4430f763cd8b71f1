"""How much each account may say to the service: bounded, filled again with time, and the same over all connections."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

from agent.session.address import Account

# A person who switches windows twice a second sends two; a session that was cut off hands over what it kept at once.
MESSAGES_A_SECOND: Final = 20.0
MESSAGES_AT_ONCE: Final = 2500
# An answer is read from the disk and sealed state: a question weighs as much as this many intervals.
ASK_COST: Final = 40.0
# A visit is judged and written to the disk by itself: a quarter of what a person may say at once is a day of visits.
HOST_COST: Final = 4.0
# Allowances are kept for this many user ids; the fullest are forgotten first, which gives nothing away.
MAX_ALLOWANCES: Final = 1024


class _Left:
    """How many messages a uid may still send; it fills again with time, so that reconnecting gains nothing."""

    def __init__(self, at: float) -> None:
        self.messages = float(MESSAGES_AT_ONCE)
        self.at = at

    def take(self, at: float, cost: float) -> bool:
        self.messages = min(float(MESSAGES_AT_ONCE), self.messages + (at - self.at) * MESSAGES_A_SECOND)
        self.at = at
        if self.messages < cost:
            return False
        self.messages -= cost
        return True


class Allowances:
    """What every uid may still say."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._left: dict[Account, _Left] = {}

    def take(self, uid: Account, cost: float = 1.0) -> bool:
        """Take the cost of one message; False where that much is not left, and then nothing is taken."""
        at = self._clock()
        if uid not in self._left and len(self._left) >= MAX_ALLOWANCES:
            del self._left[max(self._left, key=lambda known: self._left[known].messages)]
        return self._left.setdefault(uid, _Left(at)).take(at, cost)
