"""Say who stands behind an account: real names for leads, as IT imported them, and for nobody else."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext

from server import policy_in_force
from server.errors import NotAllowed
from server.store.models import Person, User


@dataclass(frozen=True)
class Listed:
    """One person as a lead may know them; `left` says that the last import no longer had them."""

    account: str
    name: str
    group: str
    partner: str
    left: bool


def shown_to(user: User) -> list[Listed]:
    """Return the people whose names this lead may know: all, or those of the groups that the account is for.

    The whole list goes at once: asked for one by one, the collector would learn whom a case is about. Raises
    NotAllowed for a role that opens no evidence.
    """
    if not (user.is_active and user.opens_evidence):
        raise NotAllowed(gettext("only the safeguarding lead and deputies see names"))
    return [
        Listed(one.account, one.name, one.group, one.partner, one.gone_at is not None)
        for one in Person.objects.order_by("key")
        if not user.groups or _group(one) in user.groups
    ]


def _group(person: Person) -> str:
    """The group as incidents name it: by the signed policy's patterns, else as it was imported."""
    return policy_in_force.group_of(person.account) or person.group
