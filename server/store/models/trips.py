"""The harmless tests of the whole way, and which device of a group makes them."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models

from server.store.models.devices import Device
from server.store.models.people import User


class TripDevice(models.Model):
    """The device that IT chose for a group's tests; without a row the one heard of last makes them."""

    group = models.CharField(max_length=64, unique=True)
    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    chosen_at = models.DateTimeField()


class Trip(models.Model):
    """One test, from its being asked for to its arrival. It is no incident and stands in no count of any.

    All times but `seen_at` are the collector's own. `seen_at` is the device's word for when the test's host was seen,
    `source` for what saw it. What is sealed in it is kept as it came.
    """

    class By(models.TextChoices):
        """Where the test begins: in the agent, or with a visit by hand in a browser."""

        SERVICE = "service", "the agent by itself"
        VISIT = "visit", "a visit by hand"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    group = models.CharField(max_length=64)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="trips")
    by = models.CharField(max_length=8, choices=By.choices)
    weekly = models.BooleanField()
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    fetched_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(null=True)
    record = models.UUIDField(null=True)
    source = models.CharField(max_length=64, blank=True, default="")
    seen_at = models.DateTimeField(null=True)
    sealed_to = models.TextField(blank=True, default="")
    header = models.BinaryField(default=b"")
    envelope = models.BinaryField(default=b"")
    signature = models.BinaryField(default=b"")

    class Meta:
        """Found by group, newest first; by device while it is under way."""

        indexes: ClassVar = [
            models.Index(fields=["group", "-asked_at"], name="trip_newest"),
            models.Index(
                fields=["device"],
                name="trip_waiting",
                condition=models.Q(received_at__isnull=True, failed_at__isnull=True),
            ),
        ]

    @property
    def began_at(self) -> datetime | None:
        """When the trip began: by the collector's clock where the agent began it, by the device's for a visit."""
        return self.seen_at if self.by == Trip.By.VISIT else self.fetched_at

    @property
    def took(self) -> timedelta | None:
        """How long it took from the beginning to the record here; never below nothing, whatever a clock says."""
        if self.received_at is None or self.began_at is None:
            return None
        return max(self.received_at - self.began_at, timedelta())
