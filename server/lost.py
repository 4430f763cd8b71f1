"""Devices that are lost: what is seen on them from then on is kept apart from what their person did.

A lost device goes on reporting, since a young person may have it. Its cases say so, and no use of it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext

from protocol.messages import UsageRow
from server import audit
from server.errors import NotThere, WrongState
from server.phones import actor, may_manage
from server.store.models import Device, Organisation, User


def report(user: User | None, device_id: UUID, now: datetime) -> None:
    """Note that a laptop or phone is lost; raises NotAllowed, NotThere, WrongState."""
    _change(user, device_id, now, lost=True)


def found(user: User | None, device_id: UUID, now: datetime) -> None:
    """Note that it was found; cases of meanwhile stay as they are. Raises as `report`."""
    _change(user, device_id, now, lost=False)


def _change(user: User | None, device_id: UUID, now: datetime, *, lost: bool) -> None:
    may_manage(user)
    with transaction.atomic():
        device = Device.objects.select_for_update().filter(pk=device_id).first()
        if device is None:
            raise NotThere(gettext("there is no such device"))
        if device.status == Device.Status.REVOKED:
            raise WrongState(gettext("this device was withdrawn"))
        if lost == (device.lost_since is not None):
            raise WrongState(gettext("it is lost already") if lost else gettext("it was not lost"))
        device.lost_since = now if lost else None
        device.save(update_fields=["lost_since"])
        audit.write(actor(user), "device_lost" if lost else "device_found", f"device:{device_id}", now=now)


def without_meanwhile(device: Device, rows: Sequence[UsageRow]) -> tuple[UsageRow, ...]:
    """Return the rows of days before the one after which the device was lost: totals know days, and no hours."""
    return tuple(rows) if device.lost_since is None else until_day_of(device.lost_since, rows)


def until_day_of(at: datetime, rows: Sequence[UsageRow]) -> tuple[UsageRow, ...]:
    """Return the rows of days up to that of a moment, as the organisation's time zone has it."""
    zone = Organisation.objects.values_list("timezone", flat=True).first() or "UTC"
    last = at.astimezone(ZoneInfo(zone)).date()
    return tuple(row for row in rows if row.day <= last)
