"""What leads decide about a case: signed and sealed notes, closing, reopening, and the day it comes back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext

from protocol.documents import SealedDocument
from protocol.errors import OpenError
from protocol.sealing import layout
from server import audit, leadkeys, notify, timeline
from server.errors import WrongState
from server.holding import is_open
from server.incidents import addressed, surface
from server.store.models import Incident, IncidentRecipient, Note, Organisation, User
from server.timeline import What

BACK_WITHIN = timedelta(days=730)
"""Longer than any course; whoever wants to see a case later than that finds it among the closed ones."""


def add_note(user: User, incident_id: UUID, note: SealedDocument, *, now: datetime | None = None) -> Note:
    """Keep a note, sealed and signed by its author; the same note again is the same note.

    Raises NotAllowed, NotThere (see `release`), WrongState when the envelope is not one, is sealed to nobody who has
    the incident, is not signed by the author, or its id is taken.
    """
    mine = addressed(user, incident_id)
    with transaction.atomic():
        return _note(user, mine.incident, note, "note_added", now or datetime.now(UTC))


def close(
    user: User,
    incident_id: UUID,
    note: SealedDocument,
    *,
    back_on: date | None = None,
    seen: int | None = None,
    now: datetime | None = None,
) -> Incident:
    """Close an incident with a sealed note that holds the outcome; also takes note of what is new since closing.

    On the day `back_on`, in the organisation's time, it comes back by itself: the collector knows the day, and not
    whether something is watched or was accepted until then. `seen` is there where many are closed together: the
    revision that the lead saw in the queue. Raises as `add_note`, and WrongState when it is closed and nothing new
    came, the day is not one of the next two years, or one of many is urgent or of a later revision.
    """
    addressed(user, incident_id)
    at = now or datetime.now(UTC)
    _check_day(back_on, at)
    with transaction.atomic():
        incident = _locked(incident_id)
        if Note.objects.filter(pk=note.id, incident=incident, author=user, envelope=note.envelope).exists():
            return incident
        if not is_open(incident):
            raise WrongState(_closed_by(incident))
        if seen is not None:
            _check_together(incident, seen)
        _note(user, incident, note, "incident_closed", at)
        incident.state = Incident.State.CLOSED
        incident.closed_at, incident.closed_by, incident.new_since_closing = at, user, False
        incident.back_on = back_on
        incident.save(update_fields=["state", "closed_at", "closed_by", "new_since_closing", "back_on"])
        timeline.add(incident, What.CLOSED, user, at)
        notify.incident_closed(incident, at)
    return incident


def reopen(user: User, incident_id: UUID, note: SealedDocument, *, now: datetime | None = None) -> Incident:
    """Open a closed case again, with a sealed note that says why; raises as `close`."""
    addressed(user, incident_id)
    at = now or datetime.now(UTC)
    with transaction.atomic():
        incident = _locked(incident_id)
        if Note.objects.filter(pk=note.id, incident=incident, author=user, envelope=note.envelope).exists():
            return incident
        if incident.state == Incident.State.OPEN:
            raise WrongState(gettext("this case is open already"))
        _note(user, incident, note, "note_added", at)
        _open_again(incident, at)
        timeline.add(incident, What.REOPENED, user, at)
    return incident


def bring_back(now: datetime) -> None:
    """Open the cases whose day has come in the organisation's time zone, each once, with a line in the audit log."""
    for incident_id in Incident.objects.filter(back_on__lte=_today(now)).values_list("pk", flat=True):
        with transaction.atomic():
            incident = _locked(incident_id)
            if incident.back_on is None or incident.state == Incident.State.OPEN:
                continue
            _open_again(incident, now)
            timeline.add(incident, What.CAME_BACK, None, now)
            surface(incident, now)
            notify.incident_came_back(incident, now)


def _open_again(incident: Incident, at: datetime) -> None:
    incident.state, incident.reopened_at = Incident.State.OPEN, at
    incident.back_on, incident.new_since_closing = None, False
    if incident.assigned_to is not None and not incident.assigned_to.is_active:
        incident.assigned_to = incident.assigned_at = None
    incident.save(update_fields=["state", "reopened_at", "back_on", "new_since_closing", "assigned_to", "assigned_at"])


def _locked(incident_id: UUID) -> Incident:
    # Of this table alone: PostgreSQL locks no row of an outer join.
    return Incident.objects.select_for_update(of=("self",)).get(pk=incident_id)


def _closed_by(incident: Incident) -> str:
    if incident.closed_by is None:
        return gettext("this incident is already closed")
    return gettext("this incident is already closed by %(name)s") % {"name": incident.closed_by.get_full_name()}


def _check_together(incident: Incident, seen: int) -> None:
    """Stop a tired lead from closing a case unread that became urgent, or had news, since the queue was drawn."""
    if incident.urgent:
        raise WrongState(gettext("this case is urgent; open it and decide there"))
    if incident.revision > seen:
        raise WrongState(gettext("something new came in this case; look at it before you close it"))


def _check_day(back_on: date | None, now: datetime) -> None:
    if back_on is not None and not first_day_back(now) <= back_on <= last_day_back(now):
        raise WrongState(gettext("the day must be after today, and within two years"))


def first_day_back(now: datetime) -> date:
    """Return the first day on which a case that is closed now can come back: tomorrow."""
    return _today(now) + timedelta(days=1)


def last_day_back(now: datetime) -> date:
    """Return the last such day. A typing slip must not put a case away for a century."""
    return _today(now) + BACK_WITHIN


def _today(now: datetime) -> date:
    organisation = Organisation.objects.first()
    return now.astimezone(ZoneInfo(organisation.timezone if organisation is not None else "UTC")).date()


def notes(user: User, incident_id: UUID) -> list[Note]:
    """Return an incident's sealed notes, oldest first; raises NotAllowed and NotThere like `release`."""
    addressed(user, incident_id)
    return list(Note.objects.filter(incident_id=incident_id).select_related("author").order_by("at", "id"))


def recipients(user: User, incident_id: UUID) -> list[str]:
    """Return the key ids that an incident is sealed to: whom its notes should be sealed to."""
    addressed(user, incident_id)
    rows = IncidentRecipient.objects.filter(incident_id=incident_id).order_by("key_id")
    return list(rows.values_list("key_id", flat=True))


def _note(user: User, incident: Incident, note: SealedDocument, action: str, at: datetime) -> Note:
    try:
        sealed_to = set(layout(note.envelope).key_ids)
    except OpenError as fault:
        raise WrongState(gettext("the note is not a sealed envelope: %(fault)s") % {"fault": fault}) from None
    if not IncidentRecipient.objects.filter(incident=incident, key_id__in=sealed_to).exists():
        raise WrongState(gettext("the note is sealed to nobody who has this incident"))
    leadkeys.check_own(user, "note", incident.pk, note)
    there = Note.objects.filter(pk=note.id).first()
    if there is not None:
        same = (there.incident_id, there.author_id, bytes(there.envelope)) == (incident.pk, user.pk, note.envelope)
        if not same:
            raise WrongState(gettext("another note has this id"))
        return there
    audit.write(audit.actor_of(user), action, f"incident:{incident.pk}", now=at)
    return Note.objects.create(
        id=note.id,
        incident=incident,
        author=user,
        at=at,
        closing=action == "incident_closed",
        envelope=note.envelope,
        signer=note.signer,
        signature=note.signature,
    )
