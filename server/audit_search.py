"""Find lines of the audit log by who, what, about what and when, and tell ids as a reader knows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from server.store.models import AuditDetail, AuditEntry, Incident, User

TEXT_MAX_CHARS = 128
"""As long as any subject; a longer text finds nothing."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for; an empty text or None leaves that open. Days are the organisation's, both included."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: date | None = None
    until: date | None = None
    before: int | None = None


@dataclass(frozen=True)
class Told:
    """One line for a reader: `who` and `about` as names where there are any."""

    seq: int
    at: datetime
    who: str
    action: str
    about: str
    detail: str
    hash: str


def find(wanted: Wanted, zone: ZoneInfo, most: int) -> list[Told]:
    """Return matching lines, newest first, at most so many."""
    rows = AuditEntry.objects.order_by("-seq")
    if wanted.before is not None:
        rows = rows.filter(seq__lt=wanted.before)
    if wanted.actor:
        rows = rows.filter(actor=wanted.actor[:TEXT_MAX_CHARS])
    if wanted.action:
        rows = rows.filter(action=wanted.action[:TEXT_MAX_CHARS])
    if wanted.subject:
        rows = rows.filter(subject__in=_subjects(wanted.subject[:TEXT_MAX_CHARS]))
    if wanted.since is not None:
        rows = rows.filter(at__gte=datetime.combine(wanted.since, time(), zone))
    if wanted.until is not None:
        rows = rows.filter(at__lt=datetime.combine(wanted.until + timedelta(days=1), time(), zone))
    return _told(list(rows[:most]))


def actors() -> dict[str, str]:
    """Return everybody who may stand in the log as an actor, by id: those who sign in, commands and jobs."""
    others = AuditEntry.objects.exclude(actor__startswith="user:").exclude(actor__startswith="device:")
    return {**{one: one for one in others.values_list("actor", flat=True).distinct()}, **names()}


def actions() -> list[str]:
    """Return every action that the log holds."""
    return sorted(AuditEntry.objects.values_list("action", flat=True).distinct())


def names() -> dict[str, str]:
    """Return the names and roles behind the log's user ids."""
    return {f"user:{user.pk}": f"{user.get_full_name()}, {user.get_role_display()}" for user in User.objects.all()}


def _subjects(text: str) -> list[str]:
    """Return the subjects that a reader's words may mean: as they stand, a case's reference, a user name."""
    cases = Incident.objects.filter(reference__iexact=text.removeprefix("Case ").strip()).values_list("pk", flat=True)
    people = User.objects.filter(username__iexact=text).values_list("pk", flat=True)
    return [text, *(f"incident:{pk}" for pk in cases), *(f"user:{pk}" for pk in people)]


def _incident_id(subject: str) -> UUID | None:
    # A line may have been put in behind the collector's back: it must not take the page away from who looks for it.
    kind, _, number = subject.partition(":")
    try:
        return UUID(number) if kind == "incident" else None
    except ValueError:
        return None


def _told(entries: list[AuditEntry]) -> list[Told]:
    people = names()
    ids = filter(None, (_incident_id(entry.subject) for entry in entries))
    references = {
        f"incident:{pk}": f"Case {reference}"
        for pk, reference in Incident.objects.filter(pk__in=ids).values_list("pk", "reference")
    }
    details = dict(
        AuditDetail.objects.filter(entry_id__in=[entry.seq for entry in entries]).values_list("entry_id", "text")
    )
    return [
        Told(
            seq=entry.seq,
            at=entry.at,
            who=people.get(entry.actor, entry.actor),
            action=entry.action,
            about=references.get(entry.subject, people.get(entry.subject, entry.subject)),
            detail=details.get(entry.seq, ""),
            hash=entry.hash,
        )
        for entry in entries
    ]
