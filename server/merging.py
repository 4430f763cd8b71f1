"""Make a case a part of another, and take it apart again. Nothing of either is changed or lost by it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext

from server import notify, timeline
from server.errors import WrongState
from server.holding import is_open, who_can_open
from server.incidents import addressed, visible
from server.store.models import Incident, IncidentRecipient, User
from server.timeline import What


def merge(user: User, incident_id: UUID, into_id: UUID, now: datetime) -> None:
    """Make one case a part of another, where it is shown from then on; again is the same.

    Raises NotAllowed, NotThere, and WrongState when that would hide it from somebody, or go round in a circle.
    """
    addressed(user, incident_id)
    addressed(user, into_id)
    with transaction.atomic():
        incident, into = _locked(incident_id, into_id)
        if incident.merged_into_id == into_id:
            return
        _check(incident, into)
        incident.merged_into = into
        incident.save(update_fields=["merged_into"])
        timeline.add(incident, What.MERGED, user, now, other=into)
        timeline.add(into, What.TOOK_IN, user, now, other=incident)
        notify.incident_merged(incident, into, now)


def take_apart(user: User, incident_id: UUID, now: datetime) -> None:
    """Let a merged case stand for itself again, open or closed as it was; again is the same."""
    addressed(user, incident_id)
    with transaction.atomic():
        incident = Incident.objects.select_for_update(of=("self",)).get(pk=incident_id)
        into = incident.merged_into
        if into is None:
            return
        incident.merged_into = None
        incident.save(update_fields=["merged_into"])
        timeline.add(incident, What.TAKEN_APART, user, now, other=into)
        timeline.add(into, What.GAVE_BACK, user, now, other=incident)


def parts(user: User, incident_id: UUID) -> list[Incident]:
    """Return the cases that were made a part of this one and that the user can open, oldest first."""
    mine = visible(user).filter(incident=OuterRef("pk"))
    return list(Incident.objects.filter(Exists(mine), merged_into=incident_id).order_by("started"))


def whole(user: User, incident: Incident) -> Incident | None:
    """Return the case that this one is a part of, if there is one and the user can open it."""
    mine = visible(user).filter(incident=incident.merged_into_id)
    return incident.merged_into if incident.merged_into_id is not None and mine.exists() else None


def standing_alone(rows: QuerySet[IncidentRecipient], user: User) -> QuerySet[IncidentRecipient]:
    """Leave out the rows of cases that are shown under another case which the user can open.

    Whoever can't open that other case goes on seeing the part: merging must never hide a case from anybody.
    """
    # Few cases are parts, and an index knows them: asked of each row, a database would read all there are.
    whole = visible(user).filter(incident=OuterRef("part_of"))
    parts = visible(user).filter(Exists(whole), part_of__isnull=False)
    return rows.exclude(id__in=parts.values("id"))


def _locked(incident_id: UUID, into_id: UUID) -> tuple[Incident, Incident]:
    # In one order whoever asks, so that two leads who merge crosswise wait and do not block each other for ever.
    rows = Incident.objects.select_for_update(of=("self",)).filter(pk__in={incident_id, into_id}).order_by("pk")
    found = {row.pk: row for row in rows}
    return found[incident_id], found[into_id]


def _check(incident: Incident, into: Incident) -> None:
    if incident.pk == into.pk:
        raise WrongState(gettext("a case can't be a part of itself"))
    if incident.merged_into is not None:
        raise WrongState(
            gettext("this case is already a part of %(reference)s; take it apart first")
            % {"reference": incident.merged_into.reference}
        )
    if into.merged_into is not None:
        raise WrongState(
            gettext("%(part)s is itself a part of %(whole)s; choose that one")
            % {"part": into.reference, "whole": into.merged_into.reference}
        )
    if not is_open(into):
        raise WrongState(gettext("%(reference)s is closed; reopen it first") % {"reference": into.reference})
    if who_can_open(incident.pk) - who_can_open(into.pk):
        raise WrongState(
            gettext("somebody who can open this case can't open %(reference)s; hand that one to them first")
            % {"reference": into.reference}
        )
