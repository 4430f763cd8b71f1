"""The lead's queue: what is sealed to one of their keys, in the order in which it should be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count

from server.errors import NotThere
from server.incidents import may_open, visible
from server.merging import standing_alone
from server.review import Due
from server.sharing import wraps_for
from server.store.models import Incident, IncidentRecipient, User


@dataclass(frozen=True)
class QueueRow:
    """What a lead's queue shows of an incident before unlocking, and the sealed heading to unlock.

    `key_id` is the lead's own key that the heading is sealed to, or `wrap` its content key where the case was opened to
    them later. The device's signature covers header, heading and evidence; `evidence_sha256` stands for the evidence,
    which is released apart. A concern that was recorded by hand has no device: a lead's key signed it.
    """

    id: UUID
    reference: str
    urgent: bool
    started: datetime
    ended: datetime
    received_at: datetime
    updated_at: datetime
    reopened_at: datetime | None
    state: str
    new_since_closing: bool
    group: str
    device: UUID | None
    device_name: str
    record: UUID
    revision: int
    notes: int
    sample: bool
    key_id: str
    header: bytes
    heading: bytes
    evidence_sha256: bytes
    signature: bytes
    signer_public_key: bytes | None
    lead_public_key: bytes | None
    wrap: bytes | None

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to look: it is open, or something new came since it was closed."""
        return self.state == Incident.State.OPEN or self.new_since_closing

    @property
    def since(self) -> datetime:
        """Since when it waits."""
        return self.updated_at if self.new_since_closing else self.reopened_at or self.received_at

    def overdue(self, now: datetime, due: Due) -> bool:
        """Whether it waits for longer than it should."""
        return self.is_open and due.overdue(self.since, now, urgent=self.urgent)


def rows(user: User, *, closed: bool = True) -> list[QueueRow]:
    """Return the incidents sealed to one of the user's keys: open and urgent first, then oldest first.

    Raises NotAllowed for a role that opens no evidence. Incidents sealed only to others do not exist here.
    """
    may_open(user)
    found = (
        standing_alone(visible(user), user)
        .select_related("incident__device", "record__signer", "record__lead_key")
        .defer("record__evidence", "incident__device__health")
        .annotate(notes=Count("incident__notes", distinct=True))
    )
    if not closed:
        found = found.exclude(incident__state=Incident.State.CLOSED, incident__new_since_closing=False)
    newest: dict[UUID, IncidentRecipient] = {}
    for row in found:
        other = newest.get(row.incident_id)
        if other is None or row.record.revision > other.record.revision:
            newest[row.incident_id] = row
    wraps = wraps_for(user, newest, ["heading"])
    return sorted((_queue_row(row, wraps.get((row.record.record, "heading"))) for row in newest.values()), key=_rank)


def row(user: User, incident_id: UUID) -> QueueRow:
    """Return one incident as the queue has it; raises as `rows`, and NotThere when it is not the user's."""
    for one in rows(user):
        if one.id == incident_id:
            return one
    raise NotThere("there is no such incident")


def _rank(row: QueueRow) -> tuple[bool, bool, datetime, str]:
    return not row.is_open, not row.urgent, row.started, row.reference


def _queue_row(row: IncidentRecipient, wrap: bytes | None) -> QueueRow:
    incident, kept = row.incident, row.record
    return QueueRow(
        id=incident.pk,
        reference=incident.reference,
        urgent=incident.urgent,
        started=incident.started,
        ended=incident.ended,
        received_at=incident.received_at,
        updated_at=incident.updated_at,
        reopened_at=incident.reopened_at,
        state=incident.state,
        new_since_closing=incident.new_since_closing,
        group=incident.group,
        device=incident.device_id,
        device_name=incident.device.name if incident.device is not None else "",
        record=kept.record,
        revision=kept.revision,
        notes=row.notes,  # type: ignore[attr-defined]  # annotated in `queue`
        sample=incident.sample,
        key_id=row.key_id,
        header=bytes(kept.header),
        heading=bytes(kept.heading),
        evidence_sha256=bytes(kept.evidence_sha256),
        signature=bytes(kept.signature),
        signer_public_key=bytes(kept.signer.public_key) if kept.signer is not None else None,
        lead_public_key=bytes(kept.lead_key.public_key) if kept.lead_key is not None else None,
        wrap=wrap,
    )
