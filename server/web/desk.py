"""The lead's desk: the queue, one case, the key, and the sealed data that the browser opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from protocol import leadkeys as keyfile
from protocol.messages import decode_header, encode, reader
from server import incidents, leadkeys
from server.errors import NotThere
from server.incidents import QueueRow
from server.store.models import Incident, Role, User
from server.web.access import answer, data, page, person
from server.web.words import category_names, span

URGENT_DUE = timedelta(hours=1)
"""Within a lesson or a meeting; no duty names a number, so a later policy may."""

ROUTINE_DUE = timedelta(days=3)
"""Over a weekend and the Monday; likewise."""

SHOWN_MAX = 300
"""Rows of one page: more can't be read, and each is opened in the browser."""

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


@dataclass(frozen=True)
class Line:
    """One row of the queue, in words, without anything that is sealed."""

    id: UUID
    reference: str
    urgent: bool
    group: str
    device: str
    since: datetime
    waiting: str
    overdue: bool
    new_since_closing: bool
    sample: bool


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as the browser gets it: signed parts, and the evidence or only its hash."""

    incident: UUID
    header: bytes
    heading: bytes
    signature: bytes
    signer_key: bytes
    evidence: bytes | None = None
    evidence_digest: bytes | None = None


class SealedNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A note on its way in: its id is bound into the envelope."""

    id: UUID
    envelope: bytes


@page(Role.LEAD, Role.DEPUTY)
def queue(request: HttpRequest) -> HttpResponse:
    """Show the queue: urgent first, then the longest waiting."""
    user, now = person(request), datetime.now(UTC)
    state = "closed" if request.GET.get("state") == "closed" else "open"
    everything = incidents.queue(user)
    waiting = sorted(
        (_line(row, now) for row in everything if _is_open(row)), key=lambda line: (not line.urgent, line.since)
    )
    rows = waiting if state == "open" else [_line(row, now) for row in _closed(everything)]
    context = {
        "rows": rows[:SHOWN_MAX],
        "more": len(rows) > SHOWN_MAX,
        "state": state,
        "counts": {
            "open": len(waiting),
            "urgent": sum(line.urgent for line in waiting),
            "overdue": sum(line.overdue for line in waiting),
        },
        "due": {"urgent": span(URGENT_DUE), "routine": span(ROUTINE_DUE)},
        **key_context(user),
    }
    return render(request, "web/queue.html", context)


@page(Role.LEAD, Role.DEPUTY)
def incident(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Show one case, still sealed."""
    user, now = person(request), datetime.now(UTC)
    row = _row(user, incident_id)
    kept = Incident.objects.select_related("signer", "closed_by").get(pk=incident_id)
    shown = {
        **{
            name: getattr(row, name)
            for name in ("id", "reference", "urgent", "started", "ended", "received_at", "group")
        },
        "device": row.device_name,
        "signer": kept.signer.name,
        "state": "open" if _is_open(row) else "closed",
        "overdue": _line(row, now).overdue,
        "closed_at": kept.closed_at,
        "closed_by": kept.closed_by.get_full_name() if kept.closed_by is not None else "",
        "new_since_closing": row.new_since_closing,
        "sample": row.sample,
    }
    return render(request, "web/incident.html", {"incident": shown, "outcomes": OUTCOMES, **key_context(user)})


@page(Role.LEAD, Role.DEPUTY)
def key(request: HttpRequest) -> HttpResponse:
    """Show the key page: make one, try one, see whether it is signed."""
    return render(request, "web/key.html", key_context(person(request)))


@page(Role.LEAD, Role.DEPUTY)
def key_file(request: HttpRequest) -> HttpResponse:
    """Hand out one's own key file, for opening cases without this site. It opens only with its six words."""
    held = leadkeys.held(person(request))
    if not held.files:
        raise NotThere("there is no key")
    response = HttpResponse(encode(held.files[0]), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="fairwatch-key-{held.files[0].key_id[:8]}.json"'
    return response


@data("GET", Role.LEAD, Role.DEPUTY)
def words(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view takes its request
    """Give the words that the browser chooses a passphrase from."""
    return answer({"words": keyfile.words()})


@data("POST", Role.LEAD, Role.DEPUTY)
def save_key(request: HttpRequest) -> HttpResponse:
    """Keep a key that the browser made."""
    kept = leadkeys.keep(person(request), request.body)
    return answer({"key_id": kept.key_id})


@data("GET", Role.LEAD, Role.DEPUTY)
def headings(request: HttpRequest) -> HttpResponse:
    """Give the sealed headings of the queue, or of one case (`?incident=`), with what proves where they come from."""
    user = person(request)
    wanted = request.GET.get("incident")
    if wanted is not None:
        rows = [_row(user, msgspec.convert(wanted, UUID))]
    else:
        everything = incidents.queue(user)
        closed = request.GET.get("state") == "closed"
        rows = (_closed(everything) if closed else [row for row in everything if _is_open(row)])[:SHOWN_MAX]
    sealed = [
        Sealed(
            incident=row.id,
            header=row.header,
            heading=row.heading,
            signature=row.signature,
            signer_key=row.signer_public_key,
            evidence_digest=row.evidence_sha256,
        )
        for row in rows
    ]
    return answer({"alerts": sealed, "categories": category_names()})


@data("POST", Role.LEAD, Role.DEPUTY)
def release(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Hand out one case's sealed evidence and notes, once the opening is in the audit log."""
    user = person(request)
    given = incidents.release(user, incident_id)
    sealed = Sealed(
        incident=given.incident,
        header=given.header,
        heading=given.heading,
        signature=given.signature,
        signer_key=given.signer_public_key,
        evidence=given.evidence,
    )
    sealed_to = decode_header(given.header).sealed_to
    notes = [
        {"id": note.pk, "author": note.author.get_full_name(), "at": note.at, "envelope": bytes(note.envelope)}
        for note in incidents.notes(user, incident_id)
    ]
    return answer({"alert": sealed, "recipients": leadkeys.readers(sealed_to, [given.key_id]), "notes": notes})


@data("POST", Role.LEAD, Role.DEPUTY)
def export(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Hand out one case as a sealed file for `fairwatch-custody open`: a release like any other, logged before."""
    given = incidents.release(person(request), incident_id)
    alert = {
        "header": given.header,
        "heading": given.heading,
        "evidence": given.evidence,
        "signature": given.signature,
        "device_public_key": given.signer_public_key,
        "reference": given.reference,
    }
    response = HttpResponse(msgspec.json.encode({"alerts": [alert]}), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{given.reference}.sealed.json"'
    return response


@data("POST", Role.LEAD, Role.DEPUTY)
def add_note(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Keep a sealed note."""
    note = reader(SealedNote).decode(request.body)
    kept = incidents.add_note(person(request), incident_id, note.id, note.envelope)
    return answer({"id": kept.pk, "at": kept.at})


@data("POST", Role.LEAD, Role.DEPUTY)
def close(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Close a case with its sealed outcome."""
    note = reader(SealedNote).decode(request.body)
    incidents.close(person(request), incident_id, note.id, note.envelope)
    return answer({"id": note.id, "state": "closed"})


def _is_open(row: QueueRow) -> bool:
    return row.state == Incident.State.OPEN or row.new_since_closing


def _closed(everything: list[QueueRow]) -> list[QueueRow]:
    closed = {row.id: row for row in everything if not _is_open(row)}
    order = Incident.objects.filter(pk__in=closed.keys()).order_by("-closed_at").values_list("pk", flat=True)
    return [closed[one] for one in order]


def _row(user: User, incident_id: UUID) -> QueueRow:
    for row in incidents.queue(user):
        if row.id == incident_id:
            return row
    raise NotThere("there is no such incident")


def _line(row: QueueRow, now: datetime) -> Line:
    since = row.updated_at if row.new_since_closing else row.received_at
    is_open = _is_open(row)
    return Line(
        id=row.id,
        reference=row.reference,
        urgent=row.urgent,
        group=row.group,
        device=row.device_name,
        since=since,
        waiting=span(now - since),
        overdue=is_open and now - since > (URGENT_DUE if row.urgent else ROUTINE_DUE),
        new_since_closing=row.new_since_closing,
        sample=row.sample,
    )


def key_context(user: User) -> dict[str, Any]:
    """Return what the form to unlock a person's key needs."""
    held = leadkeys.held(user)
    return {
        "key_state": held.state,
        "key_json": held.json,
        "fingerprint": held.fingerprint,
        "made_at": held.made_at,
    }
