"""Keep what happened to a case, in clear and in order; each change stands in the audit log as well."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from server import audit
from server.store.models import CaseEvent, Incident, User

What = CaseEvent.What
BY_ITSELF = "job:cases"
"""How the audit log names the collector where a case comes back on a date that a lead had set."""

_AUDITED = {
    # What a release, a note and a closing write stands in the log by their own words already.
    What.RECORDED: "concern_recorded",
    What.ACKNOWLEDGED: "incident_acknowledged",
    What.ASSIGNED: "incident_assigned",
    What.LET_GO: "incident_let_go",
    What.REOPENED: "incident_reopened",
    What.CAME_BACK: "incident_came_back",
    What.MERGED: "incident_merged",
    What.TAKEN_APART: "incident_taken_apart",
    What.SHARED: "incident_shared",
    What.HELD: "case_held",
    What.HOLD_LIFTED: "hold_lifted",
}


def add(
    incident: Incident,
    what: CaseEvent.What,
    by: User | None,
    at: datetime,
    *,
    to: User | None = None,
    other: Incident | None = None,
) -> CaseEvent:
    """Keep one event and its line in the audit log; call inside the transaction that makes the change."""
    action = _AUDITED.get(what)
    if action is not None:
        subject = f"incident:{incident.pk}"
        if to is not None:
            subject = f"{subject} user:{to.pk}"
        if other is not None:
            subject = f"{subject} incident:{other.pk}"
        audit.write(audit.actor_of(by) if by is not None else BY_ITSELF, action, subject, now=at)
    return CaseEvent.objects.create(incident=incident, what=what, by=by, at=at, to=to, other=other)


def opened(incident: Incident, by: User, at: datetime) -> None:
    """Keep when a case was first opened at all, and when by this person; later openings stand in the audit log."""
    Incident.objects.filter(pk=incident.pk, first_opened_at__isnull=True).update(first_opened_at=at)
    if not has_opened(by, incident.pk):
        add(incident, What.OPENED, by, at)


def has_opened(user: User, incident_id: UUID) -> bool:
    """Whether this person ever opened a case's evidence, which the audit log then says."""
    return CaseEvent.objects.filter(incident_id=incident_id, by=user, what=What.OPENED).exists()


def of(incident: Incident) -> list[CaseEvent]:
    """Return what happened to a case, the first first."""
    return list(incident.events.select_related("by", "to", "other").order_by("at", "id"))
