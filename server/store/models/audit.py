"""The audit log, line by line, and apart from it the personal words behind a line."""

from __future__ import annotations

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


class AuditDetail(models.Model):
    """The salt and text behind an entry's `detail_hash`, apart, so that it can be erased and the chain still holds."""

    entry = models.OneToOneField(AuditEntry, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False)
    salt = models.CharField(max_length=32)
    text = models.TextField()
