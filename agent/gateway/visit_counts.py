"""Counts the visits of phones for the daily totals: how often, for nobody can say how long from a name looked up.

Only a companion on the phone (`inner_door.py`) says how long an app was in front; that is counted too.

It takes the place of the laptop's tally (`agent/tally.py`), whose one state a day would be written anew for ten
thousand phones each second. What is counted is in memory, on disk once a minute, and goes once it was handed on: the
gateway keeps nobody's days. A machine that fails loses a minute of counts; records of flags are on disk at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from agent.observation import Kind, Observation
from agent.spans import by_day, milliseconds
from agent.state_parts import Load, Save, load_parts, save_parts
from agent.tally import FLUSH_SECONDS, Label, OwnTotal, Spent, kept_until
from protocol.limits import DAY_MAX_SECONDS, TOTALS_MAX_ROWS
from protocol.messages import UsageRow, UsageTotals

STATE_KEY: Final = "gateway visit counts"
WRITE_SECONDS: Final = 60.0
"""How much of the counts a failing machine loses at most."""

_VISITS_MAX: Final = 1_000_000
"""What one row of totals takes."""

_COUNTED: Final = frozenset({"likely", "visited"})


class Key(NamedTuple):
    """Whose visits or seconds, on which local day, of what (see `agent.tally.Label`)."""

    device: UUID
    group: str
    person: str
    day: date
    kind: Kind
    category: str
    name: str | None
    unit: Literal["visits", "seconds"] = "visits"


class _State(msgspec.Struct):
    """What is on disk: the counts that were not handed on."""

    counts: list[tuple[Key, int]]
    flushed: datetime | None


class VisitCounts:
    """The counts under way. What a transaction counted is taken back where the transaction comes to nothing."""

    def __init__(self, load: Load, group_of: Callable[[UUID, str], str]) -> None:
        """`group_of(device, person)` says for which group a person's visits count."""
        self._group_of = group_of
        self._counts: Counter[Key] = Counter()
        self._flushed: datetime | None = None
        self._written: datetime | None = None
        self._now: datetime | None = None
        self._added: Counter[Key] = Counter()
        self._taken: Counter[Key] = Counter()
        self._flushed_before: datetime | None = None
        self._changed = False
        self._writing = False
        self._load = load
        data = load_parts(load, STATE_KEY)
        if data is not None:
            try:
                state = msgspec.msgpack.decode(data, type=_State)
            except msgspec.MsgspecError:
                return  # of an older version: a quarter of an hour of counts at most
            self._counts.update(dict(state.counts))
            self._flushed = self._flushed_before = state.flushed

    # --- counting --------------------------------------------------------------------------------------------------

    def add(
        self,
        observation: Observation,
        label: Label,
        *,
        counted_seconds: float,
        remind: str | None,  # noqa: ARG002 - nobody is reminded of minutes that nobody can count
        now: datetime,
        zone: ZoneInfo,
    ) -> None:
        """Count one likely visit of a known person, and its seconds where its source saw them.

        What is unclear was perhaps nobody's doing. In private time nothing counts, and of a phone that is nobody's
        there is no person to count for.
        """
        self._now = now
        if observation.certainty not in _COUNTED or counted_seconds <= 0 or not observation.person:
            return
        day = observation.started.astimezone(zone).date()
        group = self._group_of(observation.device, observation.person)
        key = Key(observation.device, group, observation.person, day, observation.kind, label.category, label.name)
        self._count(key, 1)
        if observation.seconds is not None:
            begin = milliseconds(observation.started)
            for each, (start, end) in by_day((begin, begin + round(counted_seconds * 1000)), zone):
                self._count(key._replace(day=each, unit="seconds"), round((end - start) / 1000))

    def _count(self, key: Key, amount: int) -> None:
        self._counts[key] += amount
        self._added[key] += amount
        self._changed = True

    def settle(self, now: datetime, zone: ZoneInfo) -> None:  # noqa: ARG002 - a count waits for nothing
        """Nothing waits to be settled."""
        self._now = now

    @property
    def crowded(self) -> bool:
        """Never: a count takes no more room for being counted again."""
        return False

    def take_spent(self) -> list[Spent]:
        """No minutes are spent."""
        return []

    # --- handing on ------------------------------------------------------------------------------------------------

    def flush_is_due(self, now: datetime) -> bool:
        """Whether counts were last handed on long enough ago (or the clock was set back since)."""
        if self._flushed is None:
            return True
        return not 0 <= (now - self._flushed).total_seconds() < FLUSH_SECONDS

    def unsent_people(self) -> dict[str, set[str]]:
        """For each month (`YYYY-MM`), the accounts with counts that wait."""
        found: dict[str, set[str]] = {}
        for key in self._counts:
            found.setdefault(f"{key.day:%Y-%m}", set()).add(key.person)
        return found

    def flush(self, ids: Mapping[tuple[str, str], UUID], now: datetime) -> list[UsageTotals]:
        """Hand on what is counted of those whose id of that month is known, and forget it; nobody's is dropped."""
        amounts: dict[Key, Counter[str]] = {}
        for key, amount in sorted(self._counts.items(), key=lambda one: (one[0].day, one[0].device.int)):
            if (f"{key.day:%Y-%m}", key.person) in ids:
                del self._counts[key]
                self._taken[key] += amount
                amounts.setdefault(key._replace(unit="visits"), Counter())[key.unit] += amount
        rows: dict[tuple[UUID, str], list[UsageRow]] = {}
        for key, of in amounts.items():
            person = ids[f"{key.day:%Y-%m}", key.person]
            seconds, visits = min(of["seconds"], DAY_MAX_SECONDS), min(of["visits"], _VISITS_MAX)
            row = UsageRow(person, key.day, key.kind, key.category, key.name, seconds, visits)
            rows.setdefault((key.device, key.group), []).append(row)
        self._flushed = now
        self._changed = self._writing = True
        return [
            UsageTotals(device, group, tuple(some[start : start + TOTALS_MAX_ROWS]))
            for (device, group), some in rows.items()
            for start in range(0, len(some), TOTALS_MAX_ROWS)
        ]

    def forget_before(self, today: date, *, crowded: bool = False) -> None:  # noqa: ARG002 - nothing is kept to be seen
        """Delete counts of days whose time is over, as the collector does."""
        for key in [key for key in self._counts if kept_until(key.day) < today]:
            self._taken[key] += self._counts.pop(key)
            self._changed = True

    def own_totals(self, person: str, since: date) -> list[OwnTotal]:  # noqa: ARG002 - the collector has them
        """Nobody asks a gateway: a person's own totals are given out at subject access."""
        return []

    # --- remembering -----------------------------------------------------------------------------------------------

    def write(self, save: Save) -> None:
        """Save what changed, once a minute and whenever something was handed on, inside the spool's transaction."""
        if not self._changed or not (self._writing or self._write_is_due()):
            return
        state = msgspec.msgpack.encode(_State(list(self._counts.items()), self._flushed))
        save_parts(save, self._load, STATE_KEY, state)
        self._writing = True

    def _write_is_due(self) -> bool:
        if self._written is None or self._now is None:
            return True
        return not 0 <= (self._now - self._written).total_seconds() < WRITE_SECONDS

    def committed(self) -> None:
        """The transaction is on the disk."""
        self._added.clear()
        self._taken.clear()
        self._flushed_before = self._flushed
        if self._writing:
            self._written, self._changed, self._writing = self._now, False, False

    def rolled_back(self, *, disk_lost: bool = False) -> None:
        """The transaction came to nothing: take back what it counted, and have again what it handed on."""
        self._counts.update(self._taken)
        self._counts.subtract(self._added)
        self._counts += Counter()  # none of nought
        self._added.clear()
        self._taken.clear()
        self._flushed = self._flushed_before
        self._changed, self._writing = True, disk_lost
