"""The partner organisations and what they confirmed."""

from __future__ import annotations

from django.db import models


class Partner(models.Model):
    """One partner organisation; `key` is its name folded. Each date is when that was last signed or confirmed."""

    name = models.CharField(max_length=200)
    key = models.CharField(max_length=200, unique=True)
    lead = models.CharField(max_length=200, blank=True, default="")
    contact = models.CharField(max_length=200, blank=True, default="")
    agreement_on = models.DateField(null=True)
    policy_on = models.DateField(null=True)
    training_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    changed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"partner {self.pk}"
