"""The outbox: what is to be told waits here until somebody's mail server or service took it. Claims carry a lease."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from server.store.models import Incident, OutboxMessage, User

Kind = OutboxMessage.Kind

LEASE = timedelta(minutes=3)
"""How long a claim holds: longer than all ways of one person may take, and a killed sender delays no longer."""

WAITS = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300, 600))
"""How long to wait after each failure; the last again and again. The first are short: most faults are a moment's."""

GIVE_UP_AFTER = timedelta(days=3)
"""What is not urgent is given up then: a digest of last week helps nobody. Urgent messages are never given up."""

SUMMARY_GIVE_UP_AFTER = timedelta(days=14)
"""A monthly summary is still read after a mail server was down over the holidays."""

PARTLY_ENOUGH_AFTER = timedelta(hours=1)
"""What one way has taken is tried on the others for so long: after that it is old news to whoever was told."""

BURST, BURST_WITHIN = 5, timedelta(minutes=10)
"""Urgent messages to one person that go at once; then one a minute tells of all: a flood must not bury a phone."""

PACE = timedelta(minutes=1)

FURTHEST = WAITS[-1] + PACE
"""A second try, an urgent message or a lease from further ahead was planned before the clock was set back.

The minute is for two collectors whose clocks differ a little.
"""

BATCH_MAX = 2000
"""Rows that one message may tell of; the rest goes in the next."""


@dataclass(frozen=True)
class Recipient:
    """A person with an account, or else an out-of-hours contact by name."""

    user_id: int | None
    contact: str


@dataclass(frozen=True)
class Claimed:
    """What one sender holds until the lease ends: rows of one kind for one recipient, to be told in one message."""

    kind: str
    recipient: Recipient
    token: str
    rows: tuple[OutboxMessage, ...]


def put(rows: Iterable[OutboxMessage]) -> None:
    """Keep rows in the caller's transaction; those whose once-key is there already are the same news."""
    OutboxMessage.objects.bulk_create(list(rows), ignore_conflicts=True)


def of_case(
    kind: Kind, incident: Incident, recipient: User | str, once: str, now: datetime, due: datetime, step: int = 0
) -> OutboxMessage:
    """Make a row that tells of a case; `once` names the news, for this recipient only."""
    user, contact = (recipient, "") if isinstance(recipient, User) else (None, recipient)
    whom = f"u{user.pk}" if user is not None else f"c:{contact}"
    return OutboxMessage(
        kind=kind,
        once_key=f"{kind.value}:{incident.pk}:{once}:{whom}"[:200],
        user=user,
        contact=contact,
        incident=incident,
        step=step,
        created_at=now,
        due_at=due,
    )


def waiting() -> QuerySet[OutboxMessage]:
    """Return what still has to go."""
    return OutboxMessage.objects.filter(sent_at__isnull=True, given_up_at__isnull=True)


def take_back(incident: Incident) -> None:
    """Drop what still waits about a case that somebody took or closed."""
    waiting().filter(incident=incident).delete()


def due(now: datetime) -> list[tuple[str, Recipient]]:
    """Return the kinds and recipients for whom something may go now, urgent first."""
    rows = _free(waiting().filter(_is_due(now)), now).values_list("kind", "user_id", "contact").distinct()
    found = [(kind, Recipient(user_id, contact)) for kind, user_id, contact in rows[:BATCH_MAX]]
    return sorted(found, key=lambda one: one[0] != Kind.URGENT)


def claim(kind: str, recipient: Recipient, now: datetime) -> Claimed | None:
    """Take what is due for a recipient; None when there is nothing, somebody else has it, or a flood is being paced.

    Cases of one kind go together, what is about no case goes alone.
    """
    if kind == Kind.URGENT and not _may_go(recipient, now):
        return None
    most = BATCH_MAX if kind in {Kind.URGENT, Kind.ROUTINE} else 1
    wanted = _free(waiting().filter(_is_due(now), _is_for(kind, recipient)), now).order_by("due_at", "pk")
    chosen = list(wanted.values_list("pk", flat=True)[:most])
    token = secrets.token_hex(16)
    for some in _pieces(chosen):
        # Of two senders that chose the same rows, each row is one's alone: the update sees what was claimed before.
        _free(waiting().filter(pk__in=some), now).update(claim=token, lease_until=now + LEASE)
    rows = OutboxMessage.objects.filter(claim=token).select_related("incident", "user", "summary")
    held = tuple(rows.order_by("created_at", "pk"))
    return Claimed(kind, recipient, token, held) if held else None


def settle(claimed: Claimed, took: Mapping[int, list[str]], fault: str, now: datetime) -> None:
    """Write down how it went: `took` names, row by row, the ways that have taken it; `fault` is empty when all did.

    With a fault the rows come up again later. Nothing happens to rows whose lease ended meanwhile.
    """
    mine = OutboxMessage.objects.filter(claim=claimed.token)
    if not fault:
        mine.update(sent_at=now, claim="", lease_until=None, fault="")
        return
    for row in claimed.rows:
        ways = took.get(row.pk, [])
        wait = WAITS[min(row.attempts, len(WAITS) - 1)]
        changes: dict[str, Any] = {"attempts": row.attempts + 1, "due_at": now + wait, "fault": fault}
        if ways and now - row.created_at >= PARTLY_ENOUGH_AFTER:
            changes = {"sent_at": now, "fault": fault}
        elif row.kind != Kind.URGENT and now - row.created_at >= _patience(row.kind):
            changes = {"given_up_at": now, "fault": fault}
        mine.filter(pk=row.pk).update(delivered_to=ways, claim="", lease_until=None, **changes)


def _patience(kind: str) -> timedelta:
    return SUMMARY_GIVE_UP_AFTER if kind == Kind.SUMMARY else GIVE_UP_AFTER


def _is_for(kind: str, recipient: Recipient) -> Q:
    return Q(kind=kind, user_id=recipient.user_id, contact=recipient.contact)


def _is_due(now: datetime) -> Q:
    at_once_or_again = Q(kind=Kind.URGENT) | Q(attempts__gt=0)
    # What was put by a clock that was ahead goes now: it would also draw all later routine cases into its own time.
    return Q(due_at__lte=now) | (Q(due_at__gt=now + FURTHEST) & at_once_or_again) | Q(created_at__gt=now + PACE)


def _free(rows: QuerySet[OutboxMessage], now: datetime) -> QuerySet[OutboxMessage]:
    return rows.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now) | Q(lease_until__gt=now + FURTHEST))


def _may_go(recipient: Recipient, now: datetime) -> bool:
    # What lies ahead was sent before the clock was set back: it must not hold up what is urgent now.
    window = (now - BURST_WITHIN + timedelta(microseconds=1), now + PACE)
    sent = OutboxMessage.objects.filter(_is_for(Kind.URGENT, recipient), sent_at__range=window)
    latest = sent.order_by("-sent_at").values_list("sent_at", flat=True).distinct()[:BURST]
    times = [one for one in latest if one is not None]
    return len(times) < BURST or now - times[0] >= PACE


def _pieces(keys: Sequence[int], size: int = 500) -> Iterator[Sequence[int]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))
