"""Take a device's records: decode each strictly, store it once, and give each its receipt, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction
from django.db.utils import DatabaseError

from protocol.codes import Code
from protocol.errors import OpenError, Refused
from protocol.limits import ENVELOPE_SIZES_BYTES
from protocol.messages import (
    Acknowledgement,
    AcknowledgementStatement,
    Alert,
    AlertHeader,
    Batch,
    Heartbeat,
    Loss,
    Parcel,
    PhonesReport,
    Receipt,
    Receipts,
    TrialHeader,
    TrialReport,
    TripHeader,
    TripReport,
    UsageTotals,
    decode_acknowledgement,
    decode_body,
    decode_header,
    decode_trial_header,
    decode_trip_header,
)
from protocol.sealing import Layout, layout
from protocol.signing import verify_acknowledgement, verify_alert, verify_trial, verify_trip
from server import (
    acknowledgements,
    audit,
    coverage,
    device_signs,
    devices,
    incidents,
    late,
    log,
    lost,
    phones,
    policy_in_force,
    trials,
    trips,
    usage,
)
from server.errors import NotAllowed
from server.recipients import known_key_ids
from server.store.models import Device, LossReport, Quarantined

HEALTH_MAX_BYTES = 64 * 1024
"""A heartbeat with fifty sources and two hundred packs is about 20 KiB; larger ones would be a store."""

_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass
class _Taking:
    """One batch on its way in: the device as it is in this transaction, and what was seen of it before."""

    device_id: UUID
    number: int
    group: str
    is_lost: bool
    closed_at: datetime | None
    now: datetime
    by_counter: dict[int, UUID]
    seen: set[UUID]
    fresh: list[Parcel] = field(default_factory=list)
    forked: bool = False

    @cached_property
    def device(self) -> Device:
        """The device as a model; totals, which are most of what comes, never need it."""
        return Device.objects.get(pk=self.device_id)


def take(batch: Batch, device_id: UUID, now: datetime) -> Receipts:
    """Store a batch whose request was signed by that device and return one receipt a record, in order.

    Raises Refused when the device may not send (`unknown_device`, `revoked_device`, `quarantined_device`) or the batch
    speaks for another (`wrong_device`). A record that meets a fault of ours is answered `retry` and the others are
    stored: one record must never hold up a device's alerts.
    """
    if batch.device != device_id:
        raise Refused(Code.WRONG_DEVICE)
    try:
        return Receipts(_store(batch.records, device_id, now), now)
    except (Refused, DatabaseError):
        raise
    except Exception as fault:  # noqa: BLE001 - whatever it is, each record gets its own chance below
        log.failure("batch_failed", fault)  # no device: the place of a fault may tell that it had sent an alert
    return Receipts(tuple(_store_alone(parcel, device_id, now) for parcel in batch.records), now)


def _store_alone(parcel: Parcel, device_id: UUID, now: datetime) -> Receipt:
    try:
        return _store((parcel,), device_id, now)[0]
    except Refused as refused:
        return _receipt(parcel, "retry", refused)
    except Exception as fault:  # noqa: BLE001 - kept at the device, reported here
        log.failure("record_failed", fault)
        return _receipt(parcel, "retry", Refused(Code.BUSY))


def _store(parcels: tuple[Parcel, ...], device_id: UUID, now: datetime) -> tuple[Receipt, ...]:
    with transaction.atomic():
        number, group, is_lost, closed_at = _lock(device_id, now)
        by_counter, seen = _seen(device_id, parcels)
        taking = _Taking(device_id, number, group, is_lost, closed_at, now, by_counter, seen)
        receipts = tuple(_take_one(taking, parcel) for parcel in parcels)
        _mark_seen(taking)
    return receipts


def _take_one(taking: _Taking, parcel: Parcel) -> Receipt:
    if parcel.record in taking.seen:
        return _receipt(parcel, "duplicate")
    other = taking.by_counter.get(parcel.counter)
    if other is not None:
        _put_aside(taking, parcel, other)
        return _receipt(parcel, "retry", Refused(Code.FORKED_COUNTER))
    if taking.forked:
        return _receipt(parcel, "retry", Refused(Code.QUARANTINED_DEVICE))
    try:
        body = decode_body(parcel)
        if taking.closed_at is not None:
            late.check(body, taking.closed_at)
        _KEEP[type(body)](taking, parcel, body)
    except Refused as refused:
        return _receipt(parcel, "retry" if refused.retry else "refused", refused)
    taking.seen.add(parcel.record)
    taking.by_counter[parcel.counter] = parcel.record
    taking.fresh.append(parcel)
    return _receipt(parcel, "stored")


def _receipt(parcel: Parcel, result: Any, refused: Refused | None = None) -> Receipt:
    if refused is None:
        return Receipt(parcel.record, result)
    return Receipt(parcel.record, result, refused.code.value, refused.detail)


# --- what each kind needs ----------------------------------------------------------------------------------------


def _keep_totals(taking: _Taking, parcel: Parcel, totals: UsageTotals) -> None:  # noqa: ARG001
    rows = totals.rows
    if totals.device == taking.device_id:
        number, group = taking.number, taking.group
        if taking.is_lost:
            rows = lost.without_meanwhile(taking.device, rows)
    else:
        phone = phones.spoken_for(taking.device, totals.device)
        number, group, rows = phone.number, phone.group, lost.without_meanwhile(phone, rows)
    if not _is_known_group(group, totals.group):
        raise Refused(Code.WRONG_DEVICE)
    if taking.closed_at is not None:
        rows = lost.until_day_of(taking.closed_at, rows)
    if rows:
        usage.add(number, rows)


def _keep_alert(taking: _Taking, parcel: Parcel, alert: Alert) -> None:
    device = taking.device
    verify_alert(device.verifying_key, alert.signature, alert.header, alert.heading, alert.evidence)
    header = decode_header(alert.header)
    _is_of(taking, parcel, header)
    subject = device if header.device == header.signer else phones.spoken_for(device, header.device)
    if not _is_known_group(subject.group, header.group):
        raise Refused(Code.BUSY if _has_newer_policy(header) else Code.WRONG_DEVICE)
    if _sane(header.started) > _sane(header.ended):
        raise Refused(Code.BAD_RECORD, "the alert ends before it starts")
    for envelope in (alert.heading, alert.evidence):
        _layout(envelope, header)
    _is_known(header)
    try:
        incidents.record(alert, header, device, subject, taking.now)
    except NotAllowed:
        raise Refused(Code.WRONG_DEVICE, "the alert id belongs to another device") from None


def _keep_trial(taking: _Taking, parcel: Parcel, report: TrialReport) -> None:
    device = taking.device
    verify_trial(device.verifying_key, report.signature, report.header, report.envelope)
    header = decode_trial_header(report.header)
    _is_of_itself(taking, parcel, header)
    if header.group != taking.group and not phones.counts_for(device, header.group):
        raise Refused(Code.BUSY if _has_newer_policy(header) else Code.WRONG_DEVICE)
    if not _EARLIEST.date() < header.day < _LATEST.date():
        raise Refused(Code.BAD_RECORD, "a day is out of this world")
    if _layout(report.envelope, header).padded_bytes != ENVELOPE_SIZES_BYTES[-1]:
        raise Refused(Code.BAD_ENVELOPE, "a trial report of the smaller size would tell that little was met")
    _is_known(header)
    trials.record(report, header, device, taking.now)


def _keep_trip(taking: _Taking, parcel: Parcel, report: TripReport) -> None:
    device = taking.device
    verify_trip(device.verifying_key, report.signature, report.header, report.envelope)
    header = decode_trip_header(report.header)
    _is_of_itself(taking, parcel, header)
    if header.group != taking.group:
        raise Refused(Code.WRONG_DEVICE)
    _sane(header.seen)
    if _layout(report.envelope, header).padded_bytes != ENVELOPE_SIZES_BYTES[0]:
        raise Refused(Code.BAD_ENVELOPE, "a test needs no more than the smaller size")
    _is_known(header)
    trips.record(report, header, device, taking.now)


def _keep_heartbeat(taking: _Taking, parcel: Parcel, heartbeat: Heartbeat) -> None:
    _speaks_for(taking, heartbeat.device)
    if heartbeat.group != taking.group:
        raise Refused(Code.WRONG_DEVICE)
    _sane(heartbeat.at)
    if len(parcel.body) > HEALTH_MAX_BYTES:
        raise Refused(Code.BAD_RECORD, "the heartbeat is too large")
    texts = (heartbeat.agent_version, heartbeat.platform, *(source.reason for source in heartbeat.sources))
    if any("\0" in text for text in texts):
        raise Refused(Code.BAD_RECORD, "a text holds a NUL")
    heartbeat = _in_plain_words(heartbeat)
    taking.device.last_seen = taking.now
    if device_signs.is_newest(taking.device, parcel.counter):
        _keep_health(taking, parcel.counter, heartbeat)
    else:
        coverage.reported_at([taking.device_id], taking.now)
    taking.device.save(update_fields=["last_seen", "platform", "health"])


def _in_plain_words(heartbeat: Heartbeat) -> Heartbeat:
    return msgspec.structs.replace(
        heartbeat,
        agent_version=devices.plain(heartbeat.agent_version),
        platform=devices.plain(heartbeat.platform),
        sources=tuple(
            msgspec.structs.replace(source, reason=devices.plain(source.reason)) for source in heartbeat.sources
        ),
    )


def _keep_health(taking: _Taking, counter: int, heartbeat: Heartbeat) -> None:
    device_signs.heard(taking.device, heartbeat, taking.now)
    taking.device.platform = heartbeat.platform or taking.device.platform
    taking.device.health = {**msgspec.to_builtins(heartbeat), device_signs.COUNTER: counter}
    coverage.heard(taking.device, heartbeat, taking.now)


def _keep_loss(taking: _Taking, parcel: Parcel, loss: Loss) -> None:
    _speaks_for(taking, loss.device)
    LossReport.objects.create(
        device=taking.device,
        record=parcel.record,
        since=_sane(loss.since),
        until=_sane(loss.until),
        totals=loss.totals,
        alerts=loss.alerts,
        reason=loss.reason,
        received_at=taking.now,
    )


def _keep_acknowledgement(taking: _Taking, parcel: Parcel, given: Acknowledgement) -> None:
    device = taking.device
    verify_acknowledgement(device.verifying_key, given.signature, given.statement)
    said = decode_acknowledgement(given.statement)
    _is_of_itself(taking, parcel, said)
    acknowledgements.record(given, said, device, _sane(said.at), taking.now)


def _keep_phones(taking: _Taking, parcel: Parcel, report: PhonesReport) -> None:  # noqa: ARG001
    _speaks_for(taking, report.device)
    phones.report(taking.device, report, _sane(report.at), taking.now)


_KEEP: dict[type, Callable[[_Taking, Parcel, Any], None]] = {
    UsageTotals: _keep_totals,
    Alert: _keep_alert,
    Heartbeat: _keep_heartbeat,
    Loss: _keep_loss,
    TrialReport: _keep_trial,
    TripReport: _keep_trip,
    Acknowledgement: _keep_acknowledgement,
    PhonesReport: _keep_phones,
}


def _is_of(
    taking: _Taking, parcel: Parcel, header: AlertHeader | TrialHeader | TripHeader | AcknowledgementStatement
) -> None:
    if (header.record, header.counter) != (parcel.record, parcel.counter):
        raise Refused(Code.BAD_RECORD, "the signed header is of another record or counter")
    _speaks_for(taking, header.signer)


def _is_of_itself(taking: _Taking, parcel: Parcel, header: TrialHeader | TripHeader | AcknowledgementStatement) -> None:
    _is_of(taking, parcel, header)
    if header.device != header.signer:  # only flags and totals are of a phone
        raise Refused(Code.WRONG_DEVICE)


def _layout(envelope: bytes, header: AlertHeader | TrialHeader | TripHeader) -> Layout:
    try:
        found = layout(envelope)
    except OpenError as fault:
        raise Refused(Code.BAD_ENVELOPE, str(fault)) from None
    if found.key_ids != header.sealed_to:
        raise Refused(Code.BAD_ENVELOPE, "an envelope is sealed to other keys, or in another order, than it says")
    return found


def _is_known(header: AlertHeader | TrialHeader | TripHeader) -> None:
    if known_key_ids().isdisjoint(header.sealed_to):
        raise Refused(Code.UNKNOWN_RECIPIENT)


def _speaks_for(taking: _Taking, device: UUID) -> None:
    if device != taking.device_id:
        raise Refused(Code.WRONG_DEVICE)


def _is_known_group(own: str, group: str) -> bool:
    """Whether a record may be of that group: the device's own, or one that the policy gives account patterns.

    The collector does not know whose record it is, so a hostile device can choose among these, and no others.
    """
    return group == own or group in policy_in_force.pattern_groups()


def _has_newer_policy(header: AlertHeader | TrialHeader) -> bool:
    """Whether a device has a newer policy than is here, as after a restored backup: what it says waits for that."""
    return 0 < policy_in_force.version() < header.policy_version


def _sane(at: datetime) -> datetime:
    # Years 1 and 9999 overflow as soon as a time zone is applied.
    if not _EARLIEST < at < _LATEST:
        raise Refused(Code.BAD_RECORD, "a time is out of this world")
    return at.astimezone(UTC)


# --- what was seen before ----------------------------------------------------------------------------------------


def _lock(device_id: UUID, now: datetime) -> tuple[int, str, bool, datetime | None]:
    # The row's lock puts two requests of one device behind each other (SQLite has one writer anyway).
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT number, "group", status, lost_since FROM store_device WHERE id = %s{lock}',  # noqa: S608 - a constant
            [device_id.hex],
        )
        row = cursor.fetchone()
    if row is None:
        raise Refused(Code.UNKNOWN_DEVICE)
    number, group, status, lost_since = row
    # Only what may not send asks for the whole row, so that all others cost one statement.
    closed_at = late.check_open(Device.objects.get(pk=device_id), now) if status != Device.Status.ACTIVE else None
    return number, group, lost_since is not None, closed_at


def _seen(device_id: UUID, parcels: tuple[Parcel, ...]) -> tuple[dict[int, UUID], set[UUID]]:
    marks = ",".join(["%s"] * len(parcels))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT counter, record FROM store_seenrecord WHERE device_id = %s AND counter IN ({marks}) "  # noqa: S608
            f"UNION SELECT counter, record FROM store_seenrecord WHERE device_id = %s AND record IN ({marks})",
            [
                device_id.hex,
                *(parcel.counter for parcel in parcels),
                device_id.hex,
                *(parcel.record.hex for parcel in parcels),
            ],
        )
        rows = [(counter, _uuid(record)) for counter, record in cursor.fetchall()]
    return dict(rows), {record for _, record in rows}


def _mark_seen(taking: _Taking) -> None:
    if not taking.fresh:
        return
    at = connection.ops.adapt_datetimefield_value(taking.now)
    device = taking.device_id.hex
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO store_seenrecord (device_id, counter, record, received_at) VALUES (%s, %s, %s, %s)",
            [(device, parcel.counter, parcel.record.hex, at) for parcel in taking.fresh],
        )


def _put_aside(taking: _Taking, parcel: Parcel, other: UUID) -> None:
    Quarantined.objects.get_or_create(
        device=taking.device,
        record=parcel.record,
        defaults={
            "counter": parcel.counter,
            "other": other,
            "kind": parcel.kind,
            "body": bytes(parcel.body),
            "received_at": taking.now,
        },
    )
    if not taking.forked:
        taking.forked = True
        taking.device.status = Device.Status.QUARANTINED
        taking.device.save(update_fields=["status"])
        log.event("device_quarantined", device=taking.device.pk)
        audit.write(f"device:{taking.device.pk}", "device_held", f"device:{taking.device.pk}", now=taking.now)


def _uuid(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(hex=value)
