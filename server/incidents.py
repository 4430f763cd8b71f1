"""Record alerts as incidents, and say for whom each exists: nobody else sees it or is handed its evidence."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from protocol.messages import Alert, AlertHeader
from server import audit, leadkeys, notify, only_recovery, timeline
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AlertRecord, Device, Incident, IncidentRecipient, LeadKey, User

_LOCK = 0x46574952  # PostgreSQL's advisory lock for giving out references
_REFERENCE_DIGITS = 5


@dataclass(frozen=True)
class ReleasedEvidence:
    """The sealed evidence of one incident, handed out after its line in the audit log was committed.

    A device signed it, or, where a concern was recorded by hand, a lead: one of the two public keys is there. `newer`
    when a later report of the case is there that is not open to the user.
    """

    incident: UUID
    reference: str
    record: UUID
    device: UUID | None
    key_id: str
    header: bytes
    heading: bytes
    evidence: bytes
    signature: bytes
    signer_public_key: bytes | None
    lead_public_key: bytes | None
    newer: bool
    audit_seq: int


def record(alert: Alert, header: AlertHeader, signer: Device, subject: Device, now: datetime) -> Incident:
    """Keep a checked alert: a new incident, or an update of one. Call inside the transaction that marks it seen.

    `subject` is the device that it is about: the signer itself, or a phone that a gateway speaks for.

    Raises NotAllowed when the alert id is another device's incident. An update never reopens a closed incident: it is
    kept and shown as new since closing (a late record must not undo a person's decision).
    """
    incident = Incident.objects.select_for_update().filter(pk=header.alert).first()
    if incident is None:
        incident = _create(header, signer, subject, now)
    elif (incident.signer_id, incident.device_id, incident.group) != (header.signer, header.device, header.group):
        raise NotAllowed(gettext("the alert id belongs to another device's incident"))
    elif header.revision > incident.revision:
        _update(incident, header, subject, now)
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
    notify.incident_recorded(incident, now)
    only_recovery.recorded(incident, now)
    return incident


def release(user: User, incident_id: UUID, *, now: datetime | None = None) -> ReleasedEvidence:
    """Return the sealed evidence of one incident, once its line in the audit log is committed.

    Raises NotAllowed for a role that opens no evidence, NotThere when it is not sealed to one of the user's keys.
    """
    mine = addressed(user, incident_id)
    at = now or datetime.now(UTC)
    with transaction.atomic(durable=True):
        entry = audit.write(audit.actor_of(user), "evidence_released", f"incident:{incident_id}", now=at)
        notify.evidence_released(mine.incident, user, at)
        timeline.opened(mine.incident, user, at)
    kept = AlertRecord.objects.select_related("signer", "lead_key").get(pk=mine.record_id)
    return ReleasedEvidence(
        incident=incident_id,
        reference=mine.incident.reference,
        record=kept.record,
        device=mine.incident.device_id,
        key_id=mine.key_id,
        header=bytes(kept.header),
        heading=bytes(kept.heading),
        evidence=bytes(kept.evidence),
        signature=bytes(kept.signature),
        signer_public_key=kept.signer.verifying_key if kept.signer is not None else None,
        lead_public_key=bytes(kept.lead_key.public_key) if kept.lead_key is not None else None,
        newer=mine.incident.revision > kept.revision,
        audit_seq=entry.seq,
    )


def may_open(user: User) -> None:
    """Raise NotAllowed for a role that opens no evidence, and for someone who left."""
    if not (user.is_active and user.opens_evidence):
        raise NotAllowed(gettext("only the safeguarding lead and deputies work with incidents"))


def keys_of(user: User) -> list[str]:
    """Return the ids of the user's keys in use; none once the custodians took all of them off the signed list.

    A lead who left must not fetch older cases, which their key would still open. One whose newer key is on the list
    keeps the older ones too: they are needed to share older cases with the newer key.
    """
    own = list(LeadKey.objects.filter(user=user, active=True).values_list("key_id", flat=True))
    return own if user.is_active and leadkeys.still_listed(own) else []


def visible(user: User) -> QuerySet[IncidentRecipient]:
    """What is sealed to a key of theirs, of the groups that they are for: a mistake in one of the two shows nothing.

    A case that a lead handed to them by name is theirs whatever its group.
    Whatever a lead is shown, counted or told of begins here.
    """
    rows = IncidentRecipient.objects.filter(key_id__in=keys_of(user))
    return rows.filter(Q(incident__group__in=user.groups) | Q(handed_over=True)) if user.groups else rows


def addressed(user: User, incident_id: UUID) -> IncidentRecipient:
    """Return what makes an incident exist for the user: the row of one of their keys, its newest record.

    Raises NotAllowed for a role that opens no evidence, NotThere when it is not sealed to one of the user's keys.
    """
    may_open(user)
    rows = visible(user).filter(incident_id=incident_id)
    row = rows.select_related("incident").order_by("-record__revision").first()
    if row is None:
        raise NotThere(gettext("there is no such incident"))
    return row


def create_case(case_id: UUID, group: str, *, urgent: bool, started: datetime, by: User, now: datetime) -> Incident:
    """Keep a new case that no device sent; call inside the transaction that keeps its record."""
    return Incident.objects.create(
        id=case_id,
        reference=new_reference(now),
        group=group,
        urgent=urgent,
        started=started,
        ended=started,
        received_at=now,
        updated_at=now,
        revision=0,
        recorded_by=by,
    )


def new_reference(now: datetime) -> str:
    """Return a case's number that is free, and stays so till the end of the caller's transaction."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    return _new_reference(now.year)


def _create(header: AlertHeader, signer: Device, subject: Device, now: datetime) -> Incident:
    return Incident.objects.create(
        id=header.alert,
        reference=new_reference(now),
        device=subject,
        signer=signer,
        group=header.group,
        urgent=header.urgent,
        started=header.started,
        ended=header.ended,
        received_at=now,
        updated_at=now,
        revision=header.revision,
        sample=subject.sample,
        lost=subject.was_lost(header.ended),
    )


def _new_reference(year: int) -> str:
    """Return a reference that is free. Drawn, not counted: a gap would tell a lead that a case is kept from them."""
    for digits in (*[_REFERENCE_DIGITS] * 50, *range(_REFERENCE_DIGITS + 1, 12)):
        reference = f"FW-{year}-{secrets.randbelow(10**digits):0{digits}}"
        if not Incident.objects.filter(reference=reference).exists():
            return reference
    raise WrongState(gettext("no reference is free"))


def _update(incident: Incident, header: AlertHeader, subject: Device, now: datetime) -> None:
    incident.revision, incident.updated_at = header.revision, now
    incident.ended = max(incident.ended, header.ended)
    # Once urgent, always urgent: no later record may let a case sink in the queue.
    incident.urgent = incident.urgent or header.urgent
    incident.lost = incident.lost or subject.was_lost(header.ended)
    incident.new_since_closing = incident.state == Incident.State.CLOSED
    if incident.new_since_closing:
        # Whoever took note of it did so before it was closed; of what is new nobody has.
        incident.acknowledged_at = incident.acknowledged_by = None
    incident.save(
        update_fields=[
            "revision", "updated_at", "ended", "urgent", "lost", "new_since_closing", "acknowledged_at",
            "acknowledged_by",
        ]
    )  # fmt: skip
    surface(incident, now)


def surface(incident: Incident, now: datetime) -> None:
    """Make what is new in a part show at the case that it is a part of, however deep it lies."""
    part = incident
    while part.merged_into_id is not None:
        whole = Incident.objects.select_for_update(of=("self",)).get(pk=part.merged_into_id)
        whole.updated_at, whole.urgent = now, whole.urgent or part.urgent
        whole.new_since_closing = whole.state == Incident.State.CLOSED
        whole.save(update_fields=["updated_at", "urgent", "new_since_closing"])
        part = whole


def _address(incident: Incident, kept: AlertRecord, sealed_to: tuple[str, ...]) -> None:
    there = {row.key_id: row for row in incident.recipients.select_related("record").defer("record__evidence")}
    for key_id in sealed_to:
        row = there.get(key_id)
        if row is None:
            IncidentRecipient.objects.create(incident=incident, key_id=key_id, record=kept)
        elif kept.revision > row.record.revision:
            row.record = kept
            row.save(update_fields=["record"])
