"""Keep the organisation's own card that says what to do now: shown with urgent cases, written by the lead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from server import audit
from server.errors import NotAllowed, WrongState
from server.store.models import CaseEvent, Role, UrgentCard, User

TEXT_MAX_CHARS = 4000
"""A page at most: more is not read at eight in the morning with a young person in danger."""

DEFAULT = """\
Is anyone in immediate danger? Ring 999 now, then go on with this card.
Stay calm, and do not promise to keep anything secret.
Do not investigate: no questioning, no searching of the device. That is for the police and children’s social care.
Do not confront the person, and do not warn anybody whom the concern may be about.
Tell the designated safeguarding lead at once; if the lead can’t be reached, the deputy.
A child may be at risk of harm: ring the local authority’s children’s social care today. An adult: adult social care.
The concern is about a member of staff: ring the local authority’s designated officer before you speak to them.
Signs of radicalisation: ring the local Prevent team, or the national police Prevent advice line. In danger: 999.
Record now what you saw, what you did, when, and whom you rang: in this case, as a note.
"""
"""Follows the order of Keeping children safe in education: danger first, no investigating, refer, record."""


@dataclass(frozen=True)
class Card:
    """The card in force: its steps, and who wrote it when (nobody: the one that Fairwatch comes with)."""

    text: str
    by: str
    at: datetime | None

    @property
    def steps(self) -> list[str]:
        """Its lines, one a step."""
        return [line.strip() for line in self.text.splitlines() if line.strip()]


def card() -> Card:
    """Return the card in force."""
    newest = UrgentCard.objects.select_related("by").order_by("-at", "-pk").first()
    return Card(DEFAULT, "", None) if newest is None else Card(newest.text, newest.by.get_full_name(), newest.at)


def change(user: User, text: str, now: datetime) -> Card:
    """Put a new card in force; the older ones are kept. The same text again changes nothing.

    Raises NotAllowed for all but the lead, WrongState when the text is empty or too long.
    """
    if not (user.is_active and user.role == Role.LEAD):
        raise NotAllowed(gettext("only the safeguarding lead writes this card"))
    tidy = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    if not tidy:
        raise WrongState(gettext("the card is empty; write at least one step"))
    if len(tidy) > TEXT_MAX_CHARS:
        raise WrongState(
            gettext("the card is too long: %(count)s characters of %(most)s")
            % {"count": len(tidy), "most": TEXT_MAX_CHARS}
        )
    with transaction.atomic():
        if tidy != card().text.strip():
            made = UrgentCard.objects.create(text=tidy, by=user, at=now)
            audit.write(audit.actor_of(user), "urgent_card_changed", f"card:{made.pk}", now=now)
    return card()


def is_new_to(user: User) -> bool:
    """Whether this person has not yet opened any urgent case: the card then stands open."""
    opened = CaseEvent.objects.filter(by=user, what=CaseEvent.What.OPENED, incident__urgent=True)
    return not opened.exists()
