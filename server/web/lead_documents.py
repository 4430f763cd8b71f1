"""Mutes and proposed exceptions: what browsers open and hand in, and the page that gathers the latter for a policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from protocol.documents import SealedDocument
from protocol.messages import UtcTime, reader
from server import lead_documents
from server.lead_documents import HELD_MAX, Settled
from server.store.models import LeadDocument, Role
from server.web.access import answer, data, page, person
from server.web.leadkey import key_context
from server.web.words import category_names
from server.working_hours import organisation_zone

EXCEPTION_USUAL, EXCEPTION_MAX = timedelta(days=365), timedelta(days=3 * 365)
"""What nobody looked at for years should be flagged again."""


class Muting(SealedDocument, frozen=True):
    """A sealed mute, and beside it in clear until when it holds."""

    until: UtcTime


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which mute ends."""

    id: UUID


class Settling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which proposed exceptions were taken up, or declined."""

    ids: Annotated[tuple[UUID, ...], msgspec.Meta(max_length=HELD_MAX)]
    settled: Settled


@data("GET", Role.LEAD, Role.DEPUTY)
def mutes(request: HttpRequest) -> HttpResponse:
    """Give the mutes that hold, sealed."""
    held = lead_documents.mutes(person(request), _now())
    return answer({"mutes": [_sealed(one) for one in held]})


@data("POST", Role.LEAD, Role.DEPUTY)
def mute(request: HttpRequest) -> HttpResponse:
    """Keep a mute, sealed and signed in the browser."""
    muting = reader(Muting).decode(request.body)
    return answer({"id": lead_documents.mute(person(request), muting, muting.until, _now()).pk})


@data("POST", Role.LEAD, Role.DEPUTY)
def unmute(request: HttpRequest) -> HttpResponse:
    """End a mute."""
    ending = reader(Ending).decode(request.body)
    lead_documents.unmute(person(request), ending.id, _now())
    return answer({"id": ending.id})


@page(Role.LEAD, Role.DEPUTY)
def exceptions(request: HttpRequest) -> HttpResponse:
    """Show the page on which proposed exceptions are opened and made into lines of the policy."""
    today = _now().astimezone(organisation_zone()).date()
    days = {"first": today + timedelta(days=1), "until": today + EXCEPTION_USUAL, "last": today + EXCEPTION_MAX}
    return render(request, "web/exceptions.html", {**days, **key_context(person(request))})


@data("GET", Role.LEAD, Role.DEPUTY)
def proposed(request: HttpRequest) -> HttpResponse:
    """Give the proposed exceptions that nobody has settled, sealed, once that is in the audit log."""
    held = lead_documents.proposals(person(request), _now())
    return answer({"exceptions": [_sealed(one) for one in held], "categories": category_names()})


@data("POST", Role.LEAD, Role.DEPUTY)
def propose(request: HttpRequest) -> HttpResponse:
    """Keep a proposed exception, sealed and signed in the browser."""
    document = reader(SealedDocument).decode(request.body)
    return answer({"id": lead_documents.propose(person(request), document, _now()).pk})


@data("POST", Role.LEAD, Role.DEPUTY)
def settle(request: HttpRequest) -> HttpResponse:
    """Note which proposed exceptions were taken up, or declined."""
    settling = reader(Settling).decode(request.body)
    return answer({"settled": lead_documents.settle(person(request), settling.ids, settling.settled, _now())})


def _sealed(one: LeadDocument) -> dict[str, Any]:
    sealed = {name: bytes(getattr(one, name)) for name in ("envelope", "signer", "signature")}
    return {"id": one.pk, "author": one.author.get_full_name(), "at": one.made_at, "until": one.until, **sealed}


def _now() -> datetime:
    return datetime.now(UTC)
