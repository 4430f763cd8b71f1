"""What the collector keeps. Nothing here says a category, a name or a person of an incident: those are sealed."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, cast

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    """What somebody may do here; each page and each domain function names the roles it is for."""

    LEAD = "lead", "safeguarding lead"
    DEPUTY = "deputy", "deputy safeguarding lead"
    IT = "it", "IT administrator"
    MANAGER = "manager", "manager"
    DPO = "dpo", "data protection officer"


class Organisation(models.Model):
    """The one organisation of this collector (a single row)."""

    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="Europe/London")
    pilot = models.BooleanField(default=True)
    sample = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """Somebody who signs in. `first_name` and `last_name` of Django are not used: `display_name` is."""

    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MANAGER)
    display_name = models.CharField(max_length=200, blank=True)

    @property
    def opens_evidence(self) -> bool:
        """Whether this role may hold a lead key."""
        return self.role in {Role.LEAD, Role.DEPUTY}

    def get_full_name(self) -> str:
        """Return the name to show."""
        return self.display_name or self.username


class LeadKey(models.Model):
    """A lead's public key, and the private one wrapped in the browser by a passphrase the collector never sees."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="lead_keys")
    key_id = models.CharField(max_length=32, unique=True)
    public_key = models.BinaryField(max_length=32)
    wrapped = models.JSONField()
    created_at = models.DateTimeField()
    active = models.BooleanField(default=True)


class Device(models.Model):
    """An enrolled device. `number` stands for it in the usage table, where 16 bytes a row would be too many."""

    class Status(models.TextChoices):
        """Whether the device's requests are taken."""

        ACTIVE = "active", "active"
        REVOKED = "revoked", "withdrawn by IT"
        QUARANTINED = "quarantined", "held: two devices use this identity"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    number = models.PositiveIntegerField(unique=True, editable=False)
    name = models.CharField(max_length=200)
    group = models.CharField(max_length=64)
    public_key = models.BinaryField(max_length=32, unique=True)
    platform = models.CharField(max_length=200)
    enrolled_at = models.DateTimeField()
    last_seen = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.ACTIVE)
    health = models.JSONField(null=True, blank=True)
    sample = models.BooleanField(default=False)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Give a new device the next number; the unique column refuses a race, which the caller's retry solves."""
        if cast("int | None", self.number) is None:
            self.number = (Device.objects.aggregate(last=models.Max("number"))["last"] or 0) + 1
        super().save(*args, **kwargs)


class EnrolmentToken(models.Model):
    """A token that IT registered. Only the hash of its secret is here: a stolen database enrols nothing."""

    id = models.UUIDField(primary_key=True)
    secret_hash = models.CharField(max_length=64)
    signature = models.BinaryField(max_length=64)
    group = models.CharField(max_length=64)
    expires = models.DateTimeField()
    uses = models.PositiveIntegerField()
    used = models.PositiveIntegerField(default=0)
    registered_at = models.DateTimeField()


class SeenRecord(models.Model):
    """A record that was stored: what makes a repeat harmless and a cloned device visible."""

    pk = models.CompositePrimaryKey("device", "counter")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, db_index=False)
    counter = models.BigIntegerField()
    record = models.UUIDField()
    received_at = models.DateTimeField()

    class Meta:
        """One record of a device is stored once, whatever its counter."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "record"], name="seen_once")]


class Quarantined(models.Model):
    """A record put aside because its counter was taken: evidence that two devices use one identity."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    counter = models.BigIntegerField()
    record = models.UUIDField()
    other = models.UUIDField()
    kind = models.CharField(max_length=64)
    body = models.BinaryField()
    received_at = models.DateTimeField()

    class Meta:
        """A record is put aside once."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "record"], name="quarantined_once")]


class Incident(models.Model):
    """What the collector may know of a case: which device, how urgent, when, and who can open it."""

    class State(models.TextChoices):
        """Whether somebody still has to look."""

        OPEN = "open", "open"
        CLOSED = "closed", "closed"

    id = models.UUIDField(primary_key=True)
    reference = models.CharField(max_length=20, unique=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="incidents")
    signer = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="signed_incidents")
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
    sample = models.BooleanField(default=False)

    class Meta:
        """The queue asks for what is open, urgent first."""

        indexes: ClassVar = [models.Index(fields=["state", "-urgent", "started"], name="incident_queue")]


class AlertRecord(models.Model):
    """One alert or update as it came: exact header bytes, both envelopes, the device's signature.

    `evidence_sha256` lets a heading's signature be checked without loading the evidence.
    """

    record = models.UUIDField()
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="records")
    signer = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="alert_records")
    revision = models.BigIntegerField()
    header = models.BinaryField()
    heading = models.BinaryField()
    evidence = models.BinaryField()
    evidence_sha256 = models.BinaryField(max_length=32)
    signature = models.BinaryField()
    received_at = models.DateTimeField()

    class Meta:
        """A record of a device is kept once."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["signer", "record"], name="alert_record_once")]


class IncidentRecipient(models.Model):
    """That an incident is sealed to a key, and the newest of its records that is."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="recipients")
    key_id = models.CharField(max_length=32, db_index=True)
    record = models.ForeignKey(AlertRecord, on_delete=models.CASCADE)

    class Meta:
        """One row a key and incident."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["incident", "key_id"], name="recipient_once")]


class Note(models.Model):
    """A lead's note on an incident, sealed in the browser; the collector can't read it."""

    id = models.UUIDField(primary_key=True)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField()
    closing = models.BooleanField(default=False)
    envelope = models.BinaryField()


class LossReport(models.Model):
    """A device's admission that it had to drop records."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="losses")
    record = models.UUIDField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    totals = models.BigIntegerField()
    alerts = models.BigIntegerField()
    reason = models.CharField(max_length=32)
    received_at = models.DateTimeField()


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


class AuditEntry(models.Model):
    """One line of the audit log. Triggers refuse changes; each line's hash covers the one before it."""

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=64)
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=128)
    detail_hash = models.CharField(max_length=64)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)


class AuditDetail(models.Model):
    """The salt and text behind an entry's `detail_hash`, apart, so that it can be erased and the chain still holds."""

    entry = models.OneToOneField(AuditEntry, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False)
    salt = models.CharField(max_length=32)
    text = models.TextField()


class PersonMonth(models.Model):
    """The id that stands for an account in one month's totals. Serves only counting and subject access."""

    month = models.CharField(max_length=7)
    account = models.CharField(max_length=200)
    person = models.UUIDField(unique=True, default=uuid.uuid4)

    class Meta:
        """One id an account and month, on all of the account's devices."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["month", "account"], name="person_month_once")]


class UsageKey(models.Model):
    """What a total is about: kind, category and, if it is nameable, the name (else empty)."""

    kind = models.CharField(max_length=4)
    category = models.CharField(max_length=64)
    name = models.CharField(max_length=253, blank=True, default="")

    class Meta:
        """Each is there once."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "category", "name"], name="usage_key_once")]


class Usage(models.Model):
    """Seconds and visits of one person, device, day and key. Its table is made in SQL (WITHOUT ROWID on SQLite).

    `person` is PersonMonth.id, `device` Device.number, `key` UsageKey.id, `day` a number like 20261122.
    """

    pk = models.CompositePrimaryKey("person", "device", "day", "key")
    person = models.BigIntegerField()
    device = models.IntegerField()
    day = models.IntegerField()
    key = models.BigIntegerField()
    seconds = models.BigIntegerField()
    visits = models.BigIntegerField()

    class Meta:
        """The migration makes the table."""

        managed = False
        db_table = "store_usage"


class Job(models.Model):
    """A claim on one run of one timed job: whoever makes the row runs it, until the lease ends."""

    job = models.CharField(max_length=64)
    period = models.CharField(max_length=32)
    claimed_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One claim a job and period."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "period"], name="job_claimed_once")]


class ListState(models.Model):
    """One fetched list: when it was asked for, what went wrong, and which of its versions is offered or held back.

    `base`, `offer` and `held` are folders below `files/lists/<id>/`: what a person last accepted, the newest that may
    be signed, and the newest that waits for a release. Its address and licence are in collector.toml.
    """

    list_id = models.CharField(max_length=40, primary_key=True)
    settings = models.CharField(max_length=64, blank=True, default="")
    busy_until = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True, default="")
    etag = models.CharField(max_length=200, blank=True, default="")
    last_modified = models.CharField(max_length=200, blank=True, default="")
    checked_by = models.CharField(max_length=10, blank=True, default="")
    base = models.CharField(max_length=16, blank=True, default="")
    offer = models.CharField(max_length=16, blank=True, default="")
    held = models.CharField(max_length=16, blank=True, default="")
    held_why = models.CharField(max_length=300, blank=True, default="")
    offered = models.JSONField(null=True, blank=True)
    held_back = models.JSONField(null=True, blank=True)

    def __str__(self) -> str:
        return self.list_id
