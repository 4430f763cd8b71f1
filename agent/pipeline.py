"""The road of an observation, stage by stage; one transaction keeps all that comes of a batch, or nothing."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from functools import partial
from typing import Protocol
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from agent.bundle import Bundle
from agent.errors import SpoolDamagedError
from agent.judge import REMINDED_KEY, Flag, Judge, Judgement, Reminder, decide
from agent.minimise import Kept, minimise
from agent.observation import TRIP_SOURCE, Batch, Family, Observation
from agent.seal import Signer, seal
from agent.tally import OwnTotal, Tally, kept_until, label_of
from agent.told_once import Live, ToldOnce
from agent.totals import TotalsOf
from agent.trial import REPORT_WITHIN_SECONDS, Trial, seal_trial
from agent.trip import By, Trips, own_visit, seal_trip
from protocol.limits import ACCOUNTS_MAX
from protocol.messages import RecordKind, UsageTotals, encode
from rules.model import Verdict

log = logging.getLogger(__name__)

ASK_AGAIN = timedelta(minutes=5)
"""How long the collector is not asked again for monthly ids that it could not give."""

People = Callable[[str, Sequence[str]], Mapping[str, UUID]]
Remind = Callable[[str, str, int], None]


def _draw() -> float:
    return secrets.randbelow(2**32) / 2**32


class Outbox(Protocol):
    """What the pipeline needs of the spool."""

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside, or nothing."""

    def put(
        self,
        kind: RecordKind,
        make: Callable[[UUID, int], bytes],
        *,
        urgent: bool = False,
        replaces: str | None = None,
        send_after: datetime | None = None,
    ) -> UUID | None:
        """Keep a record until the collector has it."""

    def load(self, key: str) -> bytes | None:
        """What was saved under a key."""

    def save(self, key: str, value: bytes | None) -> None:
        """Remember a value under a key."""

    def level(self) -> str:
        """How full it is: "normal" where there is room enough."""


class Owner(Signer, Protocol):
    """The device this agent speaks for."""

    @property
    def group(self) -> str:
        """The group it was enrolled in."""


class _Passage:
    """One observation on its way, with what each stage has found out about it."""

    def __init__(self, observation: Observation, bundle: Bundle | None, group: str, judge: Judge) -> None:
        self.observation = observation
        self.bundle = bundle
        self.group = group
        self.judge = judge
        self.kept: Kept
        self.verdict: Verdict
        self.judgement: Judgement | None = None
        self.flag: Flag | None = None


class Pipeline:
    """Takes what sources saw; safe to use from several threads."""

    def __init__(
        self,
        *,
        spool: Outbox,
        identity: Owner,
        clock: Callable[[], datetime],
        people: People,
        remind: Remind,
        group_of: Callable[[UUID], str] | None = None,
        new_id: Callable[[], UUID] = uuid4,
        draw: Callable[[], float] = _draw,
        grouping_key: Callable[[], bytes | None] = lambda: None,
        totals: TotalsOf = Tally,
        groups: Callable[[], Iterable[str]] | None = None,
        extension_there: Live = lambda _person, _browser: False,
    ) -> None:
        """`people(month, accounts)` gives monthly ids or raises; `remind(person, category_name, minutes)` tells them.

        `group_of(device)`, for those whom no pattern of the policy means, is for a gateway, which observes other
        devices than its own, and so are `groups()`, all that those devices are in, and `totals`, which counts. `draw()`
        gives a number from 0 to below 1. `grouping_key()` is None until it is known. `extension_there(person, browser)`
        says whether a browser's extension tells that person's visits.
        """
        self._spool = spool
        self._identity = identity
        self._clock = clock
        self._people = people
        self._remind = remind
        self._device_group = group_of if group_of is not None else lambda _device: identity.group
        self._lock = threading.RLock()
        self._bundle: Bundle | None = None
        self._judge = Judge(new_id, spool.load(REMINDED_KEY))
        self._tally = totals(spool.load, self._group_of)
        self._trial = Trial(spool.load)
        self._groups = groups
        self._told = ToldOnce(spool.load, extension_there)
        self._trips = Trips()
        self._draw = draw
        self._grouping_key = grouping_key
        self._ids: dict[tuple[str, str], UUID] = {}
        self._ask_after: datetime | None = None
        # The order, written here and nowhere else. A stage that returns False ends the road.
        self._road = (
            self._minimise,
            self._tell_once,
            self._classify,
            self._test_it,
            self._judge_it,
            self._seal_and_spool,
            self._try_it,
            self._tally_it,
        )

    # --- what the service calls ------------------------------------------------------------------------------------

    def use(self, bundle: Bundle) -> None:
        """Put rules in force for all that is observed from now on."""
        with self._lock:
            self._bundle = bundle

    @property
    def only_from_history(self) -> frozenset[Family]:
        """Families of browsers whose visits of the last day came from a history alone."""
        with self._lock:
            return self._told.only_from_history(self._clock())

    @property
    def observing(self) -> bool:
        """Whether there are rules and somebody to seal to; without them all observations are dropped unseen."""
        bundle = self._bundle
        return bundle is not None and bundle.can_seal

    def accept(self, batch: Batch) -> None:
        """Take a batch: its records, its bookmark and the totals are on disk afterwards, or, after an error, none is.

        Raises SpoolError; the source then brings the same batch again, from its old bookmark.
        """
        with self._lock:
            reminders = self._all_or_nothing(lambda judge: self._take(batch, judge))
        self._tell(reminders)

    def tick(self, now: datetime) -> None:
        """Count what can be counted by now, hand totals on when it is time, and close ended windows.

        To be called a few times a minute. May ask the collector for monthly ids, so it may take as long as that.
        Raises SpoolError, after which the next tick tries again.
        """
        if self._tally.flush_is_due(now):
            self._ask_people(now)
        with self._lock:
            reminders = self._all_or_nothing(lambda judge: self._turn(judge, now, flush=self._tally.flush_is_due(now)))
        self._tell(reminders)

    def test(self, trip: UUID, by: By) -> None:
        """Do the harmless test that is wanted, or begin to wait for a visit by hand; once for each test.

        Raises SpoolError, after which the next asking tries again.
        """
        now = self._clock()
        with self._lock:
            wanted = self.observing and self._trips.ask(trip, by, now)
        if wanted and by == "service":
            self.accept(Batch(observations=(own_visit(self._identity.device, now),), bookmark=None))

    def stop(self, now: datetime) -> None:
        """Hand on what can be without asking anybody; visits that still wait are counted after the next start."""
        with self._lock:
            self._all_or_nothing(lambda judge: self._turn(judge, now, flush=True))

    def own_totals(self, person: str) -> list[OwnTotal]:
        """A person's own totals, a row a day and label, for that person and nobody else."""
        with self._lock:
            today = self._today(self._clock())
            found = self._tally.own_totals(person, date.min)
        # A day whose time ended at midnight is deleted within a quarter of an hour, and told no more from midnight on.
        return [one for one in found if kept_until(one.day) >= today]

    # --- the stages, in their order --------------------------------------------------------------------------------

    def _minimise(self, passage: _Passage) -> bool:
        kept = minimise(passage.observation, passage.bundle, passage.group)
        if kept is None:
            return False
        passage.kept, passage.observation = kept, kept.observation
        return True

    def _tell_once(self, passage: _Passage) -> bool:
        observation = self._told.first(passage.observation, self._clock(), private=passage.kept.urgent_only)
        if observation is not None:
            passage.observation = observation
        return observation is not None

    def _classify(self, passage: _Passage) -> bool:
        assert passage.bundle is not None
        passage.verdict = passage.bundle.rules.classify(passage.observation.kind, passage.observation.name)
        return True

    def _test_it(self, passage: _Passage) -> bool:
        """Seal the harmless test, if this is it. A person's visit goes on: a test takes nothing away from the rules."""
        seen, verdict, bundle = passage.observation, passage.verdict, passage.bundle
        trip = self._trips.met(seen, verdict) if not (passage.kept.urgent_only or seen.continues) else None
        if trip is not None:
            assert bundle is not None
            group = self._identity.group
            self._spool.put(
                "trip",
                lambda record, counter: seal_trip(trip, seen, verdict, bundle, group, self._identity, record, counter),
                replaces="trip",
            )
            self._trips.spooled(trip)
        return seen.source != TRIP_SOURCE

    def _judge_it(self, passage: _Passage) -> bool:
        assert passage.bundle is not None
        seen, verdict = passage.observation, passage.verdict
        passage.judgement = decide(verdict, passage.bundle.policy, passage.group, seen.started, seen.certainty)
        if passage.judgement is None or seen.continues:
            return not passage.kept.urgent_only
        if passage.judgement.flagged and (passage.judgement.decision.urgent or not passage.kept.urgent_only):
            passage.flag = passage.judge.sight(seen, verdict, passage.judgement)
        return passage.flag is not None or not passage.kept.urgent_only

    def _seal_and_spool(self, passage: _Passage) -> bool:
        flag, bundle = passage.flag, passage.bundle
        if flag is not None:
            assert bundle is not None
            key = self._grouping_key()
            self._spool.put(
                "alert",
                lambda record, counter: seal(
                    flag, bundle, passage.group, self._identity, record, counter, grouping_key=key
                ),
                urgent=flag.key.urgent,
                replaces=f"alert {flag.alert}" if flag.revision else None,
                send_after=flag.send_after,
            )
        return not passage.kept.urgent_only

    def _try_it(self, passage: _Passage) -> bool:
        assert passage.bundle is not None
        # What lies in private time has left the road before.
        if passage.verdict.trial and not passage.observation.continues:
            own = passage.observation.device == self._identity.device
            self._trial.add(
                passage.verdict,
                passage.bundle,
                passage.group,
                passage.observation.started,
                reported_to=self._identity.group if own else passage.group,
            )
        return True

    def _tally_it(self, passage: _Passage) -> bool:
        assert passage.bundle is not None
        judged = passage.judgement
        category = judged.category if judged is not None else None
        response = judged.decision.response if judged is not None else None
        self._tally.add(
            passage.observation,
            label_of(passage.verdict, category, response, passage.bundle.rules.taxonomy.by_id),
            counted_seconds=passage.kept.counted_seconds,
            remind=category if response == "remind" and not passage.verdict.background else None,
            now=self._clock(),
            zone=_zone_of(passage.bundle),
        )
        return True

    def _group_of(self, device: UUID, person: str) -> str:
        """The person's group by the policy's account patterns, whichever device they use; else the device's."""
        own = self._bundle.policy.group_of(person) if self._bundle is not None else None
        return own if own is not None else self._device_group(device)

    # --- inside a transaction --------------------------------------------------------------------------------------

    def _take(self, batch: Batch, judge: Judge) -> list[Reminder]:
        for observation in batch.observations:
            passage = _Passage(observation, self._bundle, self._group_of(observation.device, observation.person), judge)
            for stage in self._road:
                if not stage(passage):
                    break
        if batch.bookmark is not None:
            self._spool.save(*batch.bookmark)
        if self._bundle is not None and self._tally.crowded:
            self._tally.settle(self._clock(), _zone_of(self._bundle))
        return self._reminders(judge)

    def _turn(self, judge: Judge, now: datetime, *, flush: bool) -> list[Reminder]:
        if self._bundle is not None:
            self._tally.settle(now, _zone_of(self._bundle))
        self._report_trial(now)
        if flush:
            for totals in self._tally.flush(self._ids, now):
                self._put_totals(totals)
            self._tally.forget_before(self._today(now), crowded=self._spool.level() != "normal")
        judge.forget_before(now, self._today(now))
        return self._reminders(judge)

    def _report_trial(self, now: datetime) -> None:
        """Put what there is to report of a day with lists on trial that is over, due at a moment that is drawn."""
        bundle = self._bundle
        if bundle is None or not bundle.can_seal or not bundle.policy.started(now):
            return
        due = now + timedelta(seconds=REPORT_WITHIN_SECONDS * self._draw())
        closed = self._trial.close(self._today(now), bundle, self._reported_groups(bundle))
        if closed is None:
            return
        day, counted = closed
        for group, counts in counted.items():
            self._spool.put("trial", partial(seal_trial, day, counts, bundle, group, self._identity), send_after=due)

    def _reported_groups(self, bundle: Bundle) -> list[str]:
        """For which groups there is a report a day, whatever was met: a gateway's are all whose phones it may see."""
        if self._groups is None:
            return [self._identity.group]
        return sorted({*self._groups(), *(group.id for group in bundle.policy.groups if group.accounts)})

    def _put_totals(self, totals: UsageTotals) -> None:
        self._spool.put("totals", lambda _record, _counter: encode(totals))

    def _reminders(self, judge: Judge) -> list[Reminder]:
        spent, bundle, now = self._tally.take_spent(), self._bundle, self._clock()
        if bundle is None or not spent:
            return []
        today, found = self._today(now), []
        for one in spent:
            # A visit may have waited over a change of rules, after which there is no such category any more.
            if one.day == today and one.category in bundle.policy.taxonomy.by_id:
                decision = bundle.policy.decide(one.category, self._group_of(one.device, one.person), now)
                found.append(judge.remind(one.device, one.person, one.day, one.category, one.seconds, decision))
        return [reminder for reminder in found if reminder is not None]

    def _all_or_nothing(self, work: Callable[[Judge], list[Reminder]]) -> list[Reminder]:
        """Do the work in one transaction; what stages remember is as before where it fails.

        Where the spool was damaged and began anew, it is done once more, with all of the tally that is known.
        """
        try:
            return self._once(work)
        except SpoolDamagedError:
            return self._once(work)

    def _once(self, work: Callable[[Judge], list[Reminder]]) -> list[Reminder]:
        draft = self._judge.draft()
        try:
            with self._spool.transaction():
                reminders = work(draft)
                self._tally.write(self._spool.save)
                self._trial.write(self._spool.save)
                self._told.write(self._spool.save)
                draft.write(self._spool.save)
        except BaseException as fault:
            disk_lost = isinstance(fault, SpoolDamagedError)
            self._tally.rolled_back(disk_lost=disk_lost)
            self._trial.rolled_back(disk_lost=disk_lost)
            self._told.rolled_back(disk_lost=disk_lost)
            self._trips.rolled_back()
            raise
        self._tally.committed()
        self._trial.committed()
        self._told.committed()
        self._trips.committed()
        self._judge.adopt(draft)
        return reminders

    # --- outside of it ---------------------------------------------------------------------------------------------

    def _ask_people(self, now: datetime) -> None:
        """Learn the monthly ids that totals wait for. The lock is not held: an answer may take a minute."""
        if self._ask_after is not None and now < self._ask_after <= now + ASK_AGAIN:
            return
        with self._lock:
            waiting = self._tally.unsent_people()
            wanted = {
                month: sorted(person for person in people if (month, person) not in self._ids)
                for month, people in sorted(waiting.items())
            }
        try:
            for month, accounts in wanted.items():
                for start in range(0, len(accounts), ACCOUNTS_MAX):
                    answer = self._people(month, accounts[start : start + ACCOUNTS_MAX])
                    with self._lock:
                        self._ids.update({(month, account): person for account, person in answer.items()})
            self._ask_after = None
        except Exception as fault:  # noqa: BLE001 - whatever keeps the collector from answering, the totals are kept
            log.info("pipeline.people_not_known error=%s", type(fault).__name__)
            self._ask_after = now + ASK_AGAIN

    def _tell(self, reminders: list[Reminder]) -> None:
        bundle = self._bundle
        for reminder in reminders:
            category = bundle.rules.taxonomy.by_id.get(reminder.category) if bundle is not None else None
            if category is None:
                continue
            try:
                self._remind(reminder.person, category.name, reminder.minutes)
            except Exception as fault:  # noqa: BLE001 - a reminder that can't be shown must not stop the watching
                log.warning("pipeline.reminder_not_shown error=%s", type(fault).__name__)

    def _today(self, now: datetime) -> date:
        return self._bundle.policy.local_day(now) if self._bundle is not None else now.date()


def _zone_of(bundle: Bundle) -> ZoneInfo:
    return ZoneInfo(bundle.policy.timezone)
