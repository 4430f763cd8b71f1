"""Whom to tell and how, what waits to be told, and which urgent cases nobody has taken yet."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import ClassVar

from django.db import models

from server.store.models.incidents import Incident
from server.store.models.people import User
from server.store.models.summaries import MonthlySummary


class OutboxMessage(models.Model):
    """One thing to tell one person (or one out-of-hours contact), written in the transaction of what it tells of.

    `once_key` makes a repeat of the same news the same row. Of a case only its id is here: the words are made when
    it is sent. `subject` and `body` are for what is about no case. A monthly summary goes to the e-mail address in
    `contact`.
    """

    class Kind(models.TextChoices):
        """What decides when it goes and how long it is tried."""

        URGENT = "urgent", "urgent case"
        ROUTINE = "routine", "routine case"
        DIGEST = "digest", "digest"
        PLAIN = "plain", "plain message"
        SUMMARY = "summary", "monthly summary"

    kind = models.CharField(max_length=7, choices=Kind.choices)
    once_key = models.CharField(max_length=200, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="outbox")
    contact = models.CharField(max_length=100, blank=True, default="")
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, null=True, blank=True, related_name="outbox")
    summary = models.ForeignKey(MonthlySummary, on_delete=models.CASCADE, null=True, blank=True, related_name="outbox")
    step = models.PositiveIntegerField(default=0)
    subject = models.CharField(max_length=200, blank=True, default="")
    body = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    claim = models.CharField(max_length=32, blank=True, default="", db_index=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    delivered_to = models.JSONField(default=list)
    fault = models.CharField(max_length=32, blank=True, default="")
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """What waits is asked for every second, and is little beside what was sent."""

        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                name="outbox_waiting",
                condition=models.Q(sent_at__isnull=True, given_up_at__isnull=True),
            ),
            models.Index(fields=["user", "incident"], name="outbox_of_case"),
        ]


class Escalation(models.Model):
    """An urgent case that rings on until somebody takes it. `round` counts how often it began anew after closing."""

    incident = models.OneToOneField(Incident, primary_key=True, on_delete=models.CASCADE, related_name="escalation")
    round = models.PositiveIntegerField(default=0)
    step = models.PositiveIntegerField(default=0)
    began_at = models.DateTimeField()
    next_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Those that run are asked for every second."""

        indexes: ClassVar = [
            models.Index(fields=["next_at"], name="escalation_due", condition=models.Q(ended_at__isnull=True))
        ]


class NotifySettings(models.Model):
    """How one person wants to be told. Without a row the defaults hold (see `server.responders`)."""

    class Routine(models.TextChoices):
        """When routine cases are told of."""

        SOON = "soon", "Soon after they come in"
        DIGEST = "digest", "Only in my digest"

    class Digest(models.TextChoices):
        """How often what waits is counted."""

        NONE = "none", "Never"
        DAILY = "daily", "Every working day"
        WEEKLY = "weekly", "On the first working day of the week"

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="notify_settings")
    email = models.EmailField(blank=True, default="")
    routine = models.CharField(max_length=6, choices=Routine.choices, default=Routine.SOON)
    hours_only = models.BooleanField(default=True)
    days = models.CharField(max_length=7, default="12345")
    hours_from = models.TimeField(default=datetime.time(8, 30))
    hours_to = models.TimeField(default=datetime.time(17, 0))
    digest = models.CharField(max_length=6, choices=Digest.choices, default=Digest.DAILY)
    digest_at = models.TimeField(default=datetime.time(8, 30))
    digested_on = models.DateField(null=True, blank=True)
    email_fault = models.CharField(max_length=32, blank=True, default="")


class NotifyChannel(models.Model):
    """A further way to reach one person: SMS, push, Teams, Slack or a webhook, as an apprise address.

    The address holds secrets. The collector must read it to send, so it is not encrypted against the collector's
    administrator; pages never show it again.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notify_channels")
    label = models.CharField(max_length=40)
    url = models.TextField()
    urgent_only = models.BooleanField(default=True)
    added_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True, blank=True)
    fault = models.CharField(max_length=32, blank=True, default="")


class Absence(models.Model):
    """Days on which somebody is away, first and last included, in the organisation's time zone."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="absences")
    first_day = models.DateField()
    last_day = models.DateField()
    entered_at = models.DateTimeField()

    @classmethod
    def away(cls, user_ids: Iterable[int], day: datetime.date) -> set[int]:
        """Return which of these people are away on a day."""
        rows = cls.objects.filter(user_id__in=list(user_ids), first_day__lte=day, last_day__gte=day)
        return set(rows.values_list("user_id", flat=True))


class MailCheck(models.Model):
    """How the mail server answered last time it was asked without sending anything (a single row)."""

    checked_at = models.DateTimeField()
    fault = models.CharField(max_length=32, blank=True, default="")
    failing_since = models.DateTimeField(null=True, blank=True)
