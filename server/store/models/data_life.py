"""What was deleted, by kind, number, rule and date, and which cases are kept from it. Nothing says what or whose."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy

from server.store.models.incidents import Incident
from server.store.models.people import User


class Deletion(models.Model):
    """One kind of record deleted in one run: those whose period, of so many days, was over before `before`."""

    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=16)
    days = models.PositiveIntegerField()
    before = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        """One row a run and kind, which counts up while the run goes on."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["at", "kind"], name="deletion_once")]


class CaseHold(models.Model):
    """That a case is kept though its period may be over, from when to when, by whom, and for which of a few reasons.

    The reason is one of fixed words: what it is about belongs in a sealed note.
    """

    class Reason(models.TextChoices):
        """Why; in words that say nothing of a person."""

        CLAIM = "claim", gettext_lazy("a legal claim")
        AUTHORITY = "authority", gettext_lazy("police, court or another authority asked")
        ENQUIRY = "enquiry", gettext_lazy("a safeguarding enquiry goes on")
        COMPLAINT = "complaint", gettext_lazy("a complaint or appeal")
        REQUEST = "request", gettext_lazy("somebody asked for their data, or to restrict its use")

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="holds")
    reason = models.CharField(max_length=12, choices=Reason.choices)
    review_on = models.DateField()
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        """A case has one hold at a time."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["incident"], condition=models.Q(lifted_at__isnull=True), name="one_hold_a_case"
            )
        ]
