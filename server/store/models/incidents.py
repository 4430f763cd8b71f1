"""What the collector keeps of a case. Nothing here says a category, a name or a person: those are sealed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.store.models.devices import Device
from server.store.models.people import LeadKey, User


class Incident(models.Model):
    """What the collector may know of a case: which device, how urgent, when, who can open it, and who has it.

    `device` and `signer` are empty for a concern that a lead recorded by hand (`recorded_by`). On the day `back_on` a
    closed case returns to the queue by itself; whether to watch or because something was accepted until then is sealed.
    """

    class State(models.TextChoices):
        """Whether somebody still has to look."""

        OPEN = "open", "open"
        CLOSED = "closed", "closed"

    id = models.UUIDField(primary_key=True)
    reference = models.CharField(max_length=20, unique=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, blank=True, related_name="incidents")
    signer = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, blank=True, related_name="signed_incidents")
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="concerns")
    group = models.CharField(max_length=64)
    urgent = models.BooleanField()
    started = models.DateTimeField()
    ended = models.DateTimeField()
    received_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    revision = models.BigIntegerField()
    state = models.CharField(max_length=6, choices=State.choices, default=State.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    new_since_closing = models.BooleanField(default=False)
    first_opened_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="acknowledged_incidents"
    )
    assigned_to = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    assigned_at = models.DateTimeField(null=True, blank=True)
    back_on = models.DateField(null=True, blank=True, db_index=True)
    reopened_at = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="merged")
    sample = models.BooleanField(default=False)

    class Meta:
        """The queue asks for what is open, urgent first."""

        indexes: ClassVar = [models.Index(fields=["state", "-urgent", "started"], name="incident_queue")]


class AlertRecord(models.Model):
    """One alert or update as it came: exact header bytes, both envelopes, the device's signature.

    A concern recorded by hand is signed with a lead's key (`lead_key`) and not by a device. `evidence_sha256` lets a
    heading's signature be checked without loading the evidence.
    """

    record = models.UUIDField()
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="records")
    signer = models.ForeignKey(Device, on_delete=models.PROTECT, null=True, related_name="alert_records")
    lead_key = models.ForeignKey(LeadKey, on_delete=models.PROTECT, null=True, related_name="concern_records")
    revision = models.BigIntegerField()
    header = models.BinaryField()
    heading = models.BinaryField()
    evidence = models.BinaryField()
    evidence_sha256 = models.BinaryField(max_length=32)
    signature = models.BinaryField()
    received_at = models.DateTimeField()

    class Meta:
        """A record of a device is kept once, and every record has one signer."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["signer", "record"], name="alert_record_once"),
            models.CheckConstraint(
                condition=models.Q(signer__isnull=True) ^ models.Q(lead_key__isnull=True),
                name="alert_record_one_signer",
            ),
        ]


class IncidentRecipient(models.Model):
    """That an incident is sealed to a key, or was re-wrapped for it, and the newest of its records that is.

    `handed_over` when a lead gave this one case to the key's holder by name, whatever groups they are for.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="recipients")
    key_id = models.CharField(max_length=32, db_index=True)
    record = models.ForeignKey(AlertRecord, on_delete=models.CASCADE)
    handed_over = models.BooleanField(default=False)

    class Meta:
        """One row a key and incident."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["incident", "key_id"], name="recipient_once")]


class Note(models.Model):
    """A lead's note on an incident, sealed and signed in the browser; the collector can neither read nor make one.

    `signer` is the author's public key (64 bytes).
    """

    id = models.UUIDField(primary_key=True)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField()
    closing = models.BooleanField(default=False)
    envelope = models.BinaryField()
    signer = models.BinaryField(max_length=64)
    signature = models.BinaryField(max_length=64)


class TrialReport(models.Model):
    """A device's day with lists on trial, as it came. What was met, if anything, is sealed; each is of one size.

    `sealed_to` holds the key ids of its readers with spaces between.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="trial_reports")
    record = models.UUIDField()
    day = models.DateField()
    sealed_to = models.TextField()
    header = models.BinaryField()
    envelope = models.BinaryField()
    signature = models.BinaryField()
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        """A record of a device is kept once."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "record"], name="trial_report_once")]
