"""Totals of use: whose month, which device, which day, and what."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class UsageKey(models.Model):
    """What a total is about: kind, category and, if it is nameable, the name (else empty)."""

    kind = models.CharField(max_length=4)
    category = models.CharField(max_length=64)
    name = models.CharField(max_length=253, blank=True, default="")

    class Meta:
        """Each is there once."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "category", "name"], name="usage_key_once")]


class Usage(models.Model):
    """Seconds and visits of one person, device, day and key. Its table is made in SQL (WITHOUT ROWID on SQLite).

    `person` is PersonMonth.id, `device` Device.number, `key` UsageKey.id, `day` a number like 20261122.
    """

    pk = models.CompositePrimaryKey("person", "device", "day", "key")
    person = models.IntegerField()
    device = models.IntegerField()
    day = models.IntegerField()
    key = models.IntegerField()
    seconds = models.IntegerField()
    visits = models.IntegerField()

    class Meta:
        """The migration makes the table."""

        managed = False
        db_table = "store_usage"
