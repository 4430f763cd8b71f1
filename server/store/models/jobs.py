"""What timed jobs have claimed, and how each fetched list stands."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Job(models.Model):
    """A claim on one run of one timed job: whoever makes the row runs it, until the lease ends."""

    job = models.CharField(max_length=64)
    period = models.CharField(max_length=32)
    claimed_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One claim a job and period."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "period"], name="job_claimed_once")]


class ListState(models.Model):
    """One fetched list: when it was asked for, what went wrong, and which of its versions is offered or held back.

    `base`, `offer` and `held` are folders below `files/lists/<id>/`: what a person last accepted, the newest that may
    be signed, and the newest that waits for a release. Its address and licence are in collector.toml.
    """

    list_id = models.CharField(max_length=40, primary_key=True)
    settings = models.CharField(max_length=64, blank=True, default="")
    busy_until = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True, default="")
    etag = models.CharField(max_length=200, blank=True, default="")
    last_modified = models.CharField(max_length=200, blank=True, default="")
    checked_by = models.CharField(max_length=10, blank=True, default="")
    base = models.CharField(max_length=16, blank=True, default="")
    offer = models.CharField(max_length=16, blank=True, default="")
    held = models.CharField(max_length=16, blank=True, default="")
    held_why = models.CharField(max_length=300, blank=True, default="")
    offered = models.JSONField(null=True, blank=True)
    held_back = models.JSONField(null=True, blank=True)

    def __str__(self) -> str:
        return self.list_id
