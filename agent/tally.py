"""Turns intervals into daily totals per person, never more than wall time, and hands them on as additions.

What a row may say is decided before anything is kept: a site or app only under its entry on the nameable list, a
category only if it is neither sensitive nor protected, and everything else as one `other`. Time is counted on the wall
clock's line in whole milliseconds; what of it is covered already for a person and kind is never counted again, so
overlapping sources, repeated intervals and a clock that was set back can't make more of it.
"""

from __future__ import annotations

import sys
from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from agent.browser_apps import is_browser
from agent.observation import Kind, Observation
from agent.spans import Span, by_day, instant, length, merged, milliseconds, within, without
from agent.tally_state import Load, Memory, Owner, Row, RowKey, Save, Visit
from protocol.limits import TOTALS_KEPT_DAYS, TOTALS_MAX_ROWS
from protocol.messages import UsageRow, UsageTotals
from rules.model import BACKGROUND, Category, Response, Verdict

OTHER = "other"
"""The one row of all sensitive, protected, ignored and unlisted time."""

VISIT_MAX_SECONDS = 300
"""A page is counted until the next one, five minutes at most: nobody can say whether it is still being read."""

FRONT_LAG_SECONDS = 150
"""A visit is counted this long after it ended: the session part tells of the app in front about once a minute."""

FRONT_KNOWN_SECONDS = 12 * 3600
"""Where the app in front was told in the last hours, a page counts only with a browser in front."""

FRONT_KEPT_SECONDS = 3600
"""How long it is remembered when a browser was in front: longer than any visit waits to be counted."""

SAME_FRONT_SECONDS = 2
"""Intervals of one app with a shorter gap between them are one use: the session part cuts long ones."""

WAITING_MAX_VISITS = 5000
"""Visits of a person that wait to be counted; a flood beyond it is counted early."""

FLUSH_SECONDS = 15 * 60
"""Totals are handed on about this often: coarse for the reader, and little is lost with a machine."""

OWN_DAYS_LEAST = 35
"""A month and a few days of a person's own totals stay even where the spool fills; what waits to be sent goes first."""

_NAME_MAX_CHARS = 253
_SECOND_MS = 1000
_DAY_MS = 86_400_000


class Label(NamedTuple):
    """What a row may say of a site or app."""

    category: str
    name: str | None


class Spent(NamedTuple):
    """How much of a category with reminders a person has used on a day so far."""

    device: UUID
    person: str
    day: date
    category: str
    seconds: int


class OwnTotal(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a person's own day, as they may see it: it says what is sent, and no more.

    `handed_on_seconds` of its seconds were handed on for sending; the rest follows within a quarter of an hour.
    """

    day: date
    kind: Kind
    category: str
    name: str | None
    seconds: int
    visits: int
    handed_on_seconds: int = 0


def label_of(
    verdict: Verdict, category: str | None, response: Response | None, categories: Mapping[str, Category]
) -> Label:
    """What a total may say (promise 7); what it may not tell apart is `other`, all of it alike.

    `category` is the one whose `response` counts; None where none matched. Background traffic is told apart from
    what a person does, unless it is flagged.
    """
    for each in verdict.categories:
        known = categories.get(each)
        if known is None or known.sensitive or known.protected:
            return Label(OTHER, None)
    if verdict.background and not verdict.protected and response != "flag":
        return Label(BACKGROUND, None)
    if category is None or response is None or response == "ignore" or verdict.protected:
        return Label(OTHER, None)
    if not verdict.nameable or verdict.nameable_as is None or response == "flag":
        return Label(category, None)
    return Label(category, verdict.nameable_as[:_NAME_MAX_CHARS])


class Tally:
    """The totals under way. Every change counts once the spool's transaction is committed (see `Memory`)."""

    def __init__(self, load: Load, group_of: Callable[[UUID, str], str]) -> None:
        """`group_of(device, person)` says for which group a person's use counts."""
        self.memory = Memory(load)
        self._group_of = group_of
        self._last_front: dict[Owner, tuple[str, int]] = {}
        self._spent: dict[tuple[Owner, date, str], int] = {}

    # --- counting --------------------------------------------------------------------------------------------------

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
        """Count a visit or an app in front; what was only looked up or only ran was in front of nobody.

        `counted_seconds` bounds what may be counted from its start; `remind` is its category where that reminds.
        """
        if observation.certainty != "visited":
            return
        owner = Owner(observation.device, observation.person)
        if observation.kind == "host":
            self._wait(owner, observation, label, counted_seconds, remind)
        elif observation.seconds is not None:
            self._add_front(owner, observation, label, counted_seconds, remind, now, zone)

    def _wait(
        self, owner: Owner, observation: Observation, label: Label, counted_seconds: float, remind: str | None
    ) -> None:
        known = VISIT_MAX_SECONDS if observation.seconds is None else observation.seconds
        limit_ms = int(min(VISIT_MAX_SECONDS, known, counted_seconds) * _SECOND_MS)
        at_ms = milliseconds(observation.started)
        visit = Visit(at_ms, limit_ms, label.category, label.name, remind, observation.continues)
        insort(self.memory.live.waiting.setdefault(owner, []), visit, key=_at)
        self.memory.live_changed = True

    def _add_front(
        self,
        owner: Owner,
        observation: Observation,
        label: Label,
        counted_seconds: float,
        remind: str | None,
        now: datetime,
        zone: ZoneInfo,
    ) -> None:
        assert observation.seconds is not None
        live, now_ms = self.memory.live, milliseconds(now)
        start = milliseconds(observation.started)
        end = start + int(min(observation.seconds, counted_seconds) * _SECOND_MS)
        name, until = self._last_front.get(owner, ("", 0))
        came_to_front = name != observation.name or not 0 <= start - until <= SAME_FRONT_SECONDS * _SECOND_MS
        self._last_front[owner] = (observation.name, end)
        row = Visit(start, 0, label.category, label.name, remind)
        self._count(owner, "app", row, [(start, end)], visits=int(came_to_front), zone=zone)
        if is_browser(observation.name):
            live.browser_in_front[owner] = merged([*live.browser_in_front.get(owner, ()), (start, end)])
        told = live.front_until_ms.get(owner, 0)
        if end > told or told > now_ms + _DAY_MS:
            live.front_until_ms[owner] = end
        self.memory.live_changed = True

    def settle(self, now: datetime, zone: ZoneInfo) -> None:
        """Count the visits of which it is known by now how long they may count."""
        live, now_ms = self.memory.live, milliseconds(now)
        for owner, visits in list(live.waiting.items()):
            left = []
            surplus = len(visits) - WAITING_MAX_VISITS
            nexts = _next_visits(visits)
            for place, visit in enumerate(visits):
                end = visit.at_ms + visit.limit_ms
                if not visit.continues:
                    end = min(end, nexts[place])
                clock_was_ahead = visit.at_ms > now_ms + _DAY_MS
                if now_ms < end + FRONT_LAG_SECONDS * _SECOND_MS and place >= surplus and not clock_was_ahead:
                    left.append(visit)
                    continue
                spans = self._in_front(owner, (visit.at_ms, end))
                self._count(owner, "host", visit, spans, visits=int(not visit.continues), zone=zone)
            if len(left) < len(visits):
                self.memory.live_changed = True
                live.waiting[owner] = left
        self._prune(now_ms)

    @property
    def crowded(self) -> bool:
        """Whether so many visits wait that they should be settled without waiting for the next tick."""
        return any(len(visits) > WAITING_MAX_VISITS // 10 for visits in self.memory.live.waiting.values())

    def take_spent(self) -> list[Spent]:
        """What was newly used of categories with reminders, each with its sum of the day so far."""
        spent = [Spent(*owner, day, category, ms // _SECOND_MS) for (owner, day, category), ms in self._spent.items()]
        self._spent.clear()
        return spent

    def _in_front(self, owner: Owner, span: Span) -> list[Span]:
        """The part of a visit that counts: all of it where nobody can say what was in front."""
        told = self.memory.live.front_until_ms.get(owner)
        if told is None or told < span[0] - FRONT_KNOWN_SECONDS * _SECOND_MS:
            return [span]
        return within(span, self.memory.live.browser_in_front.get(owner, ()))

    def _count(
        self, owner: Owner, kind: Kind, row: Visit, spans: Iterable[Span], *, visits: int, zone: ZoneInfo
    ) -> None:
        key = RowKey(owner, self._group_of(owner.device, owner.person), kind, row.category, row.name)
        if visits:
            day = instant(row.at_ms).astimezone(zone).date()
            self.memory.day(day, change=True).rows.setdefault(key, Row()).visits += visits
        for span in spans:
            for day, part in by_day(span, zone):
                self._cover(owner, day, part, key, row.remind)

    def _cover(self, owner: Owner, day: date, part: Span, key: RowKey, remind: str | None) -> None:
        """Add what of a span of one day is not covered yet."""
        kept = self.memory.day(day)
        covered = kept.covered.get((owner, key.kind), [])
        free = without(part, covered)
        if not free:
            return
        self.memory.day(day, change=True)
        kept.covered[owner, key.kind] = merged([*covered, *free])
        kept.rows.setdefault(key, Row()).ms += length(free)
        if remind is not None:
            used = kept.reminding.get((owner, remind), 0) + length(free)
            kept.reminding[owner, remind] = self._spent[owner, day, remind] = used

    def _prune(self, now_ms: int) -> None:
        live = self.memory.live
        for owner, spans in list(live.browser_in_front.items()):
            kept = [span for span in spans if now_ms - FRONT_KEPT_SECONDS * _SECOND_MS < span[1] < now_ms + _DAY_MS]
            if len(kept) < len(spans):
                self.memory.live_changed = True
                live.browser_in_front[owner] = kept

    # --- handing on ------------------------------------------------------------------------------------------------

    def flush_is_due(self, now: datetime) -> bool:
        """Whether totals were last handed on long enough ago (or the clock was set back since)."""
        since_ms = milliseconds(now) - self.memory.live.flushed_ms
        return since_ms < 0 or since_ms >= FLUSH_SECONDS * _SECOND_MS

    def unsent_people(self) -> dict[str, set[str]]:
        """For each month (`YYYY-MM`), the accounts with totals that wait."""
        found: dict[str, set[str]] = {}
        for day in self.memory.live.unsent:
            for key, row in self.memory.day(day).rows.items():
                if any(row.unsent()):
                    found.setdefault(_month(day), set()).add(key.owner.person)
        return found

    def flush(self, ids: Mapping[tuple[str, str], UUID], now: datetime) -> list[UsageTotals]:
        """The additions since the last time, for those whose id of that month is known; the others' are kept.

        `ids` is by month and account. What is returned counts as handed on.
        """
        rows: dict[tuple[UUID, str], list[UsageRow]] = {}
        live = self.memory.live
        for day in sorted(live.unsent):
            for key, row in self.memory.day(day).rows.items():
                person = ids.get((_month(day), key.owner.person))
                seconds, visits = row.unsent()
                if person is None or not (seconds or visits):
                    continue
                self.memory.day(day, change=True)
                row.sent_seconds += seconds
                row.sent_visits += visits
                rows.setdefault((key.owner.device, key.group), []).append(
                    UsageRow(person, day, key.kind, key.category, key.name, seconds, visits)
                )
        live.unsent = {day for day in live.unsent if not self.memory.day(day).is_sent}
        live.flushed_ms = milliseconds(now)
        self.memory.live_changed = True
        return [
            UsageTotals(device, group, tuple(some[start : start + TOTALS_MAX_ROWS]))
            for (device, group), some in rows.items()
            for start in range(0, len(some), TOTALS_MAX_ROWS)
        ]

    def forget_before(self, today: date, *, crowded: bool = False) -> None:
        """Delete the days whose time is over, sent or not, as the collector does.

        Where the spool is `crowded`, days that were handed on and are only there to be looked at go sooner.
        """
        for day in sorted(self.memory.live.days):
            only_to_see = crowded and day not in self.memory.live.unsent
            if kept_until(day) < today or (only_to_see and day < today - timedelta(days=OWN_DAYS_LEAST)):
                self.memory.forget(day)

    def own_totals(self, person: str, since: date) -> list[OwnTotal]:
        """That person's totals on this machine from a day on: for that person alone, who asks over their own socket."""
        found: dict[tuple[date, Kind, str, str], Row] = {}
        for day in self.memory.live.days:
            if day < since:
                continue
            for key, row in self.memory.look_at(day).rows.items():
                if key.owner.person == person:
                    total = found.setdefault((day, key.kind, key.category, key.name or ""), Row())
                    total.ms += row.ms
                    total.visits += row.visits
                    total.sent_seconds += row.sent_seconds
        return [
            OwnTotal(
                day=day,
                kind=kind,
                category=category,
                name=name or None,
                seconds=row.ms // _SECOND_MS,
                visits=row.visits,
                handed_on_seconds=row.sent_seconds,
            )
            for (day, kind, category, name), row in sorted(found.items())
        ]

    # --- remembering -----------------------------------------------------------------------------------------------

    def write(self, save: Save) -> None:
        """Save what changed, inside the spool's transaction."""
        self.memory.write(save)

    def committed(self) -> None:
        """The transaction is on the disk."""
        self.memory.committed()

    def rolled_back(self, *, disk_lost: bool = False) -> None:
        """The transaction came to nothing: forget what it would have counted."""
        self.memory.rolled_back(disk_lost=disk_lost)
        self._spent.clear()
        self._last_front.clear()


def kept_until(day: date) -> date:
    """Return the last day on which a day's totals are kept: a while after its month's end, as at the collector."""
    next_month = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return next_month + timedelta(days=TOTALS_KEPT_DAYS - 1)


def _at(visit: Visit) -> int:
    return visit.at_ms


def _next_visits(visits: Sequence[Visit]) -> list[int]:
    """For each visit, when the next one began (ms), which ends it at the latest where nobody saw its end."""
    found, begins = [0] * len(visits), sys.maxsize
    for place in range(len(visits) - 1, -1, -1):
        found[place] = begins
        if not visits[place].continues:
            begins = visits[place].at_ms
    return found


def _month(day: date) -> str:
    return f"{day:%Y-%m}"
