"""What lets somebody read a case that was not sealed to them from the beginning."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.store.models.incidents import Incident
from server.store.models.people import User


class Rewrap(models.Model):
    """One envelope's content key for one more reader, sealed and signed by who let them in (`protocol/rewraps.py`).

    `record` is that of the alert or the id of the note; `by` is empty where the recovery key signed it.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="rewraps")
    purpose = models.CharField(max_length=16)
    record = models.UUIDField()
    key_id = models.CharField(max_length=32)
    envelope_sha256 = models.BinaryField(max_length=32)
    recipient = models.BinaryField(max_length=64)
    wrap = models.BinaryField(max_length=80)
    signer = models.BinaryField(max_length=64)
    signature = models.BinaryField(max_length=64)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        """One a reader and envelope; the queue asks for a reader's headings."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["incident", "purpose", "record", "key_id"], name="rewrap_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["key_id", "purpose", "incident"], name="rewraps_of_a_reader")]
