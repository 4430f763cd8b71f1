"""A lead's key as a passkey of one of their devices wraps it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.store.models.people import LeadKey


class UnlockPasskey(models.Model):
    """A passkey that opens a lead's key on one device. Its secret is never here; `salt` is what it is asked with.

    It signs nobody in: sign-in passkeys are allauth's.
    """

    lead_key = models.ForeignKey(LeadKey, on_delete=models.CASCADE, related_name="passkeys")
    credential = models.BinaryField(max_length=1023)
    label = models.CharField(max_length=200)
    salt = models.BinaryField(max_length=32)
    wrapped = models.JSONField()
    made_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        """A passkey wraps a key once."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["lead_key", "credential"], name="passkey_once")]

    def __str__(self) -> str:
        return f"passkey {self.pk}"
