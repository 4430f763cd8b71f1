"""Keep the register of partner organisations: who leads there, what they signed and confirmed, and what is due."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext

from server import audit
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import Partner, Person, Role, User
from server.training import SOON, STATES, State, months_later
from server.working_hours import organisation_zone

EVERY_MONTHS = 12
"""What a partner confirmed is asked again each year, as the yearly review is."""

TEXT_MAX_CHARS = 200
"""What a column of the store holds."""

_EARLIEST, _AHEAD_MAX = date(1990, 1, 1), timedelta(days=366 * 10)
_TEXTS = {"name": "the name", "lead": "the lead", "contact": "how to reach them"}
CONFIRMED: Final = {
    "agreement_on": "the data-sharing agreement",
    "policy_on": "the policy",
    "training_on": "the training",
}
"""What a partner signs or confirms, in words."""


@dataclass(frozen=True)
class Details:
    """What is kept of a partner; a date is None until it is known. `due_on` goes above the date that follows."""

    name: str
    lead: str = ""
    contact: str = ""
    agreement_on: date | None = None
    policy_on: date | None = None
    training_on: date | None = None
    due_on: date | None = None


_FIELDS: Final = tuple(one.name for one in fields(Details))


@dataclass(frozen=True)
class Standing:
    """Where one partner is: `missing` names what was never confirmed, `due_on` is when to ask again."""

    id: int
    details: Details
    missing: tuple[str, ...]
    due_on: date | None
    state: State
    changed_at: datetime


def may_edit(user: User) -> bool:
    """Whether this account works with the register: management, but not a partner's own, and the DPO."""
    return user.is_active and (user.role == Role.DPO or (user.role == Role.MANAGER and not user.groups))


def register(now: datetime) -> list[Standing]:
    """Return every partner that has not ended, those that want something done first."""
    today = now.astimezone(organisation_zone()).date()
    found = [_standing(row, today) for row in Partner.objects.filter(ended_at__isnull=True)]
    return sorted(found, key=lambda one: (STATES.index(one.state), one.due_on or date.max, one.details.name.casefold()))


def one(partner_id: int, now: datetime) -> Standing:
    """Return one partner; raises NotThere."""
    row = Partner.objects.filter(pk=partner_id, ended_at__isnull=True).first()
    if row is None:
        raise NotThere(gettext("there is no such partner"))
    return _standing(row, now.astimezone(organisation_zone()).date())


def named(name: str) -> Partner | None:
    """Return the partner of that name, capitals and spaces aside; None where there is none that has not ended."""
    return Partner.objects.filter(key=_folded(name), ended_at__isnull=True).first()


def unregistered() -> list[str]:
    """Return the partners that the list of people names and the register does not have."""
    known = set(Partner.objects.filter(ended_at__isnull=True).values_list("key", flat=True))
    rows = Person.objects.filter(gone_at__isnull=True).exclude(partner="")
    names = {_folded(name): name for name in rows.values_list("partner", flat=True).distinct()}
    return [name for key, name in sorted(names.items()) if key not in known]


def add(by: User | None, details: Details, now: datetime) -> Partner:
    """Take a partner in, or one that had ended back; `by` None is IT's command.

    Raises NotAllowed, and WrongState for a detail that can't be or a name that is there.
    """
    actor = _actor(by)
    details = _checked(details, now)
    with transaction.atomic():
        ended = Partner.objects.select_for_update().filter(key=_folded(details.name)).first()
        if ended is not None and ended.ended_at is None:
            raise WrongState(gettext("%(name)s is in the register already") % {"name": ended.name})
        row = ended if ended is not None else Partner(key=_folded(details.name))
        _set(row, details, now)
        row.ended_at = None
        row.save()
        audit.write(actor, "partner_added", f"partner:{row.pk}", _said(details), now=now)
    return row


def change(by: User | None, partner_id: int, details: Details, now: datetime, seen: datetime | None = None) -> Partner:
    """Change what is kept of a partner; `seen` is when what the person looked at had been changed last.

    Raises as `add`, NotThere, and WrongState where somebody changed it since.
    """
    actor = _actor(by)
    details = _checked(details, now)
    with transaction.atomic():
        row = Partner.objects.select_for_update().filter(pk=partner_id, ended_at__isnull=True).first()
        if row is None:
            raise NotThere(gettext("there is no such partner"))
        if seen is not None and seen != row.changed_at:
            raise WrongState(gettext("somebody changed this partner since you looked; load the page again"))
        key = _folded(details.name)
        if Partner.objects.filter(key=key).exclude(pk=row.pk).exists():
            raise WrongState(gettext("another partner has this name, or had it"))
        before = _details(row)
        if before == details:
            return row
        row.key = key
        _set(row, details, now)
        row.save()
        audit.write(actor, "partner_changed", f"partner:{row.pk}", _said(details, before), now=now)
    return row


def end(by: User | None, partner_id: int, now: datetime) -> None:
    """Take a partner out of the register; it is deleted when its period is over. Raises NotAllowed, NotThere."""
    actor = _actor(by)
    with transaction.atomic():
        if not Partner.objects.filter(pk=partner_id, ended_at__isnull=True).update(ended_at=now, changed_at=now):
            raise NotThere(gettext("there is no such partner"))
        audit.write(actor, "partner_ended", f"partner:{partner_id}", now=now)


def _actor(by: User | None) -> str:
    if by is None:
        return "command"
    if not may_edit(by):
        raise NotAllowed(gettext("the register of partners is kept by management and the data protection officer"))
    return audit.actor_of(by)


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _checked(details: Details, now: datetime) -> Details:
    texts: dict[str, Any] = {field: " ".join(getattr(details, field).split()) for field in _TEXTS}
    for field, words in _TEXTS.items():
        text = texts[field]
        if max(len(text), len(text.casefold())) > TEXT_MAX_CHARS or any(not one.isprintable() for one in text):
            raise WrongState(
                gettext("%(words)s must be at most %(count)s characters on one line")
                % {"words": words, "count": TEXT_MAX_CHARS}
            )
    if not texts["name"]:
        raise WrongState(gettext("a partner needs a name"))
    today = now.astimezone(organisation_zone()).date()
    for field, words in CONFIRMED.items():
        day = getattr(details, field)
        if day is not None and not _EARLIEST <= day <= today:
            raise WrongState(gettext("the date of %(words)s must lie between 1990 and today") % {"words": words})
    if details.due_on is not None and not _EARLIEST <= details.due_on <= today + _AHEAD_MAX:
        raise WrongState(gettext("the next due date must lie between 1990 and ten years from now"))
    return replace(details, **texts)


def _set(row: Partner, details: Details, now: datetime) -> None:
    for field in _FIELDS:
        setattr(row, field, getattr(details, field))
    row.changed_at = now


def _details(row: Partner) -> Details:
    return Details(**{field: getattr(row, field) for field in _FIELDS})


def _said(details: Details, before: Details | None = None) -> str:
    """What was set, for the log's own words beside the line: they can be erased, and a lead's name is personal."""
    told = [
        f"{field}={getattr(details, field) or ''}"
        for field in _FIELDS
        if before is None or getattr(before, field) != getattr(details, field)
    ]
    return "; ".join(told)


def _standing(row: Partner, today: date) -> Standing:
    details = _details(row)
    missing = tuple(words for field, words in CONFIRMED.items() if getattr(details, field) is None)
    days = [day for field in CONFIRMED if (day := getattr(details, field)) is not None]
    due = details.due_on or (months_later(min(days), EVERY_MONTHS) if days else None)
    state: State = "missing" if missing else "in_date"
    if due is not None and due < today:
        state = "overdue"
    elif due is not None and due <= today + SOON and not missing:
        state = "soon"
    return Standing(row.pk, details, missing, due, state, row.changed_at)
