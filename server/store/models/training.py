"""Who did which training when, as it was imported."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class TrainingRecord(models.Model):
    """A course that somebody did on a day; `key` and `course_key` are account and course folded.

    No tie to `Person`: the dates may be imported before the people, and whose an account is is found when it is asked.
    """

    key = models.CharField(max_length=200)
    account = models.CharField(max_length=200)
    course_key = models.CharField(max_length=200)
    course = models.CharField(max_length=200)
    done_on = models.DateField()
    due_on = models.DateField(null=True)

    class Meta:
        """One row for each person, course and day."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "course_key", "done_on"], name="training_record_once")
        ]

    def __str__(self) -> str:
        return f"training {self.pk}"
