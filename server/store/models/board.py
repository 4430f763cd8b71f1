"""What people record for the yearly review: who is responsible, dates, open decisions, and what the board decided."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.store.models.people import User


class BoardRecord(models.Model):
    """One thing that was recorded; it is never changed. A newer one of its kind takes its place, if only one can hold.

    `over_at` is when one did, when a point was decided, or when a decision was recorded: the period of keeping begins.
    `on` is the day of the assessment or meeting, or the one on which the next review is due; `until` the last month of
    the review that the board had before it, `people` who was there, and `about` the point that was decided.
    """

    class Kind(models.TextChoices):
        """What it is."""

        SENIOR_LEADER = "senior_leader", "senior leader"
        GOVERNOR = "governor", "governor or board member"
        ASSESSMENT = "assessment", "data protection impact assessment"
        NEXT_REVIEW = "next_review", "next review"
        POINT = "point", "open decision"
        SETTLED = "settled", "what was decided of a point"
        DECISION = "decision", "decision of the board"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    text = models.TextField(blank=True, default="")
    on = models.DateField(null=True)
    people = models.TextField(blank=True, default="")
    until = models.CharField(max_length=7, blank=True, default="")
    about = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="settled")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    over_at = models.DateTimeField(null=True)

    class Meta:
        """A point is decided once."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["about"], name="board_point_settled_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
