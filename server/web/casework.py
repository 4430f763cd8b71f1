"""What leads do with a case: who has it, what happened, notes, decisions, parts, and other cases beside it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext

from protocol.documents import SealedDocument
from protocol.leadkeys import fingerprint
from protocol.messages import reader
from server import cases, holding, incidents, merging, nearby, sharing, timeline
from server.errors import NotThere
from server.store.models import CaseEvent, Incident, IncidentRecipient, Role, User
from server.web.access import answer, data, person
from server.web.case import exported
from server.web.sealed import heading_beside


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a case is given to (nobody: to let go of it), and who had it when that was decided."""

    to: int | None
    held_by: int | None


class Decision(SealedDocument, frozen=True):
    """A sealed decision, and beside it in clear the day on which the case comes back, if any.

    `seen` is the revision that the queue showed, where many cases are closed together.
    """

    back_on: date | None = None
    seen: int | None = None


class Merge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which case it becomes a part of."""

    into: UUID


@data("POST", Role.LEAD, Role.DEPUTY)
def look(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Note that a person has the page in front of them, and say how the case stands."""
    return answer(holding.look(person(request), incident_id, _now()))


@data("POST", Role.LEAD, Role.DEPUTY)
def acknowledge(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Note that somebody has seen the case."""
    return answer(holding.acknowledge(person(request), incident_id, _now()))


@data("POST", Role.LEAD, Role.DEPUTY)
def assign(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Give the case to somebody, or to nobody."""
    wanted = reader(Assignment).decode(request.body)
    holding.assign(person(request), incident_id, wanted.to, wanted.held_by, _now())
    return answer({})


@data("GET", Role.LEAD, Role.DEPUTY)
def happened(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Give the timeline: events in clear, and sealed notes to those who have opened the case, on the record."""
    user = person(request)
    incident = incidents.addressed(user, incident_id).incident
    events = [_event(user, one) for one in timeline.of(incident)]
    notes = _notes(user, incident_id) if timeline.has_opened(user, incident_id) else []
    parts = [{"id": one.pk, "reference": one.reference} for one in merging.parts(user, incident_id)]
    rewraps = sharing.introductions(incident_id)
    return answer({"events": events, "notes": notes, "parts": parts, "rewraps": rewraps})


@data("POST", Role.LEAD, Role.DEPUTY)
def add_note(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Keep a note, sealed and signed in the browser."""
    note = reader(SealedDocument).decode(request.body)
    kept = cases.add_note(person(request), incident_id, note)
    return answer({"id": kept.pk, "at": kept.at})


@data("POST", Role.LEAD, Role.DEPUTY)
def close(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Close a case with its sealed decision."""
    decision = reader(Decision).decode(request.body)
    cases.close(person(request), incident_id, decision, back_on=decision.back_on, seen=decision.seen)
    return answer({"id": decision.id, "state": "closed"})


@data("POST", Role.LEAD, Role.DEPUTY)
def reopen(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Open a case again with its sealed reason."""
    note = reader(SealedDocument).decode(request.body)
    cases.reopen(person(request), incident_id, note)
    return answer({"id": note.id, "state": "open"})


@data("POST", Role.LEAD, Role.DEPUTY)
def merge(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Make the case a part of another."""
    merging.merge(person(request), incident_id, reader(Merge).decode(request.body).into, _now())
    return answer({})


@data("POST", Role.LEAD, Role.DEPUTY)
def apart(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Take the case apart from the one that it is a part of."""
    merging.take_apart(person(request), incident_id, _now())
    return answer({})


@data("GET", Role.LEAD, Role.DEPUTY)
def near(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Give sealed headings of the person's own other cases, by time; the browser finds out whose they are."""
    page = nearby.near(person(request), incident_id, request.GET.get("after", ""))
    found = [
        {
            "alert": heading_beside(one),
            "reference": one.incident.reference,
            "state": "open" if holding.is_open(one.incident) else "closed",
            "part": one.incident.merged_into_id is not None,
            "started": one.incident.started,
            "ended": one.incident.ended,
        }
        for one in page.cases
    ]
    here = reverse("case_near", args=[incident_id])
    return answer({"cases": found, "next": f"{here}?after={page.following}" if page.following else None})


@data("GET", Role.LEAD, Role.DEPUTY)
def find(request: HttpRequest) -> HttpResponse:
    """Find one's own case by its number."""
    found = nearby.by_reference(person(request), request.GET.get("reference", ""))
    if found is None:
        raise NotThere(gettext("there is no case of that number that you can open"))
    return answer({"id": found.pk, "reference": found.reference})


@data("GET", Role.LEAD, Role.DEPUTY)
def readers(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Give whom of the signed list the case could be handed to by name: those who can't open it yet."""
    user = person(request)
    incidents.addressed(user, incident_id)
    there = set(IncidentRecipient.objects.filter(incident_id=incident_id).values_list("key_id", flat=True))
    found = [
        {
            "key_id": one.key_id,
            "public_key": one.public_key,
            "fingerprint": fingerprint(one.public_key),
            "label": one.label,
            "never_about": one.never_about,
        }
        for one in sharing.readers_of(user)
        if one.key_id not in there
    ]
    return answer({"readers": found})


def _event(user: User, one: CaseEvent) -> dict[str, object]:
    other = one.other if one.other is not None and _may_name(user, one.other) else None
    return {
        "at": one.at,
        "what": one.what,
        "by": one.by.get_full_name() if one.by is not None else None,
        "to": one.to.get_full_name() if one.to is not None else None,
        "other": {"id": other.pk, "reference": other.reference} if other is not None else None,
    }


def _may_name(user: User, other: Incident) -> bool:
    # The number of a case that is kept from somebody must not tell them that it is there.
    return incidents.visible(user).filter(incident=other).exists()


def _notes(user: User, incident_id: UUID) -> list[dict[str, object]]:
    wraps = sharing.wraps_for(user, [incident_id], ["note"])
    return [{**exported(note), "wrap": wraps.get((note.pk, "note"))} for note in cases.notes(user, incident_id)]


def _now() -> datetime:
    return datetime.now(UTC)
