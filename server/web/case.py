"""One case: its page, still sealed, and its evidence after a logged release."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy

from protocol import concerns
from protocol.messages import decode_header
from rules.services import in_words, shipped
from server import cases, holding, holds, incidents, merging, nearby, review, sharing, urgent_card
from server.store.models import CaseHold, Incident, Note, Organisation, Role
from server.web.access import answer, data, page, person
from server.web.leadkey import key_context
from server.web.sealed import Sealed, heading_beside
from server.web.words import category_names

_PARTS = ("heading", "evidence")
OUTCOMES = (
    ("none", gettext_lazy("No further action")),
    ("advice", gettext_lazy("Advice given")),
    ("watch", gettext_lazy("Watch until a date")),
    ("support", gettext_lazy("Support offered")),
    ("channel", gettext_lazy("Referred: Prevent or Channel")),
    ("local_authority", gettext_lazy("Referred: local authority’s designated officer")),
    ("police", gettext_lazy("Referred: police")),
    ("health", gettext_lazy("Referred: health")),
    ("hr", gettext_lazy("Passed to human resources")),
)


@page(Role.LEAD, Role.DEPUTY)
def incident(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Show one case, still sealed."""
    user, now = person(request), datetime.now(UTC)
    kept = nearby.own(user, incident_id).incident
    is_open = holding.is_open(kept)
    shown = {
        **{
            name: getattr(kept, name)
            for name in (
                *("id", "reference", "urgent", "started", "ended", "received_at", "group"),
                *("new_since_closing", "sample", "back_on", "lost"),
            )
        },
        **_devices(kept),
        "handed_on": _handed_on(kept),
        "recorded_by": kept.recorded_by.get_full_name() if kept.recorded_by is not None else "",
        "state": "open" if is_open else "closed",
        "overdue": is_open and review.due().overdue(kept.since, now, urgent=kept.urgent),
        "closed_at": kept.closed_at if not is_open else None,
        "closed_by": kept.closed_by.get_full_name() if kept.closed_by is not None else "",
    }
    context = {
        "incident": shown,
        "whole": merging.whole(user, kept),
        "colleagues": holding.colleagues(user, incident_id),
        "card": urgent_card.card(),
        "card_open": kept.urgent and urgent_card.is_new_to(user),
        "dates": {"first": cases.first_day_back(now), "last": cases.last_day_back(now)},
        "outcomes": OUTCOMES,
        "hold": holds.of(incident_id),
        "hold_reasons": CaseHold.Reason.choices,
        "hold_dates": {"first": holds.first_review(now), "last": holds.last_review(now)},
    }
    return render(request, "web/incident.html", {**context, **key_context(user)})


@data("GET", Role.LEAD, Role.DEPUTY)
def heading(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Give one case's sealed heading, with what proves where it comes from."""
    one = nearby.own(person(request), incident_id)
    services = {one.identity: in_words(one.identity) for one in shipped().values()}
    return answer({"alerts": [heading_beside(one)], "categories": category_names(), "services": services})


@data("POST", Role.LEAD, Role.DEPUTY)
def release(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Hand out one case's sealed evidence, once the opening is in the audit log; notes come with the timeline."""
    user = person(request)
    given = incidents.release(user, incident_id)
    wraps = sharing.wraps_for(user, [incident_id], _PARTS)
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
    to = sealed_to(given.header, by_hand=given.lead_public_key is not None)
    readers = sharing.reader_keys(incident_id, to, [given.key_id])
    let_in = sharing.introductions(incident_id)
    return answer({"alert": sealed, "recipients": readers, "rewraps": let_in, "newer": given.newer})


@data("POST", Role.LEAD, Role.DEPUTY)
def export(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Hand out one case as a sealed file for `fairwatch-custody open`: a release like any other, logged before."""
    user = person(request)
    given = incidents.release(user, incident_id)
    organisation = Organisation.objects.first()
    signer = "device_public_key" if given.lead_public_key is None else "lead_public_key"
    alert = {
        "header": given.header,
        "heading": given.heading,
        "evidence": given.evidence,
        "signature": given.signature,
        signer: given.signer_public_key or given.lead_public_key,
        "reference": given.reference,
        "notes": [exported(note) for note in cases.notes(user, incident_id)],
        "rewraps": sharing.of_case(user, incident_id),
        **_devices(Incident.objects.select_related("device", "signer").get(pk=incident_id)),
    }
    whole = {
        "alerts": [alert],
        "organisation": organisation.name if organisation is not None else "",
        "zone": organisation.timezone if organisation is not None else "UTC",
    }
    response = HttpResponse(msgspec.json.encode(whole), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{given.reference}.sealed.json"'
    return response


def _devices(kept: Incident) -> dict[str, str]:
    """The name of the laptop or phone that a case is about, and of the gateway that signed for a phone."""
    gateway = kept.signer if kept.signer_id != kept.device_id else None
    return {
        "device": kept.device.name if kept.device is not None else "",
        "gateway": gateway.name if gateway is not None else "",
    }


def _handed_on(kept: Incident) -> datetime | None:
    """When the device was handed on to another person, where some of the case was seen before that."""
    at = kept.device.handed_on_at if kept.device is not None else None
    return at if at is not None and kept.started < at else None


def exported(note: Note) -> dict[str, Any]:
    """Return a sealed note as the browser and the offline command get it."""
    sealed = {name: bytes(getattr(note, name)) for name in ("envelope", "signer", "signature")}
    return {"id": note.pk, "author": note.author.get_full_name(), "at": note.at, **sealed}


def sealed_to(header: bytes, *, by_hand: bool) -> tuple[str, ...]:
    """Return the ids of the keys that a case was sealed to when it was reported, by a device or by hand."""
    return (concerns.read_header(header) if by_hand else decode_header(header)).sealed_to
