"""Tell people, by way of the outbox, in the transaction of what is told. Never a category, host, device or person.

What others call: the functions named `incident_...`, `evidence_released`, and `plain`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from server import escalation, log, outbox, policy_in_force, responders
from server.store.models import Incident, NotifySettings, OutboxMessage, Role, User
from server.working_hours import WorkingHours, organisation_zone

GATHER = timedelta(minutes=10)
"""Routine cases that come within so long go in one message."""

SILENCE = timedelta(hours=24)
"""After a person was told of a case, its updates are silent for so long: a repeat says nothing new."""

SUBJECT_MAX, BODY_MAX = 200, 10_000
"""A message is read on a phone."""

ONCE_MAX = 150
"""Characters of a caller's once-key that count."""


def incident_recorded(incident: Incident, now: datetime) -> None:
    """Tell of a case that is new, or whose update tells something new; call it in the recording transaction.

    A fault of ours in here must not cost the alert: it is logged, and `missed` finds the case within a minute.
    Samples tell nobody.
    """
    if incident.sample:
        return
    try:
        with transaction.atomic():
            if incident.urgent:
                escalation.begin(incident, now)
            else:
                _routine(incident, now, str(incident.revision))
    except Exception as fault:  # noqa: BLE001 - the alert is kept whatever happens here
        log.failure("notify_failed", fault)


def incident_acknowledged(incident: Incident, now: datetime) -> None:
    """Stop telling of a case that somebody has taken."""
    escalation.end(incident, now)


def incident_closed(incident: Incident, now: datetime) -> None:
    """Stop telling of a case that somebody closed."""
    escalation.end(incident, now)


def incident_merged(incident: Incident, into: Incident, now: datetime) -> None:
    """Stop telling of a case that became a part of one that somebody has, or that is told of itself."""
    if into.state == Incident.State.OPEN and (into.acknowledged_by_id is not None or escalation.is_ringing(into)):
        escalation.end(incident, now)


def incident_came_back(incident: Incident, now: datetime) -> None:
    """Tell of a closed case whose day has come. A person set that day, so it rings nobody out of bed."""
    if not incident.sample:
        _routine(incident, now, f"back:{now:%Y-%m-%d}")


def evidence_released(incident: Incident, user: User, now: datetime) -> None:
    """Take note that somebody opened a case: ringing waits, and of a staff case the data protection officer is told.

    Once for each person who opened it; who did is in the audit log, not in the message.
    """
    escalation.opened(incident, now)
    if policy_in_force.is_staff(incident.group):
        body = f"Case {incident.reference} was opened. Who opened it, and when, is in the audit log."
        once = f"opened:{incident.pk}:{user.pk}"
        plain([Role.DPO], "Fairwatch: a case was opened", body, once, now)


def plain(to: Iterable[Role | User], subject: str, body: str, once_key: str, now: datetime) -> None:
    """Tell roles or people something that is about no case, once for each person and `once_key` (fixed words and ids).

    The caller makes sure that it holds no category, host, device or person.
    """
    wanted = list(to)
    roles = [one for one in wanted if isinstance(one, Role)]
    people = {one.pk: one for one in wanted if isinstance(one, User)}
    people |= {one.pk: one for one in User.objects.filter(role__in=roles, is_active=True)}
    outbox.put(
        OutboxMessage(
            kind=OutboxMessage.Kind.PLAIN,
            once_key=f"plain:{once_key[:ONCE_MAX]}:u{user.pk}",
            user=user,
            subject=subject[:SUBJECT_MAX],
            body=body[:BODY_MAX],
            created_at=now,
            due_at=now,
        )
        for user in people.values()
    )


def missed(now: datetime) -> int:
    """Tell of urgent cases that are not told of yet, because something failed when they came; return how many."""
    recent = Incident.objects.filter(urgent=True, sample=False, received_at__gt=now - timedelta(days=7))
    rows = recent.filter(state=Incident.State.OPEN, acknowledged_at__isnull=True, escalation__isnull=True)
    found = list(rows[: escalation.DUE_MAX])
    for one in found:
        incident_recorded(one, now)
    return len(found)


def _routine(incident: Incident, now: datetime, once: str) -> None:
    for user in responders.told(incident, 0, now).people:
        wanted = responders.settings_of(user)
        if wanted.routine == NotifySettings.Routine.SOON and not _knows(user, incident, now):
            due = _gathered(user, wanted, now)
            outbox.put([outbox.of_case(OutboxMessage.Kind.ROUTINE, incident, user, once, now, due)])


def _knows(user: User, incident: Incident, now: datetime) -> bool:
    about = OutboxMessage.objects.filter(user=user, incident=incident)
    return (
        about.filter(created_at__range=(now - SILENCE, now + outbox.PACE)).exists()
        or outbox.waiting().filter(pk__in=about).exists()
    )


def _gathered(user: User, wanted: NotifySettings, now: datetime) -> datetime:
    waits = outbox.waiting().filter(user=user, kind=OutboxMessage.Kind.ROUTINE, due_at__gt=now).order_by("due_at")
    first = waits.values_list("due_at", flat=True).first()
    if first is not None:
        return first
    soon = now + GATHER
    return WorkingHours.of(wanted).next_within(soon, organisation_zone()) if wanted.hours_only else soon
