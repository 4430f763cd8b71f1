"""Who acknowledged which version of which document."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.store.models.devices import Device
from server.store.models.people import User


class AcknowledgementRecord(models.Model):
    """That somebody said to have read a version of a document; `key` is their account folded.

    From a device with the statement as it signed it, or in the portal by who was signed in. No page shows the device.
    """

    key = models.CharField(max_length=200)
    account = models.CharField(max_length=200)
    document = models.CharField(max_length=64)
    version = models.CharField(max_length=200)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    device = models.ForeignKey(Device, on_delete=models.SET_NULL, null=True, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    statement = models.BinaryField(default=bytes)
    signature = models.BinaryField(max_length=64, default=bytes)

    class Meta:
        """Once for each person, document and version."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "document", "version"], name="acknowledged_once")
        ]

    def __str__(self) -> str:
        return f"acknowledgement {self.pk}"
