"""What only a lead's browser can count of a month: handed out sealed, taken back as signed totals, told as far as safe.

A lead for all groups counts the cases that are kept from nobody (`month_cases`), so two leads count the same ones, and
the figures tell neither of a case that is kept from them. What the totals say of fewer than five cases is not told,
and a later hand-in is not either where the difference to what was told before would say that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils.translation import gettext

from protocol import month_totals as paper
from protocol.errors import Refused
from protocol.month_totals import MonthTotals, SignedTotals
from protocol.rewraps import Rewrap
from protocol.sealing import key_id
from server import audit, category_names, leadkeys, log, month_cases, queue, sharing
from server.errors import NotAllowed, WrongState
from server.incidents import keys_of, may_open, visible
from server.month_cases import MonthCases
from server.queue import SealedRow
from server.small_counts import may_follow, may_show, name_large
from server.store.models import Incident, LeadKey, MonthlySummary, MonthSealedTotals, Note, User
from server.summary_calendar import bounds, is_over
from server.summary_document import Named, Sealed, read
from server.summary_words import CAME_OF, month_words
from server.working_hours import organisation_zone

PAGE_CASES = 100
"""Cases handed out at once, about 1 MB with their decisions: progress shows, and no thread is held for long."""

UNREADABLE, UNKNOWN = "unreadable", "unknown"
"""What counts of a case that the lead's key does not open, or of a category that is in use no more."""


@dataclass(frozen=True)
class ToOpen:
    """One case to open and count, with the sealed decision where it is closed, and who was let in by whom."""

    row: SealedRow
    urgent: bool
    part: bool
    decision: Note | None
    wrap: bytes | None
    rewraps: list[Rewrap]


@dataclass(frozen=True)
class Page:
    """Some of the month's cases. `closed_urgent` and `closed_routine` were sealed to keys that the user has no more.

    These are none that were ever kept from the user: such cases are not counted.
    """

    cases: tuple[ToOpen, ...]
    all: int
    closed_urgent: int
    closed_routine: int
    following: UUID | None


def check_may_count(user: User, month: str, now: datetime) -> MonthCases:
    """Return the month's cases; raises NotAllowed, or WrongState for whom or when they can't be counted.

    Whoever became a lead later could not open what came before: what is missing would tell them of a case that is
    about them. So it takes somebody who was on every list under which the cases were sealed.
    """
    may_open(user)
    first, after = bounds(month)
    zone = organisation_zone().key
    if not is_over(month, now, zone):
        said = gettext("%(month)s is not over yet; its cases are counted after it")
        raise WrongState(said % {"month": month_words(first)})
    cases = month_cases.of(first, after, zone)
    newest = leadkeys.signed_list()
    own = set(LeadKey.objects.filter(user=user).values_list("key_id", flat=True))
    lists = (*cases.lists, *((newest,) if newest is not None else ()))
    listed = [
        any(one.key_id in own and one.role != "recovery" and not one.groups for one in some.recipients)
        for some in lists
    ]
    if user.groups or not keys_of(user) or not listed or not all(listed):
        said = gettext(
            "the cases of %(month)s are counted by somebody who was a lead or deputy for all groups while they came, "
            "and still is"
        )
        raise NotAllowed(said % {"month": month_words(first)})
    return cases


def to_open(user: User, month: str, after: UUID | None, now: datetime) -> Page:
    """Return the next of the month's cases with their sealed decisions, once that is in the audit log.

    Raises as `check_may_count`.
    """
    counted = {one.id: one for one in check_may_count(user, month, now).counted}
    times = [one.received_at for one in counted.values()]
    rows_of_mine = visible(user).filter(incident__received_at__range=(min(times), max(times))) if times else None
    mine = (
        set(rows_of_mine.values_list("incident_id", flat=True)) & counted.keys() if rows_of_mine is not None else set()
    )
    ids = sorted(one for one in mine if after is None or one > after)
    wanted = ids[:PAGE_CASES]
    with transaction.atomic(durable=True):
        audit.write(audit.actor_of(user), "decisions_opened", f"month:{month} cases:{len(wanted)}", now=now)
    rows = {row.id: row for row in queue.some(user, wanted)}
    decisions = _decisions(wanted)
    wraps = sharing.wraps_for(user, decisions.keys(), ["note"])
    parts = set(Incident.objects.filter(pk__in=wanted, merged_into__isnull=False).values_list("pk", flat=True))
    cases = tuple(
        ToOpen(
            row=rows[one],
            urgent=counted[one].urgent,
            part=one in parts,
            decision=decisions.get(one),
            wrap=wraps.get((decisions[one].pk, "note")) if one in decisions else None,
            rewraps=sharing.introductions(one) if one in decisions else [],
        )
        for one in wanted
        if one in rows
    )
    following = wanted[-1] if len(ids) > len(wanted) else None
    closed = [one.urgent for one in counted.values() if one.id not in mine]
    return Page(cases, len(counted), sum(closed), len(closed) - sum(closed), following)


def hand_in(user: User, signed: SignedTotals, now: datetime) -> MonthSealedTotals:
    """Keep what a lead counted; the same again is the same. Raises as `check_may_count`, Refused, and WrongState.

    Impossible totals are those that do not say of every case what it was and what came of it.
    """
    totals = paper.read(signed)
    cases = check_may_count(user, totals.month, now)
    listed = leadkeys.signed_list()
    if key_id(signed.signer) not in {*keys_of(user)} & {one.key_id for one in (listed.recipients if listed else ())}:
        raise WrongState(
            gettext("this is not signed with one of your own keys on the signed list; unlock it and count again")
        )
    _check(totals, cases)
    with transaction.atomic():
        there = MonthSealedTotals.objects.filter(pk=totals.id).first()
        if there is not None:
            if (there.by_id, bytes(there.text)) != (user.pk, signed.text):
                raise WrongState(gettext("other totals have this id; count again"))
            return there
        audit.write(audit.actor_of(user), "month_totals_handed_in", f"month:{totals.month} totals:{totals.id}", now=now)
        return MonthSealedTotals.objects.create(
            id=totals.id,
            month=totals.month,
            text=signed.text,
            signer=signed.signer,
            signature=signed.signature,
            at=now,
            by=user,
        )


def newest(month: str) -> MonthSealedTotals | None:
    """Return what was handed in last of a month."""
    return MonthSealedTotals.objects.filter(month=month).select_related("by").order_by("-at", "-pk").first()


def to_publish(month: str) -> Sealed | None:
    """Return what may be told of the newest hand-in, else what was told before; None while it awaits the lead."""
    documents = MonthlySummary.objects.filter(month=month).order_by("revision").values_list("document", flat=True)
    told = [sealed for one in documents if (sealed := read(one).sealed) is not None]
    before = told[-1] if told else None
    given = newest(month)
    now = _sealed(given) if given is not None else None
    if now is None or (before is not None and _tables(before) == _tables(now)):
        return before
    return now if all(_may_follow(one, now) for one in told) else before


def _decisions(ids: Sequence[UUID]) -> dict[UUID, Note]:
    """The newest sealed decision of each of these cases that is closed."""
    rows = Note.objects.filter(incident__in=ids, incident__state=Incident.State.CLOSED, closing=True)
    return {note.incident_id: note for note in rows.order_by("at", "id")}


def _check(totals: MonthTotals, cases: MonthCases) -> None:
    known = {*category_names.category_names(), UNREADABLE, UNKNOWN}
    for said, given, allowed in (
        (gettext("‘%(odd)s’ is no category that is known here; load the page again"), _categories_of(totals), known),
        (
            gettext("‘%(odd)s’ is no outcome that is known here; load the page again"),
            set(totals.outcomes),
            set(CAME_OF),
        ),
    ):
        for odd in sorted(given - allowed):
            raise WrongState(said % {"odd": odd})
    urgent = sum(one.urgent for one in cases.counted)
    for said, counted, there in (
        (gettext("%(count)s urgent cases are counted, and there are %(there)s; count again"), totals.urgent, urgent),
        (
            gettext("%(count)s routine cases are counted, and there are %(there)s; count again"),
            totals.routine,
            len(cases.counted) - urgent,
        ),
        (
            gettext("%(count)s cases are counted by what came of them, and there are %(there)s; count again"),
            totals.outcomes,
            len(cases.counted),
        ),
    ):
        if sum(counted.values()) != there:
            raise WrongState(said % {"count": sum(counted.values()), "there": there})


def _categories_of(totals: MonthTotals) -> set[str]:
    return {*totals.urgent, *totals.routine}


def _sealed(given: MonthSealedTotals) -> Sealed | None:
    """What of a hand-in may be told; None where it is not as a lead of a signed list wrote it."""
    signed = SignedTotals(bytes(given.text), bytes(given.signer), bytes(given.signature))
    leads = {
        one.key_id
        for listed in leadkeys.lists_by_version().values()
        for one in listed.recipients
        if one.role != "recovery" and not one.groups
    }
    try:
        totals = paper.read(signed)
    except Refused:
        totals = None
    if totals is None or totals.month != given.month or key_id(signed.signer) not in leads:
        log.event("month_totals_refused", totals=given.pk)
        return None
    return Sealed(_categories(totals), name_large(totals.outcomes, "false_alarm"), given.at.astimezone(UTC))


def _categories(totals: MonthTotals) -> dict[str, Named]:
    apart = {"urgent": totals.urgent, "routine": totals.routine}
    told = may_show({name: sum(parts.values()) for name, parts in apart.items()})
    if None not in told.parts.values():
        return {name: name_large(parts) for name, parts in apart.items()}
    # The policy, which everybody can read, says which categories are urgent: what is told of urgent cases as a whole
    # less their large categories would be the small one.
    both = {
        name: totals.urgent.get(name, 0) + totals.routine.get(name, 0) for name in (*totals.urgent, *totals.routine)
    }
    return {"all": name_large(both)}


def _tables(sealed: Sealed) -> Sealed:
    return msgspec.structs.replace(sealed, handed_in_at=datetime.min.replace(tzinfo=UTC))


def _may_follow(before: Sealed, now: Sealed) -> bool:
    return (
        before.categories.keys() == now.categories.keys()
        and all(may_follow(before.categories[name], now.categories[name]) for name in now.categories)
        and may_follow(before.outcomes, now.outcomes)
    )
