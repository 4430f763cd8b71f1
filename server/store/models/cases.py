"""What happened to a case, who is looking at it, and the card that says what to do at once. Never what it is about."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.store.models.incidents import Incident
from server.store.models.people import User


class CaseEvent(models.Model):
    """One thing that was done to a case, in clear: when, by whom, and to whom or which other case.

    `by` is empty where the collector did it itself, on a date that a lead had set.
    """

    class What(models.TextChoices):
        """What was done; the words are those of the case's timeline."""

        RECORDED = "recorded", "recorded the concern"
        OPENED = "opened", "opened the evidence for the first time"
        ACKNOWLEDGED = "acknowledged", "acknowledged the case"
        ASSIGNED = "assigned", "gave the case to"
        LET_GO = "let_go", "let go of the case"
        CLOSED = "closed", "closed the case"
        REOPENED = "reopened", "reopened the case"
        CAME_BACK = "came_back", "the case came back on the day that was set"
        MERGED = "merged", "made the case a part of"
        TOOK_IN = "took_in", "took in"
        TAKEN_APART = "taken_apart", "took the case apart from"
        GAVE_BACK = "gave_back", "gave back"
        SHARED = "shared", "handed the case to one more reader"
        HELD = "held", "put the case on hold"
        HOLD_LIFTED = "hold_lifted", "lifted the hold"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    what = models.CharField(max_length=12)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    to = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    other = models.ForeignKey(Incident, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        """A case's timeline, in order."""

        indexes: ClassVar = [models.Index(fields=["incident", "at"], name="case_timeline")]


class CaseLook(models.Model):
    """That somebody has a case's page in front of them. Rows are minutes old at most."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="looks")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        """One row a person and case."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["incident", "user"], name="case_look_once")]


class UrgentCard(models.Model):
    """One version of the organisation's own "what to do now"; the newest counts, the older ones stay."""

    text = models.TextField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
