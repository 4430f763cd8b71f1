"""What leads write that is about no single case: mutes, and exceptions they propose. Sealed and signed by them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.store.models.people import User


class LeadDocument(models.Model):
    """One sealed paper; in clear are only its kind, its author, until when it holds, and how it was settled.

    A mute holds until its time is over or somebody ends it; a proposed exception until it is taken up or declined.
    """

    class Kind(models.TextChoices):
        """Its purpose, under which it is sealed and signed."""

        MUTE = "mute", "mute"
        EXCEPTION = "exception", "proposed exception"

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=16)
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    until = models.DateTimeField(null=True)
    envelope = models.BinaryField()
    signer = models.BinaryField(max_length=64)
    signature = models.BinaryField(max_length=64)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    settled_as = models.CharField(max_length=16, blank=True, default="")

    class Meta:
        """The desk asks for what holds of one kind."""

        indexes: ClassVar = [models.Index(fields=["kind", "settled_at", "until"], name="lead_documents_in_force")]
