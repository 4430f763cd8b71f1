"""What leads do with a case: sealed notes, and closing it with a sealed outcome."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from protocol.errors import OpenError
from protocol.sealing import layout
from server import audit
from server.errors import WrongState
from server.incidents import addressed
from server.store.models import Incident, IncidentRecipient, Note, User


def add_note(user: User, incident_id: UUID, note_id: UUID, envelope: bytes, *, now: datetime | None = None) -> Note:
    """Keep a sealed note; the same note again is the same note.

    Raises NotAllowed, NotThere (see `release`), WrongState when the envelope is not one, is sealed to nobody who has
    the incident, or its id is taken.
    """
    mine = addressed(user, incident_id)
    with transaction.atomic():
        return _note(user, mine.incident, note_id, envelope, "note_added", now or datetime.now(UTC))


def close(user: User, incident_id: UUID, note_id: UUID, envelope: bytes, *, now: datetime | None = None) -> Incident:
    """Close an incident with a sealed note that holds the outcome; also takes note of what is new since closing.

    Raises as `add_note`, and WrongState when it is closed and nothing new came.
    """
    addressed(user, incident_id)
    at = now or datetime.now(UTC)
    with transaction.atomic():
        incident = Incident.objects.select_for_update().get(pk=incident_id)
        if incident.state == Incident.State.CLOSED and not incident.new_since_closing:
            raise WrongState("this incident is already closed")
        _note(user, incident, note_id, envelope, "incident_closed", at)
        incident.state = Incident.State.CLOSED
        incident.closed_at, incident.closed_by, incident.new_since_closing = at, user, False
        incident.save(update_fields=["state", "closed_at", "closed_by", "new_since_closing"])
    return incident


def notes(user: User, incident_id: UUID) -> list[Note]:
    """Return an incident's sealed notes, oldest first; raises NotAllowed and NotThere like `release`."""
    addressed(user, incident_id)
    return list(Note.objects.filter(incident_id=incident_id).select_related("author").order_by("at", "id"))


def recipients(user: User, incident_id: UUID) -> list[str]:
    """Return the key ids that an incident is sealed to: whom its notes should be sealed to."""
    addressed(user, incident_id)
    rows = IncidentRecipient.objects.filter(incident_id=incident_id).order_by("key_id")
    return list(rows.values_list("key_id", flat=True))


def _note(user: User, incident: Incident, note_id: UUID, envelope: bytes, action: str, at: datetime) -> Note:
    try:
        sealed_to = set(layout(envelope).key_ids)
    except OpenError as fault:
        raise WrongState(f"the note is not a sealed envelope: {fault}") from None
    if not IncidentRecipient.objects.filter(incident=incident, key_id__in=sealed_to).exists():
        raise WrongState("the note is sealed to nobody who has this incident")
    closing = action == "incident_closed"
    there = Note.objects.filter(pk=note_id).first()
    if there is not None:
        same = (there.incident_id, there.author_id, bytes(there.envelope)) == (incident.pk, user.pk, envelope)
        if not same:
            raise WrongState("another note has this id")
        return there
    audit.write(audit.actor_of(user), action, f"incident:{incident.pk}", now=at)
    return Note.objects.create(id=note_id, incident=incident, author=user, at=at, closing=closing, envelope=envelope)
