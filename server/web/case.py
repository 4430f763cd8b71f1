"""One case: its page, still sealed, its evidence after a logged release, notes, and closing it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from protocol.documents import SealedDocument
from protocol.messages import decode_header, reader
from server import cases, incidents, queue, review, sharing
from server.store.models import Incident, Note, Organisation, Role
from server.web.access import answer, data, page, person
from server.web.leadkey import key_context
from server.web.sealed import Sealed, heading_of
from server.web.words import category_names

_PARTS = ("heading", "evidence")
OUTCOMES = (
    ("none", "No further action"),
    ("advice", "Advice given"),
    ("watch", "Watch for some weeks"),
    ("support", "Support offered, or referred to health"),
    ("channel", "Referred: Prevent or Channel"),
    ("local_authority", "Referred: local authority or designated officer"),
    ("police", "Referred: police"),
    ("hr", "Passed to human resources"),
)


@page(Role.LEAD, Role.DEPUTY)
def incident(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Show one case, still sealed."""
    user, now = person(request), datetime.now(UTC)
    row = queue.row(user, incident_id)
    kept = Incident.objects.select_related("signer", "closed_by").get(pk=incident_id)
    shown = {
        **{
            name: getattr(row, name)
            for name in ("id", "reference", "urgent", "started", "ended", "received_at", "group")
        },
        "device": row.device_name,
        "signer": kept.signer.name if kept.signer is not None else "",
        "state": "open" if row.waiting else "closed",
        "overdue": row.overdue(now, review.due()),
        "closed_at": kept.closed_at,
        "closed_by": kept.closed_by.get_full_name() if kept.closed_by is not None else "",
        "new_since_closing": row.new_since_closing,
        "sample": row.sample,
    }
    return render(request, "web/incident.html", {"incident": shown, "outcomes": OUTCOMES, **key_context(user)})


@data("GET", Role.LEAD, Role.DEPUTY)
def heading(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Give one case's sealed heading, with what proves where it comes from."""
    row = queue.row(person(request), incident_id)
    return answer({"alerts": [heading_of(row)], "categories": category_names()})


@data("POST", Role.LEAD, Role.DEPUTY)
def release(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Hand out one case's sealed evidence and notes, once the opening is in the audit log."""
    user = person(request)
    given = incidents.release(user, incident_id)
    wraps = sharing.wraps_for(user, [incident_id], [*_PARTS, "note"])
    sealed = Sealed(
        incident=given.incident,
        header=given.header,
        heading=given.heading,
        signature=given.signature,
        signer_key=given.signer_public_key,
        lead_key=given.lead_public_key,
        evidence=given.evidence,
        wraps={purpose: wraps[given.record, purpose] for purpose in _PARTS if (given.record, purpose) in wraps},
    )
    readers = sharing.reader_keys(incident_id, decode_header(given.header).sealed_to, [given.key_id])
    notes = [{**_exported(note), "wrap": wraps.get((note.pk, "note"))} for note in cases.notes(user, incident_id)]
    let_in = sharing.introductions(incident_id)
    return answer({"alert": sealed, "recipients": readers, "rewraps": let_in, "notes": notes, "newer": given.newer})


@data("POST", Role.LEAD, Role.DEPUTY)
def export(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Hand out one case as a sealed file for `fairwatch-custody open`: a release like any other, logged before."""
    user = person(request)
    given = incidents.release(user, incident_id)
    organisation = Organisation.objects.first()
    alert = {
        "header": given.header,
        "heading": given.heading,
        "evidence": given.evidence,
        "signature": given.signature,
        "device_public_key": given.signer_public_key,
        "reference": given.reference,
        "notes": [_exported(note) for note in cases.notes(user, incident_id)],
        "rewraps": sharing.of_case(user, incident_id),
    }
    whole = {
        "alerts": [alert],
        "organisation": organisation.name if organisation is not None else "",
        "zone": organisation.timezone if organisation is not None else "UTC",
    }
    response = HttpResponse(msgspec.json.encode(whole), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{given.reference}.sealed.json"'
    return response


def _exported(note: Note) -> dict[str, Any]:
    sealed = {name: bytes(getattr(note, name)) for name in ("envelope", "signer", "signature")}
    return {"id": note.pk, "author": note.author.get_full_name(), "at": note.at, **sealed}


@data("POST", Role.LEAD, Role.DEPUTY)
def add_note(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Keep a note, sealed and signed in the browser."""
    note = reader(SealedDocument).decode(request.body)
    kept = cases.add_note(person(request), incident_id, note)
    return answer({"id": kept.pk, "at": kept.at})


@data("POST", Role.LEAD, Role.DEPUTY)
def close(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Close a case with its sealed outcome."""
    note = reader(SealedDocument).decode(request.body)
    cases.close(person(request), incident_id, note)
    return answer({"id": note.id, "state": "closed"})
