"""Requests of people for the data held about them (UK GDPR, Article 15): started, timed and closed by the officer.

Each request goes to every lead, whether or not there is anything about the person: see `subject_decisions`.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from protocol.publication import same_account
from server import audit, notify, subject_rows
from server.acknowledgements import account_of
from server.directory_index import who
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import Role, SubjectRequest, User
from server.working_hours import organisation_zone

OLDEST = timedelta(days=366)
"""A request that came more than a year ago is a slip of the pen."""

TOLD_BEFORE = timedelta(days=7)
"""A week before the day, the officer is told: time to ask a lead who has not decided."""

ACCOUNT_MAX_CHARS = 200

EXTENDED_MONTHS = 3
"""One month and two further ones (Article 12(3))."""


@dataclass(frozen=True)
class Standing:
    """One request, and whether its day is near or past; a closed one is neither."""

    request: SubjectRequest
    soon: bool
    late: bool


def start(user: User, account: str, identity: str, received_on: date, now: datetime) -> SubjectRequest:
    """Write a request down; raises NotAllowed for other roles, WrongState in a sentence."""
    only_the_officer(user)
    name = account.strip()
    if not name or len(name.casefold()) > ACCOUNT_MAX_CHARS or not name.isprintable():
        raise WrongState(gettext("write the account by which the person signs in on devices"))
    if identity not in SubjectRequest.Identity.values:
        raise WrongState(gettext("say how you know who asks: else somebody’s data could go to somebody else"))
    subject_rows.find(name)
    today = today_of(now)
    if not today - OLDEST <= received_on <= today:
        raise WrongState(gettext("the day on which the request came must be today or within the last year"))
    due = months_after(received_on, 1)
    try:
        with transaction.atomic():
            made = SubjectRequest.objects.create(
                account=name,
                key=name.casefold(),
                identity=identity,
                received_on=received_on,
                first_due_on=due,
                due_on=due,
                started_at=now,
                started_by=user,
            )
            audit.write(audit.actor_of(user), "subject_request_started", subject_of(made), now=now)
    except IntegrityError:
        raise WrongState(gettext("there is an open request for this account already")) from None
    return made


def extend(user: User, request_id: UUID, reason: str, now: datetime) -> None:
    """Give a request two more months, while its first month lasts: the person must be told within that."""
    only_the_officer(user)
    with transaction.atomic():
        kept = open_request(request_id)
        if reason not in SubjectRequest.Longer.values:
            raise WrongState(gettext("say why it takes longer"))
        if kept.longer:
            raise WrongState(gettext("its time was extended already, and can be only once"))
        if today_of(now) > kept.first_due_on:
            raise WrongState(gettext("its first month is over: the person had to be told within that"))
        kept.longer = reason
        kept.due_on = months_after(kept.received_on, EXTENDED_MONTHS)
        kept.save(update_fields=["longer", "due_on"])
        audit.write(audit.actor_of(user), "subject_request_extended", subject_of(kept), now=now)


def close(user: User, request_id: UUID, closing: str, now: datetime) -> None:
    """End a request."""
    only_the_officer(user)
    with transaction.atomic():
        kept = open_request(request_id)
        if closing not in SubjectRequest.Closing.values:
            raise WrongState(gettext("say how the request ended"))
        kept.closed_at, kept.closing = now, closing
        kept.save(update_fields=["closed_at", "closing"])
        audit.write(audit.actor_of(user), "subject_request_closed", subject_of(kept), now=now)


def listing(user: User, now: datetime) -> list[Standing]:
    """Return every request: open ones first, by their day; then closed ones, the newest first."""
    only_the_officer(user)
    rows = SubjectRequest.objects.all()
    waiting = rows.filter(closed_at__isnull=True).order_by("due_on", "started_at")
    closed = rows.filter(closed_at__isnull=False).order_by("-closed_at")
    return [standing(one, now) for one in (*waiting, *closed)]


def one(user: User, request_id: UUID) -> SubjectRequest:
    """Return a request; raises NotAllowed, NotThere."""
    only_the_officer(user)
    return find(request_id)


def find(request_id: UUID) -> SubjectRequest:
    """Return a request for a caller who has made sure that it may be known; raises NotThere."""
    found = SubjectRequest.objects.select_related("started_by").filter(pk=request_id).first()
    if found is None:
        raise NotThere(gettext("there is no such request"))
    return found


def open_one(account: str) -> SubjectRequest:
    """Return the open request for an account, for the command on the collector's console; raises NotThere."""
    found = SubjectRequest.objects.filter(key=account.strip().casefold(), closed_at__isnull=True).first()
    if found is None:
        raise NotThere(
            gettext("there is no open request for this account; the data protection officer starts one on the page")
        )
    return found


def standing(request: SubjectRequest, now: datetime) -> Standing:
    """Return how a request stands."""
    today = today_of(now)
    waits = request.closed_at is None
    late = waits and request.due_on < today
    return Standing(request, soon=waits and not late and request.due_on - TOLD_BEFORE <= today, late=late)


def is_about(user: User, request: SubjectRequest) -> bool:
    """Whether somebody who signs in here may be the person who asks: where in doubt, yes.

    Stops an officer or lead from learning, by a request of their own, whether there is a case about themselves.
    """
    names = {name for name in (user.email, user.username) if name}
    if any(same_account(name, request.account) for name in names):
        return True
    known = who()
    person = known(request.account)
    own = known(account_of(user))
    return person is not None and own is not None and person.person == own.person


def subject_of(request: SubjectRequest) -> str:
    """Return how the audit log names a request: by id, so that it names nobody."""
    return f"subject_request:{request.pk}"


def tell_of_due(now: datetime) -> None:
    """Tell the data protection officer, once, that the day of a request is near; not whose it is."""
    soon = SubjectRequest.objects.filter(closed_at__isnull=True, due_on__lte=today_of(now) + TOLD_BEFORE)
    for request in soon:
        body = (
            f"A request for somebody's data must be answered by {request.due_on:%-d %B %Y}. "
            "The page Subject access says which, and which leads have decided."
        )
        notify.plain([Role.DPO], "Fairwatch: a request is due", body, f"subject_due:{request.pk}:{request.due_on}", now)


def months_after(day: date, months: int) -> date:
    """Return the same day so many months later, or that month's last day where it has no such day.

    The ICO lets a due day at a weekend wait until Monday; here it does not, so that nobody counts on it.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def today_of(now: datetime) -> date:
    """Return the organisation's day."""
    return now.astimezone(organisation_zone()).date()


def open_request(request_id: UUID) -> SubjectRequest:
    """Return an open request, locked for a change; raises NotThere, WrongState."""
    kept = SubjectRequest.objects.select_for_update().filter(pk=request_id).first()
    if kept is None:
        raise NotThere(gettext("there is no such request"))
    if kept.closed_at is not None:
        raise WrongState(gettext("this request is closed"))
    return kept


def only_the_officer(user: User) -> None:
    """Raise NotAllowed for everybody but the data protection officer."""
    if not (user.is_active and user.role == Role.DPO):
        raise NotAllowed(gettext("only the data protection officer handles requests"))
