"""Record alerts as incidents, and let those they are sealed to see, open, note and close them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count

from protocol.errors import OpenError
from protocol.messages import Alert, AlertHeader
from protocol.sealing import layout
from server import audit
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AlertRecord, Device, Incident, IncidentRecipient, LeadKey, Note, User

_LOCK = 0x46574952  # PostgreSQL's advisory lock for giving out references
_REFERENCE_DIGITS = 5


@dataclass(frozen=True)
class QueueRow:
    """What a lead's queue shows of an incident before unlocking, and the sealed heading to unlock.

    `key_id` is the lead's own key that the heading is sealed to. The device's signature covers header, heading and
    evidence; `evidence_sha256` stands for the evidence, which is released apart.
    """

    id: UUID
    reference: str
    urgent: bool
    started: datetime
    ended: datetime
    received_at: datetime
    updated_at: datetime
    state: str
    new_since_closing: bool
    group: str
    device: UUID
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
    signer_public_key: bytes


@dataclass(frozen=True)
class ReleasedEvidence:
    """The sealed evidence of one incident, handed out after its line in the audit log was committed."""

    incident: UUID
    reference: str
    record: UUID
    device: UUID
    key_id: str
    header: bytes
    heading: bytes
    evidence: bytes
    signature: bytes
    signer_public_key: bytes
    audit_seq: int


def record(alert: Alert, header: AlertHeader, signer: Device, now: datetime) -> Incident:
    """Keep a checked alert: a new incident, or an update of one. Call inside the transaction that marks it seen.

    Raises NotAllowed when the alert id is another device's incident. An update never reopens a closed incident: it is
    kept and shown as new since closing (a late record must not undo a person's decision).
    """
    incident = Incident.objects.select_for_update().filter(pk=header.alert).first()
    if incident is None:
        incident = _create(header, signer, now)
    elif (incident.signer_id, incident.device_id, incident.group) != (header.signer, header.device, header.group):
        raise NotAllowed("the alert id belongs to another device's incident")
    elif header.revision > incident.revision:
        _update(incident, header, now)
    kept = AlertRecord.objects.create(
        record=header.record,
        incident=incident,
        signer=signer,
        revision=header.revision,
        header=alert.header,
        heading=alert.heading,
        evidence=alert.evidence,
        evidence_sha256=hashlib.sha256(alert.evidence).digest(),
        signature=alert.signature,
        received_at=now,
    )
    _address(incident, kept, header.sealed_to)
    return incident


def queue(user: User, *, closed: bool = True) -> list[QueueRow]:
    """Return the incidents sealed to one of the user's keys: open and urgent first, then oldest first.

    Raises NotAllowed for a role that opens no evidence. Incidents sealed only to others do not exist here.
    """
    _may_open(user)
    rows = (
        IncidentRecipient.objects.filter(key_id__in=_keys(user))
        .select_related("incident__device", "record__signer")
        .defer("record__evidence", "incident__device__health")
        .annotate(notes=Count("incident__notes", distinct=True))
    )
    if not closed:
        rows = rows.exclude(incident__state=Incident.State.CLOSED, incident__new_since_closing=False)
    newest: dict[UUID, IncidentRecipient] = {}
    for row in rows:
        other = newest.get(row.incident_id)
        if other is None or row.record.revision > other.record.revision:
            newest[row.incident_id] = row
    return sorted((_queue_row(row) for row in newest.values()), key=_rank)


def release(user: User, incident_id: UUID, *, now: datetime | None = None) -> ReleasedEvidence:
    """Return the sealed evidence of one incident, once its line in the audit log is committed.

    Raises NotAllowed for a role that opens no evidence, NotThere when it is not sealed to one of the user's keys.
    """
    addressed = _addressed(user, incident_id)
    with transaction.atomic(durable=True):
        entry = audit.write(audit.actor_of(user), "evidence_released", f"incident:{incident_id}", now=now)
    kept = AlertRecord.objects.select_related("signer").get(pk=addressed.record_id)
    return ReleasedEvidence(
        incident=incident_id,
        reference=addressed.incident.reference,
        record=kept.record,
        device=addressed.incident.device_id,
        key_id=addressed.key_id,
        header=bytes(kept.header),
        heading=bytes(kept.heading),
        evidence=bytes(kept.evidence),
        signature=bytes(kept.signature),
        signer_public_key=bytes(kept.signer.public_key),
        audit_seq=entry.seq,
    )


def add_note(user: User, incident_id: UUID, note_id: UUID, envelope: bytes, *, now: datetime | None = None) -> Note:
    """Keep a sealed note; the same note again is the same note.

    Raises NotAllowed, NotThere (see `release`), WrongState when the envelope is not one, is sealed to nobody who has
    the incident, or its id is taken.
    """
    addressed = _addressed(user, incident_id)
    with transaction.atomic():
        return _note(user, addressed.incident, note_id, envelope, "note_added", now or datetime.now(UTC))


def close(user: User, incident_id: UUID, note_id: UUID, envelope: bytes, *, now: datetime | None = None) -> Incident:
    """Close an incident with a sealed note that holds the outcome; also takes note of what is new since closing.

    Raises as `add_note`, and WrongState when it is closed and nothing new came.
    """
    _addressed(user, incident_id)
    at = now or datetime.now(UTC)
    with transaction.atomic():
        incident = Incident.objects.select_for_update().get(pk=incident_id)
        if incident.state == Incident.State.CLOSED and not incident.new_since_closing:
            raise WrongState("this incident is already closed")
        _note(user, incident, note_id, envelope, "incident_closed", at)
        incident.state = Incident.State.CLOSED
        incident.closed_at, incident.closed_by, incident.new_since_closing = at, user, False
        incident.save(update_fields=["state", "closed_at", "closed_by", "new_since_closing"])
    return incident


def notes(user: User, incident_id: UUID) -> list[Note]:
    """Return an incident's sealed notes, oldest first; raises NotAllowed and NotThere like `release`."""
    _addressed(user, incident_id)
    return list(Note.objects.filter(incident_id=incident_id).select_related("author").order_by("at", "id"))


def recipients(user: User, incident_id: UUID) -> list[str]:
    """Return the key ids that an incident is sealed to: whom its notes should be sealed to."""
    _addressed(user, incident_id)
    rows = IncidentRecipient.objects.filter(incident_id=incident_id).order_by("key_id")
    return list(rows.values_list("key_id", flat=True))


def _create(header: AlertHeader, signer: Device, now: datetime) -> Incident:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    return Incident.objects.create(
        id=header.alert,
        reference=_new_reference(now.year),
        device=signer,
        signer=signer,
        group=header.group,
        urgent=header.urgent,
        started=header.started,
        ended=header.ended,
        received_at=now,
        updated_at=now,
        revision=header.revision,
        sample=signer.sample,
    )


def _new_reference(year: int) -> str:
    """Return a reference that is free. Drawn, not counted: a gap would tell a lead that a case is kept from them."""
    for digits in (*[_REFERENCE_DIGITS] * 50, *range(_REFERENCE_DIGITS + 1, 12)):
        reference = f"FW-{year}-{secrets.randbelow(10**digits):0{digits}}"
        if not Incident.objects.filter(reference=reference).exists():
            return reference
    raise WrongState("no reference is free")


def _update(incident: Incident, header: AlertHeader, now: datetime) -> None:
    incident.revision, incident.updated_at = header.revision, now
    incident.ended = max(incident.ended, header.ended)
    # Once urgent, always urgent: no later record may let a case sink in the queue.
    incident.urgent = incident.urgent or header.urgent
    incident.new_since_closing = incident.state == Incident.State.CLOSED
    incident.save(update_fields=["revision", "updated_at", "ended", "urgent", "new_since_closing"])


def _address(incident: Incident, kept: AlertRecord, sealed_to: tuple[str, ...]) -> None:
    there = {row.key_id: row for row in incident.recipients.select_related("record").defer("record__evidence")}
    for key_id in sealed_to:
        row = there.get(key_id)
        if row is None:
            IncidentRecipient.objects.create(incident=incident, key_id=key_id, record=kept)
        elif kept.revision > row.record.revision:
            row.record = kept
            row.save(update_fields=["record"])


def _note(user: User, incident: Incident, note_id: UUID, envelope: bytes, action: str, at: datetime) -> Note:
    try:
        sealed_to = set(layout(envelope).key_ids)
    except OpenError as fault:
        raise WrongState(f"the note is not a sealed envelope: {fault}") from None
    if not IncidentRecipient.objects.filter(incident=incident, key_id__in=sealed_to).exists():
        raise WrongState("the note is sealed to nobody who has this incident")
    closing = action == "incident_closed"
    there = Note.objects.filter(pk=note_id).first()
    if there is not None:
        same = (there.incident_id, there.author_id, bytes(there.envelope)) == (incident.pk, user.pk, envelope)
        if not same:
            raise WrongState("another note has this id")
        return there
    audit.write(audit.actor_of(user), action, f"incident:{incident.pk}", now=at)
    return Note.objects.create(id=note_id, incident=incident, author=user, at=at, closing=closing, envelope=envelope)


def _may_open(user: User) -> None:
    if not (user.is_active and user.opens_evidence):
        raise NotAllowed("only the safeguarding lead and deputies work with incidents")


def _keys(user: User) -> list[str]:
    return list(LeadKey.objects.filter(user=user, active=True).values_list("key_id", flat=True))


def _addressed(user: User, incident_id: UUID) -> IncidentRecipient:
    _may_open(user)
    rows = IncidentRecipient.objects.filter(incident_id=incident_id, key_id__in=_keys(user))
    row = rows.select_related("incident").order_by("-record__revision").first()
    if row is None:
        raise NotThere("there is no such incident")
    return row


def _rank(row: QueueRow) -> tuple[bool, bool, datetime, str]:
    done = row.state == Incident.State.CLOSED and not row.new_since_closing
    return done, not row.urgent, row.started, row.reference


def _queue_row(row: IncidentRecipient) -> QueueRow:
    incident, kept = row.incident, row.record
    return QueueRow(
        id=incident.pk,
        reference=incident.reference,
        urgent=incident.urgent,
        started=incident.started,
        ended=incident.ended,
        received_at=incident.received_at,
        updated_at=incident.updated_at,
        state=incident.state,
        new_since_closing=incident.new_since_closing,
        group=incident.group,
        device=incident.device_id,
        device_name=incident.device.name,
        record=kept.record,
        revision=kept.revision,
        notes=row.notes,  # type: ignore[attr-defined]  # annotated in `queue`
        sample=incident.sample,
        key_id=row.key_id,
        header=bytes(kept.header),
        heading=bytes(kept.heading),
        evidence_sha256=bytes(kept.evidence_sha256),
        signature=bytes(kept.signature),
        signer_public_key=bytes(kept.signer.public_key),
    )
