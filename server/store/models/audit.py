"""The audit log, line by line, and apart from it the personal words behind a line."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


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

    class Meta:
        """A million lines are searched by who, what and about what, and a remembered hash is found."""

        indexes: ClassVar = [
            models.Index(fields=["actor", "seq"], name="audit_actor"),
            models.Index(fields=["action", "seq"], name="audit_action"),
            models.Index(fields=["subject", "seq"], name="audit_subject"),
            models.Index(fields=["hash"], name="audit_hash"),
            models.Index(fields=["at"], name="audit_at"),
        ]


class AuditDetail(models.Model):
    """The salt and text behind an entry's `detail_hash`, apart, so that it can be erased and the chain still holds."""

    entry = models.OneToOneField(AuditEntry, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False)
    salt = models.CharField(max_length=32)
    text = models.TextField()


class AuditCheck(models.Model):
    """How far the chain was checked, and what the line there hashed to (a single row): a page checks only what is new.

    It saves time and proves nothing: who can alter the log can alter this row. Each night everything is checked anew.
    """

    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)
    whole_at = models.DateTimeField(null=True, blank=True)
    broken = models.BigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True, default="")
