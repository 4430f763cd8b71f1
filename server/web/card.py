"""The card that says what to do now: for leads and deputies to read, for the lead to write."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from protocol.messages import reader
from server import urgent_card
from server.store.models import Role
from server.web.access import answer, data, page, person


class NewCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The card's new text, a step a line."""

    text: str


@page(Role.LEAD, Role.DEPUTY)
def show(request: HttpRequest) -> HttpResponse:
    """Show the card, and to the lead the form to change it."""
    context = {
        "card": urgent_card.card(),
        "most": urgent_card.TEXT_MAX_CHARS,
        "may_change": person(request).role == Role.LEAD,
    }
    return render(request, "web/card.html", context)


@data("POST", Role.LEAD)
def change(request: HttpRequest) -> HttpResponse:
    """Put a new card in force."""
    card = urgent_card.change(person(request), reader(NewCard).decode(request.body).text, datetime.now(UTC))
    return answer({"steps": card.steps})
