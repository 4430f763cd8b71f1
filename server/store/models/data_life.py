"""What was deleted: which kind, how many, by which rule and when. Nothing here says what it was or whose."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


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
