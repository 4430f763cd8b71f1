"""Say who has a case and who is looking at it, so that two people never follow the same one unknowingly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from server import notify, responders, timeline
from server.errors import NotAllowed, WrongState
from server.incidents import addressed, may_open
from server.store.models import CaseLook, Incident, Note, User
from server.timeline import What

LOOKING = timedelta(seconds=30)
"""How long a look counts: pages say every ten seconds that they are still there, so two may go missing."""

LOOKS_KEPT = timedelta(minutes=5)
"""Who looked at what a while ago is nobody's business; the record of openings is the audit log."""


@dataclass(frozen=True)
class Holder:
    """Somebody who has, or had a hand on, a case, and since when."""

    id: int
    name: str
    at: datetime | None


@dataclass(frozen=True)
class Standing:
    """How a case stands now: what a page shows live. `changes` is another number after anything happened to it."""

    is_open: bool
    assigned: Holder | None
    acknowledged: Holder | None
    looking: tuple[str, ...]
    changes: int


def acknowledge(user: User, incident_id: UUID, now: datetime) -> Holder:
    """Say that somebody has seen a case, which ends its reminders; return who was first.

    Again, or by another, changes nothing, and no case is reopened by it. Raises NotAllowed and NotThere.
    """
    addressed(user, incident_id)
    with transaction.atomic():
        incident = _locked(incident_id)
        _acknowledge(incident, user, now)
    assert incident.acknowledged_by is not None
    return _holder(incident.acknowledged_by, incident.acknowledged_at)


def assign(user: User, incident_id: UUID, to: int | None, held_by: int | None, now: datetime) -> None:
    """Give an open case to oneself, to a colleague who can open it, or (`to` None) to nobody.

    `held_by` is who had it when the person decided: of two that press at once, one wins and the other is told who has
    it. Raises NotAllowed, NotThere, WrongState.
    """
    addressed(user, incident_id)
    with transaction.atomic():
        incident = _locked(incident_id)
        if incident.assigned_to_id == to:
            return
        if incident.assigned_to_id != held_by:
            raise WrongState(_who_has(incident))
        if not is_open(incident):
            raise WrongState(gettext("this case is closed; reopen it first"))
        new = _colleague(incident_id, to) if to is not None else None
        incident.assigned_to, incident.assigned_at = new, (now if new is not None else None)
        incident.save(update_fields=["assigned_to", "assigned_at"])
        timeline.add(incident, What.ASSIGNED if new is not None else What.LET_GO, user, now, to=new)
        if new is not None and new.pk == user.pk:
            _acknowledge(incident, user, now)


def colleagues(user: User, incident_id: UUID) -> list[User]:
    """Return who else can open a case, by name; raises NotAllowed and NotThere."""
    addressed(user, incident_id)
    return [one for one in _who_can_open(incident_id) if one.pk != user.pk]


def look(user: User, incident_id: UUID, now: datetime) -> Standing:
    """Note that the person has the case in front of them, and return how it stands."""
    incident = addressed(user, incident_id).incident
    CaseLook.objects.update_or_create(incident=incident, user=user, defaults={"seen_at": now})
    CaseLook.objects.filter(seen_at__lt=now - LOOKS_KEPT).delete()
    others = CaseLook.objects.filter(incident=incident, seen_at__gte=now - LOOKING).exclude(user=user)
    names = sorted(one.user.get_full_name() for one in others.select_related("user"))
    return _standing(incident, tuple(names))


def looked_at(user: User, now: datetime) -> dict[UUID, list[str]]:
    """Return who else looks at which case right now, for a queue; the caller shows only cases that the user has."""
    may_open(user)
    found: dict[UUID, list[str]] = {}
    for one in CaseLook.objects.filter(seen_at__gte=now - LOOKING).exclude(user=user).select_related("user"):
        found.setdefault(one.incident_id, []).append(one.user.get_full_name())
    return found


def is_open(incident: Incident) -> bool:
    """Whether somebody still has to look at a case."""
    return incident.state == Incident.State.OPEN or incident.new_since_closing


def _standing(incident: Incident, looking: tuple[str, ...]) -> Standing:
    holder, seen = incident.assigned_to, incident.acknowledged_by
    happened = incident.events.count() + Note.objects.filter(incident=incident).count()
    return Standing(
        is_open=is_open(incident),
        assigned=_holder(holder, incident.assigned_at) if holder is not None else None,
        acknowledged=_holder(seen, incident.acknowledged_at) if seen is not None else None,
        looking=looking,
        changes=happened + incident.revision,
    )


def _acknowledge(incident: Incident, user: User, now: datetime) -> None:
    notify.incident_acknowledged(incident, now)
    if incident.acknowledged_by_id is not None:
        return
    incident.acknowledged_by, incident.acknowledged_at = user, now
    incident.save(update_fields=["acknowledged_by", "acknowledged_at"])
    timeline.add(incident, What.ACKNOWLEDGED, user, now)


def _locked(incident_id: UUID) -> Incident:
    # Of this table alone: PostgreSQL locks no row of an outer join.
    return Incident.objects.select_for_update(of=("self",)).get(pk=incident_id)


def _colleague(incident_id: UUID, user_id: int) -> User:
    for one in _who_can_open(incident_id):
        if one.pk == user_id:
            return one
    raise NotAllowed(gettext("that person can't open this case; hand it to their key first"))


def _who_can_open(incident_id: UUID) -> list[User]:
    able = responders.readers(Incident.objects.get(pk=incident_id))
    return sorted(able, key=lambda one: one.get_full_name().casefold())


def who_can_open(incident_id: UUID) -> set[int]:
    """Return the ids of those who can open a case now."""
    return {one.pk for one in _who_can_open(incident_id)}


def _who_has(incident: Incident) -> str:
    holder = incident.assigned_to
    if holder is None:
        return gettext("nobody has this case any more; look again before you take it")
    return gettext("%(name)s has this case now") % {"name": holder.get_full_name()}


def _holder(user: User, at: datetime | None) -> Holder:
    return Holder(user.pk, user.get_full_name(), at)
