"""What the collector keeps of a case. Nothing here says a category, a name or a person: those are sealed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import models, transaction

from server.store.models.devices import Device
from server.store.models.people import LeadKey, User

_PLACED_BY = frozenset(
    ("state", "urgent", "new_since_closing", "received_at", "updated_at", "closed_at", "reopened_at", "merged_into")
)
"""What a queue is ordered by follows from these fields of an incident."""


class IncidentRows(models.QuerySet["Incident"]):
    """Incidents in numbers."""

    def update(self, **fields: Any) -> int:
        """Change fields of many; refuses those that move a case in the queue: only saving each moves its places too."""
        placed = sorted(_PLACED_BY & fields.keys())
        if placed:
            raise NotImplementedError(f"save each incident instead: {', '.join(placed)} moves it in the queue")
        return super().update(**fields)


class Incident(models.Model):
    """What the collector may know of a case: which device, how urgent, when, who can open it, and who has it.

    `device` and `signer` are empty for a concern that a lead recorded by hand (`recorded_by`). On the day `back_on` a
    closed case returns to the queue by itself; whether to watch or because something was accepted until then is sealed.
    `lost`: some of it was seen while the device was reported lost.
    Saving one moves its places in the queues of its recipients (`IncidentRecipient`) along, in the same transaction.
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
    lost = models.BooleanField(default=False)

    objects = models.Manager.from_queryset(IncidentRows)()

    @property
    def waiting(self) -> bool:
        """Whether somebody still has to look: it is open, or something new came since it was closed."""
        return self.state == Incident.State.OPEN or self.new_since_closing

    @property
    def since(self) -> datetime:
        """Since when it waits; of one that waits no more, when it was closed."""
        if self.new_since_closing:
            return self.updated_at
        if not self.waiting and self.closed_at is not None:
            return self.closed_at
        return self.reopened_at or self.received_at

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep it, and move it in every queue that has it."""
        made = self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if not made:
                self.recipients.update(**self.place())

    def place(self) -> dict[str, Any]:
        """Return what of it a queue is ordered by, and that it changed just now."""
        return {
            "waiting": self.waiting,
            "urgent": self.urgent,
            "since": self.since,
            "part_of": self.merged_into_id,
            # By the wall clock, not by the clock passed in: it is only compared with itself, by pages that look on.
            "changed_at": datetime.now(UTC),
        }


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
    """That an incident is sealed to a key, or was re-wrapped for it, its newest such record, and its place in a queue.

    `handed_over` when a lead gave this one case to the key's holder by name, whatever groups they are for.

    `waiting`, `urgent`, `since` and `part_of` (the case it was merged into) are the incident's own, kept here so that
    a page of the queue is one range of one index however many cases are closed; `Incident.save` and `save` keep them
    right.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="recipients")
    key_id = models.CharField(max_length=32)
    record = models.ForeignKey(AlertRecord, on_delete=models.CASCADE)
    handed_over = models.BooleanField(default=False)
    waiting = models.BooleanField()
    urgent = models.BooleanField()
    since = models.DateTimeField()
    part_of = models.UUIDField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        """One row a key and incident; one order for what waits, one for what is closed, one for what just changed."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["incident", "key_id"], name="recipient_once")]
        indexes: ClassVar = [
            models.Index(
                fields=["key_id", "-urgent", "since", "id"], name="queue_waiting", condition=models.Q(waiting=True)
            ),
            models.Index(fields=["key_id", "-since", "-id"], name="queue_closed", condition=models.Q(waiting=False)),
            models.Index(fields=["key_id", "changed_at"], name="queue_changed"),
            models.Index(fields=["part_of"], name="queue_parts", condition=models.Q(part_of__isnull=False)),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep it, in its incident's place."""
        for field, value in self.incident.place().items():
            setattr(self, field, value)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], *self.incident.place()}
        super().save(*args, **kwargs)


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
