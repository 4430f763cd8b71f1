"""Which of a month's cases are counted for others, and what the collector can tell of them without opening any.

Counted are the cases that are kept from nobody who is a lead for their group: sealed, when they came, to every such
lead and deputy of the signed list of that time. A case about a lead is kept from that lead alone. Were it counted,
whoever compared the figures with what that lead sees, or two leads' totals with each other, would learn that it is
there. So it is in no figure, and it is always said that such cases would not be.

What is counted follows from what was signed when the cases came, so every version, lead and format counts the same.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from protocol import concerns
from protocol.errors import Refused
from protocol.messages import AlertHeader, decode_header
from protocol.publication import RecipientList
from server import leadkeys
from server.disclosure import PEOPLE_MIN
from server.review import due
from server.small_counts import Counts, may_show
from server.store.models import AlertRecord, Incident
from server.summary_document import Counted, Incidents, Response

Header = AlertHeader | concerns.ConcernHeader


@dataclass(frozen=True)
class MonthCase:
    """One case that is counted; `urgent` as it stood at the month's end."""

    id: UUID
    urgent: bool
    received_at: datetime
    first_opened_at: datetime | None


@dataclass(frozen=True)
class MonthCases:
    """A month's cases that are counted, in the order of their ids, and the lists under which they were sealed."""

    counted: tuple[MonthCase, ...]
    lists: tuple[RecipientList, ...]


def of(first: date, after: date, zone: str) -> MonthCases:
    """Return what counts of the cases that were received from the day `first` to the day before `after`, there."""
    begin, end = _bounds(first, after, zone)
    lists = leadkeys.lists_by_version()
    headers = _headers(begin, end)
    times = Incident.objects.filter(received_at__gte=begin, received_at__lt=end).order_by("pk")
    counted = [
        MonthCase(number, any(one.urgent for one in headers[number]), received, opened)
        for number, received, opened, sample in times.values_list("pk", "received_at", "first_opened_at", "sample")
        if number in headers and (sample or is_kept_from_nobody(headers[number][0], lists))
    ]
    # Samples are about nobody, and may be written before any list is signed.
    versions = {headers[one.id][0].recipients_version for one in counted} & lists.keys()
    return MonthCases(tuple(counted), tuple(lists[one] for one in sorted(versions)))


def is_kept_from_nobody(header: Header, lists: Mapping[int, RecipientList]) -> bool:
    """Whether every lead and deputy who was for the case's group can open it; not where that can't be known."""
    listed = lists.get(header.recipients_version)
    readers = {
        one.key_id
        for one in (listed.recipients if listed is not None else ())
        if one.role != "recovery" and (not one.groups or header.group in one.groups)
    }
    return bool(readers) and readers <= set(header.sealed_to)


def figures(first: date, after: date, zone: str) -> Incidents:
    """Return what the collector can say without opening a case: how many came, and how soon each was opened."""
    cases, (_, end), limits = of(first, after, zone).counted, _bounds(first, after, zone), due()
    urgent = sum(one.urgent for one in cases)
    minutes = {True: list[float](), False: list[float]()}
    late = 0
    for one in cases:
        waited = (one.first_opened_at if one.first_opened_at is not None else end) - one.received_at
        late += waited > (limits.urgent if one.urgent else limits.routine)
        if one.first_opened_at is not None:
            minutes[one.urgent].append(waited.total_seconds() / 60)
    return Incidents(
        urgency=_counted(may_show({"urgent": urgent, "routine": len(cases) - urgent})),
        response=_response(minutes[True] + minutes[False]),
        urgent_response=_response(minutes[True]),
        opened_late=may_show({"late": late, "in_time": len(cases) - late}).parts["late"],
        nearly_all_late=late >= PEOPLE_MIN > len(cases) - late,
    )


def _headers(begin: datetime, end: datetime) -> dict[UUID, list[Header]]:
    """Each case's first header, and after it those of updates that had come by the month's end."""
    rows = AlertRecord.objects.filter(incident__received_at__gte=begin, incident__received_at__lt=end)
    fields = ("incident_id", "header", "lead_key_id", "received_at")
    found: dict[UUID, list[Header]] = {}
    for number, header, by_hand, received in rows.order_by("revision", "pk").values_list(*fields):
        if number in found and received >= end:
            continue
        read = concerns.read_header if by_hand is not None else decode_header
        # What can't be read was never kept from nobody; it must not cost the month its summary either.
        with suppress(Refused):
            found.setdefault(number, []).append(read(bytes(header)))
    return {number: some for number, some in found.items() if some}


def _bounds(first: date, after: date, zone: str) -> tuple[datetime, datetime]:
    here = ZoneInfo(zone)
    return datetime(first.year, first.month, first.day, tzinfo=here), datetime(
        after.year, after.month, after.day, tzinfo=here
    )


def _response(minutes: list[float]) -> Response:
    if len(minutes) < PEOPLE_MIN:
        return Response(None, None)
    ranked = sorted(minutes)
    return Response(
        round(statistics.median(ranked), 1), round(ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))], 1)
    )


def _counted(counts: Counts) -> Counted:
    return Counted(counts.total, counts.parts)
