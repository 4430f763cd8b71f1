"""Counts, for each list on trial, which of its entries were met: one sealed report a day, hits or none.

A list on trial says nothing of a person. What is kept is an entry of the list and a number, what leaves the device is
sealed to the leads, and every day's report has one size and a moment that was drawn without looking at the counts.
Nothing of private time counts. A gateway counts for all its phones together, and makes a report for each group: which
phone it was is not kept, and a group's leads get that group's counts alone.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from uuid import UUID

import msgspec

from agent.bundle import Bundle
from agent.seal import NAME_MAX_CHARS, Signer, for_case
from agent.state_parts import load_parts, save_parts
from protocol import sealing
from protocol.limits import ENVELOPE_SIZES_BYTES, TRIAL_MAX_ENTRIES, TRIAL_MAX_PACKS
from protocol.messages import TrialCounts, TrialEntry, TrialHeader, TrialPack, TrialReport, encode
from protocol.signing import sign_trial
from rules.model import TrialMatch, Verdict

log = logging.getLogger(__name__)

TRIAL_KEY = "trial"
"""Where the spool keeps the day's counts."""

REPORT_WITHIN_SECONDS = 3600.0
"""A report is due within this from the first moment of the next day in which the agent runs; when is drawn."""

COUNT_MAX = 2**53
"""As much as a message's number takes."""

_TEXT_MAX_BYTES = ENVELOPE_SIZES_BYTES[-1] - 4
_CATEGORIES_MAX = 16
_VERSION = 2


class _Met(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """An entry of a list that was met."""

    pack: str
    entry: str
    categories: tuple[str, ...]
    count: int


class _OfGroup(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What was met for one group: entries, and by list how much beyond them."""

    met: list[_Met]
    more: dict[str, int]


class _Stored(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: int
    day: date | None
    groups: dict[str, _OfGroup]


class _Counts:
    """The same, to be found by list and entry."""

    def __init__(self, stored: _OfGroup | None = None) -> None:
        self.met = {(one.pack, one.entry): one for one in stored.met} if stored is not None else {}
        self.more = stored.more if stored is not None else {}

    def add(self, match: TrialMatch, categories: tuple[str, ...]) -> None:
        key = (match.pack, match.entry[:NAME_MAX_CHARS])
        known = self.met.get(key)
        if known is not None:
            known.count = min(known.count + 1, COUNT_MAX)
        elif len(self.met) < TRIAL_MAX_ENTRIES:
            self.met[key] = _Met(*key, categories, 1)
        else:
            self.more[match.pack] = min(self.more.get(match.pack, 0) + 1, COUNT_MAX)

    def stored(self) -> _OfGroup:
        return _OfGroup(list(self.met.values()), self.more)


class Trial:
    """The counts of the day under way. Every change counts once the spool's transaction is committed."""

    def __init__(self, load: Callable[[str], bytes | None]) -> None:
        self._day: date | None
        self._groups: dict[str, _Counts]
        self._load = load
        self._on_disk = load_parts(load, TRIAL_KEY)
        self._written = self._on_disk
        self._changed = False
        self._begin(self._on_disk)

    def add(self, verdict: Verdict, bundle: Bundle, group: str, at: datetime, *, reported_to: str) -> None:
        """Count what each list on trial would have said of one observation: by its narrowest entry, once a list.

        `group` says by whose rules, `reported_to` whose leads are told.
        """
        told: set[str] = set()
        for match in verdict.trial:
            if match.pack in told:
                continue
            told.add(match.pack)
            same = [one for one in verdict.trial if (one.pack, one.entry) == (match.pack, match.entry)]
            categories = tuple(
                dict.fromkeys(one.category for one in same if _is_told(one, verdict, bundle, group, at))
            )[:_CATEGORIES_MAX]
            if categories:
                self._groups[reported_to].add(match, categories)
                self._changed = True

    def close(self, today: date, bundle: Bundle, groups: Iterable[str]) -> tuple[date, dict[str, TrialCounts]] | None:
        """The counts of the day under way for each of these groups, if that is over and lists are on trial.

        A new day begins then. Groups without a hit are told of as well, and lists that are no longer on trial are left
        out, so that whether there is a report never hangs on a hit.
        """
        if self._day == today:
            return None
        over, self._day, self._changed = self._day, today, True
        if over is None:
            return None
        counted, self._groups = self._groups, defaultdict(_Counts)
        if not bundle.rules.on_trial:
            return None
        return over, {group: _fitting(bundle, counted[group].met, counted[group].more) for group in groups}

    def write(self, save: Callable[[str, bytes | None], None]) -> None:
        """Save what has changed, inside the spool's transaction."""
        if self._changed:
            stored = _Stored(_VERSION, self._day, {group: one.stored() for group, one in self._groups.items()})
            self._written = msgspec.msgpack.encode(stored)
            save_parts(save, self._load, TRIAL_KEY, self._written)

    def committed(self) -> None:
        """The transaction is on the disk."""
        self._on_disk, self._changed = self._written, False

    def rolled_back(self, *, disk_lost: bool = False) -> None:
        """The transaction came to nothing: back to what was last on the disk, to be written anew if that is lost."""
        self._written = self._on_disk
        self._begin(self._on_disk)
        self._changed = disk_lost

    def _begin(self, data: bytes | None) -> None:
        self._day, self._groups = None, defaultdict(_Counts)
        if data is None:
            return
        try:
            stored = msgspec.msgpack.decode(data, type=_Stored)
        except msgspec.MsgspecError:
            log.error("trial.state_not_understood")  # noqa: TRY400 - a trace could hold what was being decoded
            return
        self._day = stored.day
        self._groups.update((group, _Counts(one)) for group, one in stored.groups.items())


def seal_trial(
    day: date, counts: TrialCounts, bundle: Bundle, group: str, signer: Signer, record: UUID, counter: int
) -> bytes:
    """The body of a trial record as JSON, of the same size whatever the counts."""
    recipients = for_case(bundle, group, "")
    header = encode(
        TrialHeader(
            version=1,
            record=record,
            counter=counter,
            device=signer.device,
            signer=signer.device,
            group=group,
            day=day,
            sealed_to=tuple(recipient.key_id for recipient in recipients),
            recipients_version=bundle.recipients_version,
            policy_version=bundle.policy_version,
        )
    )
    place = sealing.Place(purpose="trial", subject=signer.device, record=record, header=header)
    keys = [recipient.public_key for recipient in recipients]
    envelope = sealing.seal(encode(counts), keys, place, largest=True)
    return encode(TrialReport(header, envelope, sign_trial(signer.key, header, envelope)))


def _is_told(match: TrialMatch, verdict: Verdict, bundle: Bundle, group: str, at: datetime) -> bool:
    """Whether the lead may learn of it: no more than they would, were the list promoted, of what people keep private.

    A category that is ignored, and a sensitive one that is only totalled, would never be named to anybody.
    """
    response = bundle.policy.decide(match.category, group, at, verdict.name).response
    category = bundle.rules.taxonomy.by_id[match.category]
    return response == "flag" or (response != "ignore" and not category.sensitive and not category.protected)


def _fitting(bundle: Bundle, met: Mapping[tuple[str, str], _Met], more: Mapping[str, int]) -> TrialCounts:
    """The counts with as many entries as an envelope takes, those met most often first; the rest is added up."""
    ranked = sorted(met.values(), key=lambda one: (-one.count, one.pack, one.entry))
    listed = len(ranked)
    while True:
        counts = _counts(bundle, ranked[:listed], ranked[listed:], more)
        if len(encode(counts)) <= _TEXT_MAX_BYTES or listed == 0:
            return counts
        listed -= max(1, listed // 10)


def _counts(bundle: Bundle, listed: list[_Met], left_out: list[_Met], more: Mapping[str, int]) -> TrialCounts:
    packs = []
    for pack, size in sorted(bundle.rules.on_trial.items())[:TRIAL_MAX_PACKS]:
        entries = tuple(TrialEntry(one.entry, one.categories, one.count) for one in listed if one.pack == pack)
        beyond = more.get(pack, 0) + sum(one.count for one in left_out if one.pack == pack)
        packs.append(TrialPack(pack, bundle.packs.get(pack, 0), size, entries, min(beyond, COUNT_MAX)))
    return TrialCounts(1, tuple(packs))
