"""What the pipeline needs of whoever counts: the laptop's tally, or a gateway's counts of visits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from agent.observation import Observation
from agent.tally import Label, OwnTotal, Spent
from protocol.messages import UsageTotals


class Totals(Protocol):
    """Counts what was observed, and hands it on in parts of days. Used under the pipeline's lock."""

    def add(
        self,
        observation: Observation,
        label: Label,
        *,
        counted_seconds: float,
        remind: str | None,
        now: datetime,
        zone: ZoneInfo,
    ) -> None:
        """Count an observation under what a row may say of it."""

    def settle(self, now: datetime, zone: ZoneInfo) -> None:
        """Count what can be counted by now."""

    @property
    def crowded(self) -> bool:
        """Whether so much waits that it should be settled before the next tick."""

    def take_spent(self) -> list[Spent]:
        """What was newly used of categories with reminders."""

    def flush_is_due(self, now: datetime) -> bool:
        """Whether totals were last handed on long enough ago."""

    def unsent_people(self) -> dict[str, set[str]]:
        """For each month, the accounts with totals that wait."""

    def flush(self, ids: Mapping[tuple[str, str], UUID], now: datetime) -> list[UsageTotals]:
        """The additions since the last time, for those whose id of that month is known."""

    def forget_before(self, today: date, *, crowded: bool = False) -> None:
        """Delete the days whose time is over."""

    def own_totals(self, person: str, since: date) -> list[OwnTotal]:
        """A person's own totals on this machine."""

    def write(self, save: Callable[[str, bytes | None], None]) -> None:
        """Save what changed, inside the spool's transaction."""

    def committed(self) -> None:
        """The transaction is on the disk."""

    def rolled_back(self, *, disk_lost: bool = False) -> None:
        """The transaction came to nothing."""


TotalsOf = Callable[[Callable[[str], bytes | None], Callable[[UUID, str], str]], Totals]
"""Makes what counts, from what loads its state and what says the group of a device and person."""
