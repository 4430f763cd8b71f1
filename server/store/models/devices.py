"""Which devices there are, how they came, and what was already received of them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar, cast

from django.db import models


class Device(models.Model):
    """An enrolled device, or a phone that a gateway speaks for, which has no key of its own.

    `number` stands for it in the usage table, where 16 bytes a row would be too many. `gateway` is the right to speak
    for phones, which IT gives to a device. From `lost_since` on whoever has it may be a stranger, from `handed_on_at`
    on it is another person. `closed_at` is when it was retired or set up anew: what it made before is taken until
    `late_until`, and `successor` is the identity under which the same laptop goes on. What IT knew of it at `muted_at`
    needs no look before `muted_until`.
    """

    class Status(models.TextChoices):
        """Whether the device's requests are taken."""

        ACTIVE = "active", "active"
        REVOKED = "revoked", "withdrawn by IT"
        QUARANTINED = "quarantined", "held: two devices use this identity"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    number = models.PositiveIntegerField(unique=True, editable=False)
    name = models.CharField(max_length=200)
    group = models.CharField(max_length=64)
    public_key = models.BinaryField(max_length=32, unique=True, null=True)
    platform = models.CharField(max_length=200)
    enrolled_at = models.DateTimeField()
    last_seen = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.ACTIVE)
    health = models.JSONField(null=True, blank=True)
    sample = models.BooleanField(default=False)
    gateway = models.BooleanField(default=False)
    lost_since = models.DateTimeField(null=True, blank=True)
    handed_on_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    late_until = models.DateTimeField(null=True, blank=True)
    successor = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="predecessor"
    )
    muted_at = models.DateTimeField(null=True, blank=True)
    muted_until = models.DateField(null=True, blank=True)

    @property
    def verifying_key(self) -> bytes:
        """Its Ed25519 public key; a phone has none, and signs nothing: no signature holds under an empty key."""
        return bytes(self.public_key or b"")

    def was_lost(self, ended: datetime) -> bool:
        """Whether what was seen until then was seen, at least in part, while it was reported lost."""
        return self.lost_since is not None and ended >= self.lost_since

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Give a new device the next number; the unique column refuses a race, which the caller's retry solves."""
        if cast("int | None", self.number) is None:
            self.number = (Device.objects.aggregate(last=models.Max("number"))["last"] or 0) + 1
        super().save(*args, **kwargs)


class Phone(models.Model):
    """What belongs to a phone alone. Of its id only the SHA-256 is here: a stolen database speaks as no phone.

    `account` is of whoever has it, empty for a shared one. `since` is when its person was given the notice;
    `last_asked` the whole hour in which it last asked any gateway for a name. `link_hash` is of the one-time link by
    which the phone gets its files, good until `link_until`.
    """

    device = models.OneToOneField(Device, on_delete=models.CASCADE, primary_key=True, related_name="phone")
    id_hash = models.BinaryField(max_length=32, unique=True)
    supervised = models.BooleanField()
    account = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField()
    last_asked = models.DateTimeField(null=True, blank=True)
    link_hash = models.CharField(max_length=64, unique=True, null=True, blank=True)
    link_until = models.DateTimeField(null=True, blank=True)


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


class DeviceSign(models.Model):
    """Something that IT should look at, by its own word or by what changed between heartbeats; open without `until`.

    `about` is which source, or which version it was before; empty where there is only one of the kind. `last` is when
    it was noticed last, of what happens in a moment.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="signs")
    kind = models.CharField(max_length=24)
    about = models.CharField(max_length=64, blank=True, default="")
    since = models.DateTimeField()
    last = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One of a kind is open for a device; the page asks for the open ones, newest first."""

        indexes: ClassVar = [
            models.Index(fields=["kind", "-since"], condition=models.Q(until__isnull=True), name="open_signs")
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device", "kind", "about"], condition=models.Q(until__isnull=True), name="one_open_sign"
            )
        ]
