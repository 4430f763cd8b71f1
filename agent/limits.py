"""What the service may use, and what follows when it uses more: it slows down, says so, and at worst begins anew. Pure.

Far below what osquery's strict watchdog allows (100 MB, 5 % of a core), since laptops of learners are small.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

MB: Final = 1024 * 1024

READING_SECONDS: Final = 60.0
"""How often it is read: a reading costs a tenth of a millisecond."""

MEMORY_BYTES: Final = 55 * MB
"""Private memory; the lists are mapped and shared, and are not in it."""
MEMORY_MOST_BYTES: Final = 100 * MB
"""osquery's strict limit. Slowing down gives no memory back, so beyond this the service begins anew."""

CPU_SECONDS: Final = 7.2
"""Of the last hour: 0.2 % of a core."""
CPU_MOST_SECONDS: Final = 30.0
"""Of the last ten minutes: 5 % of a core, osquery's strict limit. A loop that runs wild reaches it at once."""

DISK_BYTES: Final = 400 * MB
"""Written in a day, as the system counts it: each record is made durable by itself, in pages of four kilobytes."""

NETWORK_BYTES: Final = 2 * MB
"""Told to and asked of the collector in a day. What it publishes is not in it: that is IT's to size."""

CLEAR_SHARE: Final = 0.85
"""Below this share of a limit it counts as kept again: else it would go to and fro at the limit."""

SOFT_READINGS: Final = 3
"""So many readings in a row beyond a limit slow it down: one can be a new set of rules."""
HARD_READINGS: Final = 5
EASE_READINGS: Final = 10
"""So many quiet readings in a row make it one step faster again."""
PACE_MOST: Final = 8

_HOUR, _TEN_MINUTES, _DAY = 3600.0, 600.0, 86_400.0
_DAY_STEP: Final = 900.0

Word = Literal["slowed_memory", "slowed_cpu", "slowed_disk", "slowed_network"]


@dataclass(frozen=True)
class Reading:
    """What the service uses now (memory) or has used since it began (the rest), at a time that only goes on."""

    at_seconds: float
    memory_bytes: int
    cpu_seconds: float
    disk_bytes: int
    network_bytes: int


@dataclass(frozen=True)
class Decision:
    """What follows: by which factor the sources rest longer (1 to 8), why, and whether the service must begin anew."""

    pace: int = 1
    slowed: frozenset[Word] = frozenset()
    begin_anew: bool = False


class Limits:
    """Decides from one reading after another. It only remembers: what it returns is all that it does."""

    def __init__(self) -> None:
        self._hour: deque[Reading] = deque()
        self._day: deque[Reading] = deque()
        self._over: dict[Word, int] = {}
        self._slowed: set[Word] = set()
        self._pace = 1
        self._still = 0
        self._hard = 0

    def decide(self, now: Reading) -> Decision:
        """Take a reading in and return what follows from it and those before."""
        self._remember(now)
        shares = self._shares(now)
        for word, share in shares.items():
            self._over[word] = self._over.get(word, 0) + 1 if share > 1 else 0
            if self._over[word] >= SOFT_READINGS:
                self._slowed.add(word)
            elif share < CLEAR_SHARE:
                self._slowed.discard(word)
        self._step(any(shares[word] > 1 for word in self._slowed))
        spent = now.cpu_seconds - _at(self._hour, now.at_seconds - _TEN_MINUTES).cpu_seconds
        beyond = now.memory_bytes > MEMORY_MOST_BYTES or spent > CPU_MOST_SECONDS
        self._hard = self._hard + 1 if beyond else 0
        return Decision(self._pace, frozenset(self._slowed), self._hard >= HARD_READINGS)

    def _remember(self, now: Reading) -> None:
        self._hour.append(now)
        if not self._day or now.at_seconds - self._day[-1].at_seconds >= _DAY_STEP:
            self._day.append(now)
        for kept, length in ((self._hour, _HOUR), (self._day, _DAY)):
            while len(kept) > 1 and kept[1].at_seconds <= now.at_seconds - length:
                kept.popleft()

    def _shares(self, now: Reading) -> dict[Word, float]:
        """How much of each limit is used, 1 being all of it."""
        hour, day = self._hour[0], self._day[0]
        return {
            "slowed_memory": now.memory_bytes / MEMORY_BYTES,
            "slowed_cpu": (now.cpu_seconds - hour.cpu_seconds) / CPU_SECONDS,
            "slowed_disk": (now.disk_bytes - day.disk_bytes) / DISK_BYTES,
            "slowed_network": (now.network_bytes - day.network_bytes) / NETWORK_BYTES,
        }

    def _step(self, is_over: bool) -> None:
        """Twice as slow after some readings that are over, half as slow after some without any reason."""
        self._still += 1
        if is_over and self._pace < PACE_MOST and (self._pace == 1 or self._still >= SOFT_READINGS):
            self._pace, self._still = self._pace * 2, 0
        elif not self._slowed and self._pace > 1 and self._still >= EASE_READINGS:
            self._pace, self._still = self._pace // 2, 0
        elif is_over:
            self._still = min(self._still, SOFT_READINGS)


def _at(readings: deque[Reading], at_seconds: float) -> Reading:
    """The last reading at or before a time; the first there is where none is as old."""
    found = readings[0]
    for reading in readings:
        if reading.at_seconds > at_seconds:
            break
        found = reading
    return found
