"""Ring on about an urgent case until somebody takes it: leads, then deputies, then the out-of-hours contacts.

Looking is not taking: opening a case gives the one who opened it some time, once, and only the button (or closing the
case) ends the ringing. Somebody may open a case and be called away.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from server import outbox, responders
from server.notify_config import Escalating
from server.store.models import Escalation, Incident, OutboxMessage, User

LOOKING_MINUTES = 10
"""What somebody who opened a case has for taking it, at least: unlocking, reading and a phone call."""

DUE_MAX = 500
"""Cases that take a step in one look; the rest is a second later."""


def begin(incident: Incident, now: datetime) -> None:
    """Start to ring about an urgent case, once; again when it goes on after somebody closed it."""
    running = Escalation.objects.select_for_update().filter(pk=incident.pk).first()
    fresh = running is None
    if running is None:
        running = Escalation(incident=incident, began_at=now)
    elif incident.closed_at is not None and incident.new_since_closing and running.began_at <= incident.closed_at:
        running.round += 1
        running.step, running.began_at, running.opened_at, running.ended_at = 0, now, None, None
    else:
        return
    running.next_at = _next(0, now)
    running.save(force_insert=fresh)
    outbox.take_back(incident)  # what waited of it as a routine case says less
    _tell(running, now)


def ring(now: datetime) -> int:
    """Take the next step of each case that is due, and return of how many; each step is taken by one process."""
    # What was planned before the clock was set back is due too: nobody should wait for a time that was wrong.
    due = Escalation.objects.filter(Q(next_at__lte=now) | Q(next_at__gt=now + _furthest()), ended_at__isnull=True)
    return sum(_step(one, now) for one in due.select_related("incident").order_by("next_at")[:DUE_MAX])


def opened(incident: Incident, now: datetime) -> None:
    """Give somebody who opened the case time to take it: the next step waits so long from now, once a round."""
    later = now + timedelta(minutes=max(settings.CONFIG.escalation.minutes[0], LOOKING_MINUTES))
    running = Escalation.objects.filter(pk=incident.pk, ended_at__isnull=True, opened_at__isnull=True)
    running.filter(next_at__lt=later).update(next_at=later)
    running.update(opened_at=now)


def is_ringing(incident: Incident) -> bool:
    """Whether people are rung about a case now."""
    return Escalation.objects.filter(pk=incident.pk, ended_at__isnull=True).exists()


def end(incident: Incident, now: datetime) -> bool:
    """Stop ringing, and drop what still waits to be told of the case; whether it was ringing."""
    outbox.take_back(incident)
    # It began by a clock that was ahead: else it would not begin again when the case goes on after it was closed.
    Escalation.objects.filter(pk=incident.pk, began_at__gt=now).update(began_at=now)
    return bool(Escalation.objects.filter(pk=incident.pk, ended_at__isnull=True).update(ended_at=now))


def _step(one: Escalation, now: datetime) -> bool:
    with transaction.atomic():
        # First the case's own lock, as everybody takes it first: two that waited for each other would be stuck.
        one.incident = Incident.objects.select_for_update().get(pk=one.pk)
        # The condition is the claim: whoever changes the row first tells, in the same transaction.
        same = Escalation.objects.filter(pk=one.pk, round=one.round, step=one.step, next_at=one.next_at)
        if not same.filter(ended_at__isnull=True).update(step=F("step") + 1, next_at=_next(one.step + 1, now)):
            return False
        one.step += 1
        _tell(one, now)
    return True


def _tell(running: Escalation, now: datetime) -> None:
    told = responders.told(running.incident, running.step, now)
    whom: list[User | str] = list(told.people)
    if told.contacts:
        whom += [one.name for one in responders.contacts(running.incident)]
    # Whoever was not reached since the last step has that message still before them: a second says nothing new.
    unreached = set(outbox.waiting().filter(incident=running.incident).values_list("user_id", "contact"))
    kind, once = OutboxMessage.Kind.URGENT, f"{running.round}.{running.step}"
    rows = [outbox.of_case(kind, running.incident, one, once, now, now, running.step) for one in whom]
    outbox.put(row for row in rows if (row.user_id, row.contact) not in unreached)


def _furthest() -> timedelta:
    """The longest that a step is ever planned ahead, and what two collectors' clocks may differ."""
    wanted: Escalating = settings.CONFIG.escalation
    return timedelta(minutes=max(*wanted.minutes, 1.5 * wanted.repeat_minutes, LOOKING_MINUTES)) + outbox.PACE


def _next(step: int, now: datetime) -> datetime:
    wanted: Escalating = settings.CONFIG.escalation
    if step < len(wanted.minutes):
        return now + timedelta(minutes=wanted.minutes[step])
    # Repeats fall on the same minutes for all cases, so that many of them are one message.
    turn = wanted.repeat_minutes * 60
    earliest = int(now.timestamp()) + turn // 2
    return datetime.fromtimestamp(-(-earliest // turn) * turn, UTC)
