"""Which closed cases are over: a case goes with all its parts, once nothing of any of them is new or open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db import transaction

from server import audit
from server.store.models import AlertRecord, CaseEvent, CaseHold, Incident, IncidentRecipient, Note, Rewrap
from server.store.tables import table

TABLES = tuple(map(table, (Incident, AlertRecord, IncidentRecipient, Note, Rewrap, CaseEvent)))
"""What holds the words of a case, sealed, and who did what to it."""

PARTS_MAX = 10_000
"""No case has so many parts; a circle of parts, which nothing makes, must not keep the nightly work for ever."""


def closed_before(before: datetime) -> list[UUID]:
    """Return the cases that stand for themselves, were closed before then, and come back on no day."""
    rows = Incident.objects.filter(merged_into__isnull=True, state=Incident.State.CLOSED, closed_at__lt=before)
    rows = rows.filter(new_since_closing=False, back_on__isnull=True)
    return list(rows.order_by("closed_at").values_list("pk", flat=True))


def over(before: datetime) -> Iterator[UUID]:
    """Yield the cases that are over with all their parts."""
    for case in closed_before(before):
        if _is_over(_family(case), before):
            yield case


def delete(case: UUID, before: datetime, now: datetime) -> int:
    """Delete one case with its parts, looked at anew under lock, each with a line in the audit log; return how many."""
    with transaction.atomic():
        # All that could make it young again (an alert, a merge) changes or locks one of these rows first.
        ids = [one.pk for one in _family(case)]
        list(Incident.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))
        family = _family(case)
        if case not in closed_before(before) or {one.pk for one in family} != set(ids) or not _is_over(family, before):
            return 0
        for pk in ids:
            audit.write("job:retention", "case_deleted", f"incident:{pk}", now=now)
        Incident.objects.filter(pk__in=ids).delete()
    return len(ids)


def _family(case: UUID) -> list[Incident]:
    """Return a case and its parts, however deep."""
    found = {one.pk: one for one in Incident.objects.filter(pk=case)}
    layer = list(found)
    while layer and len(found) < PARTS_MAX:
        parts = [one for one in Incident.objects.filter(merged_into__in=layer) if one.pk not in found]
        found |= {one.pk: one for one in parts}
        layer = [one.pk for one in parts]
    return list(found.values())


def _is_over(family: list[Incident], before: datetime) -> bool:
    if CaseHold.objects.filter(incident__in=family, lifted_at__isnull=True).exists():
        return False
    return all(max(one.updated_at, one.received_at) < before and one.back_on is None for one in family)
