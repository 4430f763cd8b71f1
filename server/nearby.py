"""Hand out sealed headings by time, so that a browser can find a person's other cases: the collector can't."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext

from server.errors import WrongState
from server.incidents import addressed, may_open, visible
from server.sharing import wraps_for
from server.store.models import AlertRecord, Incident, IncidentRecipient, User

PAGE_CASES = 200
"""Headings of one answer: some 1.5 MB, opened in a fraction of a second."""

AFTER = timedelta(days=14)
"""How long after a case others are still near it."""


@dataclass(frozen=True)
class Nearby:
    """One case that the user can open: what is in clear of it, its newest record of theirs, and their re-wrap."""

    incident: Incident
    kept: AlertRecord
    wrap: bytes | None


@dataclass(frozen=True)
class Page:
    """Some cases, the latest to begin first; `following` is where the rest begins, empty when there is none."""

    cases: tuple[Nearby, ...]
    following: str


def own(user: User, incident_id: UUID) -> Nearby:
    """Return one case with its newest record that the user can open; raises NotAllowed and NotThere."""
    return _nearby(user, [addressed(user, incident_id)])[0]


def near(user: User, incident_id: UUID, after: str = "") -> Page:
    """Return the user's other cases, from two weeks after this one backwards in time.

    Raises NotAllowed, NotThere, and WrongState for an `after` that is none.
    """
    incident = addressed(user, incident_id).incident
    rows = visible(user).exclude(incident=incident).filter(incident__started__lte=incident.ended + AFTER)
    if after:
        started, pk = _read(after)
        before = Q(incident__started__lt=started) | Q(incident__started=started, incident__id__lt=pk)
        rows = rows.filter(before)
    ordered = rows.order_by("-incident__started", "-incident__id", "-record__revision")
    found: dict[UUID, IncidentRecipient] = {}
    # Somebody with two keys has two rows of a case; the one with the newest record counts.
    for row in ordered.select_related("incident")[: 4 * PAGE_CASES]:
        found.setdefault(row.incident_id, row)
    page = list(found.values())[:PAGE_CASES]
    more = len(found) > PAGE_CASES
    last = page[-1].incident if more else None
    return Page(tuple(_nearby(user, page)), f"{last.started.timestamp():.6f}_{last.pk}" if last is not None else "")


def by_reference(user: User, reference: str) -> Incident | None:
    """Return the user's case of that number, or None; raises NotAllowed."""
    may_open(user)
    row = visible(user).filter(incident__reference__iexact=reference.strip()).select_related("incident").first()
    return row.incident if row is not None else None


def _read(after: str) -> tuple[datetime, UUID]:
    seconds, _, pk = after.partition("_")
    try:
        return datetime.fromtimestamp(float(seconds)).astimezone(), UUID(pk)
    except (ValueError, OverflowError, OSError):
        raise WrongState(gettext("this part of the list is not there; load the page again")) from None


def _nearby(user: User, rows: list[IncidentRecipient]) -> list[Nearby]:
    wraps = wraps_for(user, [row.incident_id for row in rows], ["heading"])
    records = AlertRecord.objects.select_related("signer", "lead_key").defer("evidence")
    kept = {one.pk: one for one in records.filter(pk__in=[row.record_id for row in rows])}
    return [
        Nearby(row.incident, kept[row.record_id], wraps.get((kept[row.record_id].record, "heading"))) for row in rows
    ]
