"""What was seen and what could not be: the days on which each device reported, and the gaps of its sources."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.store.models.devices import Device


class DeviceDay(models.Model):
    """That a device reported on a day (a number like 20261122, in the organisation's time zone)."""

    pk = models.CompositePrimaryKey("device", "day")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, db_index=False)
    day = models.IntegerField()


class SourceGap(models.Model):
    """A stretch in which a source of a device could not see what it should; still open where `until` is empty."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="gaps")
    source = models.CharField(max_length=64)
    state = models.CharField(max_length=8)
    reason = models.CharField(max_length=200)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A source of a device has one open gap at most."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device", "source"], condition=models.Q(until__isnull=True), name="one_open_gap"
            )
        ]
