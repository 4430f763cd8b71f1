"""Decides what an observation leads to: an alert, an update of an open one, a reminder to the person, or nothing.

The decision is pure; what is open and who was reminded is remembered here, in memory only, so that no name waits on
disk unsealed. After a restart a repeat begins a new alert, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from agent.certainty import Certainty, Proof
from agent.observation import Kind, Observation
from protocol.limits import EVIDENCE_MAX_NAMES
from rules.model import Match, Verdict
from rules.outcome import weigh
from rules.policy import Decision, Policy

REMINDED_KEY = "judge reminded"
"""Where the spool keeps who was reminded today."""


class Judgement(msgspec.Struct, frozen=True):
    """What policy says of one verdict: the category that counts, and the decision for it in the person's group."""

    category: str
    decision: Decision
    group: str = ""

    @property
    def flagged(self) -> bool:
        """Whether the safeguarding lead is to be told."""
        return self.decision.response == "flag"


class SeenName(NamedTuple):
    """One name in an alert: how many times, and when first and last (aware UTC)."""

    name: str
    times: int
    first: datetime
    last: datetime


class CaseKey(NamedTuple):
    """What repeats must share to be one alert.

    Urgency is part of it, so that nothing routine delays an urgent one; the group, since those who may open an alert
    are another group's after a policy moved the person.
    """

    device: UUID
    person: str
    category: str
    kind: Kind
    certainty: Certainty
    urgent: bool
    group: str = ""
    identity: Proof = "proven"


class Reminded(NamedTuple):
    """Who was reminded of which category on which local day."""

    device: UUID
    person: str
    day: date
    category: str


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """An alert to seal: new when `revision` is 0, else an update of the one that bears the same `alert` id.

    `send_after` is None for at once. Names are bounded by EVIDENCE_MAX_NAMES, `count` is not.
    """

    alert: UUID
    revision: int
    key: CaseKey
    source: str
    count: int
    seen: tuple[SeenName, ...]
    matches: tuple[Match, ...]
    policy_line: str
    started: datetime
    ended: datetime
    window_ends: datetime
    send_after: datetime | None


class Reminder(msgspec.Struct, frozen=True, kw_only=True):
    """A word to the person: so many minutes of that category today."""

    person: str
    category: str
    minutes: int


def decide(
    verdict: Verdict, policy: Policy, group: str, at: datetime, certainty: Certainty = "visited"
) -> Judgement | None:
    """What policy says of a verdict at that instant; None where no category matched.

    A protected verdict is never flagged, whatever else matched and whatever a policy says: seeking help must be safe.
    What may have been no person's doing at all is never urgent: nobody is woken for a page's advertisement.
    """
    weighed = weigh(verdict, policy, group, at)
    if weighed is None:
        return None
    decision = weighed.decision
    if certainty == "unclear" and decision.urgent:
        decision = msgspec.structs.replace(decision, urgent=False)
    return Judgement(weighed.category, decision, group)


def first_flag(observation: Observation, verdict: Verdict, judgement: Judgement, alert: UUID) -> Flag:
    """A new alert, sent at once."""
    window = timedelta(seconds=judgement.decision.window_seconds)
    return Flag(
        alert=alert,
        revision=0,
        key=case_of(observation, judgement),
        source=observation.source,
        count=1,
        seen=(SeenName(observation.name, 1, observation.started, observation.started),),
        matches=verdict.matches[:EVIDENCE_MAX_NAMES],
        policy_line=judgement.decision.line,
        started=observation.started,
        ended=observation.started,
        window_ends=observation.started + window,
        send_after=None,
    )


def updated(flag: Flag, observation: Observation, verdict: Verdict) -> Flag:
    """The open alert with one more sighting, to be sent when its window ends."""
    seen = _seen_again(flag.seen, observation)
    matches = flag.matches
    if seen is not flag.seen:
        matches += tuple(match for match in verdict.matches if match not in matches)
    return msgspec.structs.replace(
        flag,
        revision=flag.revision + 1,
        count=flag.count + 1,
        seen=seen,
        matches=matches[:EVIDENCE_MAX_NAMES],
        started=min(flag.started, observation.started),
        ended=max(flag.ended, observation.started),
        send_after=flag.window_ends,
    )


def case_of(observation: Observation, judgement: Judgement) -> CaseKey:
    """Which open alert a sighting would belong to."""
    return CaseKey(
        observation.device,
        observation.person,
        judgement.category,
        observation.kind,
        observation.certainty,
        judgement.decision.urgent,
        judgement.group,
        observation.identity,
    )


class Judge:
    """Remembers the open alerts and today's reminders. Work happens on a draft that counts once it is adopted."""

    def __init__(self, new_id: Callable[[], UUID], reminded: bytes | None = None) -> None:
        """`reminded` is what `write` saved: who was reminded today, so that a restart does not remind them again."""
        self._new_id = new_id
        self._open: dict[CaseKey, Flag] = {}
        self._reminded = _decode_reminded(reminded)
        self._reminded_changed = False

    def draft(self) -> Judge:
        """A copy to work on, so that a failed transaction leaves no trace of what it would have sent."""
        copy = Judge(self._new_id)
        copy._open = dict(self._open)
        copy._reminded = set(self._reminded)
        return copy

    def adopt(self, draft: Judge) -> None:
        """Take over what the draft learnt, once it is on disk."""
        self._open, self._reminded = draft._open, draft._reminded

    def write(self, save: Callable[[str, bytes | None], None]) -> None:
        """Save who was reminded, where that has changed; of alerts nothing is saved."""
        if self._reminded_changed:
            save(REMINDED_KEY, msgspec.msgpack.encode(sorted(self._reminded)))

    def sight(self, observation: Observation, verdict: Verdict, judgement: Judgement) -> Flag | None:
        """The alert or update that a sighting leads to, or None where it is not flagged."""
        if not judgement.flagged or verdict.protected:
            return None
        key = case_of(observation, judgement)
        known = self._open.get(key)
        if known is not None and _in_window(known, observation.started):
            flag = updated(known, observation, verdict)
        else:
            flag = first_flag(observation, verdict, judgement, self._new_id())
        if known is None or flag.window_ends >= known.window_ends:
            self._open[key] = flag
        return flag

    def remind(
        self, device: UUID, person: str, day: date, category: str, seconds: int, decision: Decision
    ) -> Reminder | None:
        """A reminder once a person's minutes of a category are used up on that day, and only once that day."""
        if decision.response != "remind" or decision.daily_minutes is None:
            return None
        key = Reminded(device, person, day, category)
        if seconds < decision.daily_minutes * 60 or key in self._reminded:
            return None
        self._reminded.add(key)
        self._reminded_changed = True
        return Reminder(person=person, category=category, minutes=seconds // 60)

    def forget_before(self, now: datetime, today: date) -> None:
        """Close the windows that have ended, and forget the reminders of earlier days."""
        self._open = {key: flag for key, flag in self._open.items() if flag.window_ends > now}
        self._reminded = {key for key in self._reminded if key.day >= today}


def _decode_reminded(data: bytes | None) -> set[Reminded]:
    if data is None:
        return set()
    try:
        return set(msgspec.msgpack.decode(data, type=list[Reminded]))
    except msgspec.MsgspecError:
        return set()  # of an older version: at worst somebody is reminded twice


def _in_window(flag: Flag, at: datetime) -> bool:
    """Whether a sighting belongs to an open alert: histories are read in turn, so it may lie a little before."""
    window = flag.window_ends - flag.started
    return flag.window_ends - 2 * window <= at < flag.window_ends


def _seen_again(seen: tuple[SeenName, ...], observation: Observation) -> tuple[SeenName, ...]:
    at = observation.started
    for place, one in enumerate(seen):
        if one.name == observation.name:
            again = SeenName(one.name, one.times + 1, min(one.first, at), max(one.last, at))
            return (*seen[:place], again, *seen[place + 1 :])
    if len(seen) >= EVIDENCE_MAX_NAMES:
        return seen
    return (*seen, SeenName(observation.name, 1, at, at))
