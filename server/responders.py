"""Who is told of a case: those it is sealed to, the leads first, without whoever is away or can't be reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef

from server import channels, leadkeys
from server.errors import WrongState
from server.notify_config import Contact, is_email
from server.store.models import (
    Absence,
    Incident,
    IncidentRecipient,
    LeadKey,
    NotifyChannel,
    NotifySettings,
    Role,
    User,
)
from server.working_hours import organisation_zone

DEPUTIES, CONTACTS = 1, 2
"""From which step of an escalation the deputies and the out-of-hours contacts are told too."""


@dataclass(frozen=True)
class Told:
    """Whom to tell now, and whether the out-of-hours contacts too."""

    people: tuple[User, ...]
    contacts: bool


def readers(incident: Incident) -> list[User]:
    """Return the people for whom an incident exists, by name; nobody else is told, least of all whom it is about.

    The same as `incidents.visible`, asked of a case instead of a person.
    """
    rows = dict(IncidentRecipient.objects.filter(incident=incident).values_list("key_id", "handed_over"))
    keys: dict[User, list[str]] = {}
    for one in (
        LeadKey.objects.filter(active=True, user__is_active=True).select_related("user").order_by("user__username")
    ):
        keys.setdefault(one.user, []).append(one.key_id)
    return [user for user, own in keys.items() if _sees(user, own, rows, incident.group)]


def _sees(user: User, own: list[str], rows: dict[str, bool], group: str) -> bool:
    mine = [rows[one] for one in own if one in rows]
    return bool(mine) and user.opens_evidence and (user.in_scope(group) or any(mine)) and leadkeys.still_listed(own)


def told(incident: Incident, step: int, now: datetime) -> Told:
    """Return whom an urgent case goes to at a step: leads, then deputies, then the out-of-hours contacts.

    A lead who is away is stood in for by the deputies. When nobody is there, it goes to all and the contacts.
    """
    everybody = readers(incident)
    if not everybody:
        return Told((), contacts=False)  # a contact may be whom it is about; see `only_recovery`
    here = present(everybody, now)
    if not here:
        return Told(tuple(everybody), contacts=True)
    leads = tuple(one for one in here if one.role == Role.LEAD)
    return Told((leads or here) if step < DEPUTIES else here, contacts=step >= CONTACTS)


def contacts(incident: Incident) -> list[Contact]:
    """Return the out-of-hours contacts who may be told: a lead from whom the case is kept is not told by that way."""
    kept_from = User.objects.filter(role__in=(Role.LEAD, Role.DEPUTY)).exclude(
        pk__in=[one.pk for one in readers(incident)]
    )
    theirs = {address.casefold() for one in kept_from for address in (one.email, email_of(one)) if address}
    return [one for one in settings.CONFIG.contacts if one.address.casefold() not in theirs]


def is_usable(contact: Contact) -> bool:
    """Whether a contact's address is one that messages can be brought to."""
    if is_email(contact.address):
        return True
    try:
        channels.check_url(contact.address)
    except WrongState:
        return False
    return True


def present(people: Iterable[User], now: datetime) -> tuple[User, ...]:
    """Return those who are not away and have an address."""
    chosen = list(people)
    gone = Absence.away([one.pk for one in chosen], now.astimezone(organisation_zone()).date())
    return tuple(one for one in chosen if one.pk not in gone and is_reachable(one))


def is_reachable(user: User) -> bool:
    """Whether there is any address at which a message reaches somebody."""
    return bool(email_of(user)) or NotifyChannel.objects.filter(user=user).exists()


def email_of(user: User) -> str:
    """Return where somebody's mails go: the address they chose, or their account's."""
    return settings_of(user).email or user.email


def settings_of(user: User) -> NotifySettings:
    """Return how somebody wants to be told; the defaults, not saved, when they never said."""
    return NotifySettings.objects.filter(user=user).first() or NotifySettings(user=user)


def unreachable() -> list[User]:
    """Return the leads and deputies whom no message reaches."""
    has_channel = Exists(NotifyChannel.objects.filter(user=OuterRef("pk")))
    rows = User.objects.filter(is_active=True, role__in=(Role.LEAD, Role.DEPUTY), email="").exclude(has_channel)
    return [one for one in rows.order_by("username") if not email_of(one)]
