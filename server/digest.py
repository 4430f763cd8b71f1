"""Tell each lead, daily or weekly, how many cases wait for them: counts of what is sealed to them, nothing more."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from server import incidents, merging, outbox, responders, review
from server.store.models import Absence, Incident, NotifySettings, OutboxMessage, Role, User
from server.working_hours import WorkingHours, organisation_zone

LATE_MAX = timedelta(hours=6)
"""After downtime a digest of this morning is still of use, one of last night is not."""


def tell_due(now: datetime) -> None:
    """Put the digests whose time has come today into the outbox, each once; nobody is told that nothing waits."""
    here = now.astimezone(organisation_zone())
    people = list(User.objects.filter(is_active=True, role__in=(Role.LEAD, Role.DEPUTY)))
    away = Absence.away([one.pk for one in people], here.date())
    for user in people:
        wanted = responders.settings_of(user)
        if user.pk not in away and _is_time(wanted, here) and _take(user, here):
            _tell(user, now, f"{here:%Y-%m-%d}")


def _is_time(wanted: NotifySettings, here: datetime) -> bool:
    hours = WorkingHours.of(wanted)
    if wanted.digest == NotifySettings.Digest.NONE or str(here.isoweekday()) not in wanted.days:
        return False
    if wanted.digest == NotifySettings.Digest.WEEKLY and not hours.first_day_of_week(here.date()):
        return False
    begins = datetime.combine(here.date(), wanted.digest_at, here.tzinfo)
    return begins <= here < begins + LATE_MAX


def _take(user: User, here: datetime) -> bool:
    """Mark today as done; whether it was not before. The condition is the claim of one of several collectors."""
    NotifySettings.objects.get_or_create(user=user)
    mine = NotifySettings.objects.filter(user=user).exclude(digested_on=here.date())
    return bool(mine.update(digested_on=here.date()))


def _tell(user: User, now: datetime, day: str) -> None:
    waiting, overdue = counts(user, now)
    if not waiting:
        return
    late = f", {overdue} overdue" if overdue else ""
    said = f"{waiting} case{'s wait' if waiting != 1 else ' waits'}{late}"
    page = f"{settings.CONFIG.url.rstrip('/')}{reverse('desk')}"
    row = OutboxMessage(
        kind=OutboxMessage.Kind.DIGEST,
        once_key=f"digest:{day}:u{user.pk}",
        user=user,
        subject=f"Fairwatch: {said}",
        body=f"{said}.\n\nYour queue:\n{page}\n\nHow often this comes is on your notifications page.\n",
        created_at=now,
        due_at=now,
    )
    outbox.put([row])


def counts(user: User, now: datetime) -> tuple[int, int]:
    """Return how many cases wait for somebody, and how many of them for longer than they should."""
    due, waiting, overdue = review.due(), 0, 0
    for one in _waiting(user):
        since = one.updated_at if one.new_since_closing else one.reopened_at or one.received_at
        waiting += 1
        overdue += due.overdue(since, now, urgent=one.urgent)
    return waiting, overdue


def _waiting(user: User) -> list[Incident]:
    mine = merging.standing_alone(incidents.visible(user), user)
    rows = Incident.objects.filter(pk__in=mine.values("incident"))
    return list(rows.exclude(state=Incident.State.CLOSED, new_since_closing=False))
