"""The months' summaries as they were made, what a lead handed in for one, and what the newest version rests on."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.store.models.people import User


class MonthlySummary(models.Model):
    """One version of a month's summary: a document that is never changed (server/summary_document.py).

    `mailed_at` is when it was put into the outbox for the people named; most later versions are not.
    """

    month = models.CharField(max_length=7)
    revision = models.PositiveIntegerField()
    made_at = models.DateTimeField()
    document = models.TextField()
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A version is made once."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["month", "revision"], name="summary_version_once")]


class MonthBasis(models.Model):
    """What the figures of a month's newest version rest on, by person. Deleted with the month's personal rows."""

    month = models.CharField(max_length=7, primary_key=True)
    basis = models.BinaryField()


class MonthSealedTotals(models.Model):
    """What a lead's browser counted of a month's sealed cases, as the lead signed it; the newest of a month counts.

    `text` has the exact bytes (`protocol/month_totals.py`), `signer` the lead's public key (64 bytes).
    """

    id = models.UUIDField(primary_key=True)
    month = models.CharField(max_length=7, db_index=True)
    text = models.BinaryField()
    signer = models.BinaryField(max_length=64)
    signature = models.BinaryField(max_length=64)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
