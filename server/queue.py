"""The lead's queue: what is sealed to one of their keys, a page at a time, in the order in which to look at it.

Everything here is one range of one index of `IncidentRecipient`, so that a million closed cases cost nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from server.errors import NotThere, WrongState
from server.incidents import keys_of, may_open, visible
from server.merging import standing_alone
from server.review import Due
from server.sharing import wraps_for
from server.store.models import IncidentRecipient, User

PAGE_ROWS = 25
"""Rows of one page as it comes from the collector: what is read before the key is unlocked."""

PAGE_MAX = 500
"""Headings of one answer: about 2.3 MB, which neither holds a thread for long nor a lead on a slow line."""

CHANGES_MAX = 200
"""More changes than this since a page looked last, and it had better begin anew."""

OVERLAP = timedelta(seconds=30)
"""How far back a look for changes reaches behind the last one: a change may be committed after later ones."""

View = Literal["open", "closed"]

_CLEAR = {
    "id": "incident_id",
    "reference": "incident__reference",
    "urgent": "urgent",
    "started": "incident__started",
    "ended": "incident__ended",
    "received_at": "incident__received_at",
    "since": "since",
    "state": "incident__state",
    "waiting": "waiting",
    "new_since_closing": "incident__new_since_closing",
    "group": "incident__group",
    "device": "incident__device_id",
    "device_name": "incident__device__name",
    "lost": "incident__lost",
    "record": "record__record",
    "revision": "record__revision",
    "sample": "incident__sample",
    "assigned_to": "incident__assigned_to_id",
    "assigned_name": "incident__assigned_to__display_name",
    "acknowledged": "incident__acknowledged_at",
    "key_id": "key_id",
    "changed_at": "changed_at",
    "place": "id",
}
_SEALED = {
    "header": "record__header",
    "heading": "record__heading",
    "evidence_sha256": "record__evidence_sha256",
    "signature": "record__signature",
    "signer_public_key": "record__signer__public_key",
    "lead_public_key": "record__lead_key__public_key",
}


@dataclass(frozen=True)
class QueueRow:
    """What a lead's queue shows of an incident before unlocking.

    `key_id` is the lead's own key that the heading is sealed to; `since` is when it began to wait or, of one that is
    closed, when it was closed; `place` settles the order of those with the same time.
    """

    id: UUID
    reference: str
    urgent: bool
    started: datetime
    ended: datetime
    received_at: datetime
    since: datetime
    state: str
    waiting: bool
    new_since_closing: bool
    group: str
    device: UUID | None
    device_name: str
    lost: bool
    record: UUID
    revision: int
    sample: bool
    assigned_to: int | None
    assigned_name: str
    acknowledged: datetime | None
    key_id: str
    changed_at: datetime
    place: int

    def overdue(self, now: datetime, due: Due) -> bool:
        """Whether it waits for longer than it should."""
        return self.waiting and due.overdue(self.since, now, urgent=self.urgent)


@dataclass(frozen=True)
class SealedRow(QueueRow):
    """A row with its sealed heading, and what proves where that comes from.

    The device's signature covers header, heading and evidence; `evidence_sha256` stands for the evidence, which is
    released apart. A concern that was recorded by hand has no device: a lead's key (64 bytes) signed it.
    `wrap` is the heading's content key where the case was opened to this lead later.
    """

    header: bytes
    heading: bytes
    evidence_sha256: bytes
    signature: bytes
    signer_public_key: bytes | None
    lead_public_key: bytes | None
    wrap: bytes | None = None


@dataclass(frozen=True)
class Cursor:
    """The last row of a page; the next page begins behind it. Nothing in it is sealed."""

    urgent: bool
    since: datetime
    place: int

    def __str__(self) -> str:
        """Return it as it stands in an address."""
        return f"{self.urgent:d}.{int(self.since.timestamp() * 1_000_000)}.{self.place}"

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Return the cursor in an address; raises WrongState when it is none."""
        pieces = text.split(".")
        if len(pieces) != 3 or not all(piece.isascii() and piece.isdigit() and len(piece) < 18 for piece in pieces):
            raise WrongState(gettext("this page of the queue is not there; open the queue again"))
        urgent, since, place = map(int, pieces)
        return cls(urgent == 1, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=since), place)


@dataclass(frozen=True)
class Page:
    """Some rows in order; `following` is where the rest begins, None when there is no rest."""

    rows: tuple[QueueRow, ...]
    following: Cursor | None


@dataclass(frozen=True)
class Counts:
    """The queue in figures."""

    open: int
    urgent: int
    overdue: int


def page(
    user: User, view: View = "open", after: Cursor | None = None, size: int = PAGE_ROWS, *, sealed: bool = False
) -> Page:
    """Return one page: what waits, urgent first and then the longest waiting; or what is closed, the latest first.

    With `sealed` the rows are SealedRows. Raises NotAllowed for a role that opens no evidence. Incidents sealed only
    to others do not exist here.
    """
    may_open(user)
    keys = keys_of(user)
    fields = _CLEAR | _SEALED if sealed else _CLEAR
    mine = standing_alone(_once(visible(user), keys), user)
    streams = [_stream(mine.filter(key_id=key), view, after, size + 1, fields) for key in keys]
    found = list(islice(heapq.merge(*streams, key=_order(view)), size + 1))
    rows = _with_wraps(user, found[:size]) if sealed else tuple(found[:size])
    last = rows[-1] if len(found) > size else None
    return Page(rows, Cursor(last.urgent, last.since, last.place) if last is not None else None)


def counts(user: User, now: datetime, due: Due) -> Counts:
    """Count what waits for a lead, each incident once; raises NotAllowed as `page`."""
    may_open(user)
    late = Q(urgent=True, since__lt=now - due.urgent) | Q(urgent=False, since__lt=now - due.routine)
    keys = keys_of(user)
    rows = standing_alone(visible(user), user).filter(waiting=True)
    # A lead has one key as a rule; only who has more could count a case twice.
    one: dict[str, Any] = {"expression": "incident_id", "distinct": True} if len(keys) > 1 else {"expression": "id"}
    found = rows.aggregate(all=Count(**one), first=Count(**one, filter=Q(urgent=True)), late=Count(**one, filter=late))
    return Counts(found["all"], found["first"], found["late"])


def row(user: User, incident_id: UUID) -> SealedRow:
    """Return one incident with its heading; raises NotAllowed as `page`, NotThere when it is not the user's."""
    for one in some(user, [incident_id]):
        return one
    raise NotThere(gettext("there is no such incident"))


def some(user: User, incident_ids: Sequence[UUID]) -> list[SealedRow]:
    """Return those of these incidents that are the user's, with their headings; raises NotAllowed as `page`."""
    may_open(user)
    rows = _once(visible(user), keys_of(user)).filter(incident_id__in=incident_ids)
    return list(_with_wraps(user, [SealedRow(**one) for one in _facts(rows.order_by("id"), _CLEAR | _SEALED)]))


def everything(user: User, after: int = 0, size: int = PAGE_MAX) -> tuple[list[SealedRow], int | None]:
    """Return some of all that a lead can open, parts of other cases too, and the place behind which the rest begins.

    For whoever must look through all of it, as for a person's request for their data. Raises NotAllowed as `page`.
    """
    may_open(user)
    rows = _once(visible(user), keys_of(user)).filter(id__gt=after).order_by("id")
    found = [SealedRow(**one) for one in _facts(rows[: size + 1], _CLEAR | _SEALED)]
    shown = _with_wraps(user, found[:size])
    return list(shown), shown[-1].place if len(found) > size else None


def changes(user: User, since: datetime) -> list[QueueRow]:
    """Return what came or changed since a page looked last, and a little before; at most CHANGES_MAX + 1 rows.

    A case that became a part of another is among them, and no longer waits by itself.
    """
    may_open(user)
    rows = _once(visible(user), keys_of(user)).filter(changed_at__gt=since - OVERLAP).order_by("changed_at")
    found = [QueueRow(**one) for one in _facts(rows[: CHANGES_MAX + 1], _CLEAR)]
    alone = set(
        standing_alone(visible(user).filter(id__in=[row.place for row in found]), user).values_list("id", flat=True)
    )
    return [row if row.place in alone else replace(row, waiting=False) for row in found]


def _with_wraps(user: User, rows: Sequence[Any]) -> tuple[SealedRow, ...]:
    wraps = wraps_for(user, [row.id for row in rows], ["heading"])
    return tuple(replace(row, wrap=wraps.get((row.record, "heading"))) for row in rows)


def _order(view: View) -> Any:
    if view == "open":
        return lambda row: (not row.urgent, row.since, row.place)
    return lambda row: (-row.since.timestamp(), -row.place)


def _stream(
    mine: QuerySet[IncidentRecipient], view: View, after: Cursor | None, size: int, fields: dict[str, str]
) -> Iterator[QueueRow]:
    """Yield at most `size` rows of one key in order, each part of them a range of an index."""
    make: Any = SealedRow if fields is not _CLEAR else QueueRow
    left = size
    for rows in _ranges(mine, view, after):
        for one in _facts(rows[:left], fields):
            left -= 1
            yield make(**one)
        if left == 0:
            return


def _ranges(
    mine: QuerySet[IncidentRecipient], view: View, after: Cursor | None
) -> Iterator[QuerySet[IncidentRecipient]]:
    if view == "closed":
        rows = mine.filter(waiting=False).order_by("-since", "-id")
        if after is not None:
            behind = Q(since__lt=after.since) | Q(id__lt=after.place)
            rows = rows.filter(behind, since__lte=after.since)
        yield rows
        return
    for urgent in (True, False):
        if after is not None and after.urgent < urgent:
            continue
        rows = mine.filter(waiting=True, urgent=urgent).order_by("-urgent", "since", "id")
        if after is not None and after.urgent == urgent:
            behind = Q(since__gt=after.since) | Q(id__gt=after.place)
            rows = rows.filter(behind, since__gte=after.since)
        yield rows


def _once(rows: QuerySet[IncidentRecipient], keys: Sequence[str]) -> QuerySet[IncidentRecipient]:
    """Leave of an incident that is sealed to several of a lead's keys only the row with the newest record."""
    if len(keys) < 2:
        return rows
    newer = Q(record__revision__gt=OuterRef("record__revision"))
    as_new = Q(record__revision=OuterRef("record__revision"), id__gt=OuterRef("id"))
    others = IncidentRecipient.objects.filter(newer | as_new, incident_id=OuterRef("incident_id"), key_id__in=keys)
    return rows.filter(~Exists(others))


def _facts(rows: QuerySet[IncidentRecipient], fields: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the facts of rows in their order, which is found first and alone: no join may tempt a database to sort."""
    places = list(rows.values_list("id", flat=True))
    found = {}
    for values in IncidentRecipient.objects.filter(id__in=places).values_list(*fields.values()):
        facts = dict(zip(fields, values, strict=True))
        for name in _SEALED:
            if facts.get(name) is not None:
                facts[name] = bytes(facts[name])
        facts["device_name"] = facts["device_name"] or ""
        facts["assigned_name"] = facts["assigned_name"] or ""
        found[facts["place"]] = facts
    return (found[place] for place in places)
