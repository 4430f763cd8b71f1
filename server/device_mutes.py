"""IT says that a laptop needs no look until a day: one in a cupboard is silent, and nobody need ask why.

What is noticed of it after that is shown all the same, and an identity that two devices use always.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from server import audit
from server.devices import to_change
from server.errors import WrongState
from server.phones import actor
from server.store.models import Device, User
from server.working_hours import organisation_zone

LONGEST: Final = timedelta(days=366)
"""A year: what nobody looked at for so long is retired."""


def mute(user: User | None, device_id: UUID, until: date, now: datetime) -> None:
    """Leave a laptop out of those that need a look until a day. Raises NotAllowed, NotThere, WrongState."""
    if not first_day(now) <= until <= last_day(now):
        raise WrongState(gettext("choose a day after today, within a year"))
    with transaction.atomic():
        device = to_change(user, device_id)
        if device.status == Device.Status.REVOKED:
            raise WrongState(gettext("this device was withdrawn"))
        _keep(user, device, "device_muted", now, at=now, until=until)


def end(user: User | None, device_id: UUID, now: datetime) -> None:
    """Look at a laptop again. Raises as `mute`."""
    with transaction.atomic():
        device = to_change(user, device_id)
        if device.muted_until is None:
            raise WrongState(gettext("it was not muted"))
        _keep(user, device, "device_mute_ended", now, at=None, until=None)


def first_day(now: datetime) -> date:
    """Return the first day until which a laptop may be muted: tomorrow."""
    return now.astimezone(organisation_zone()).date() + timedelta(days=1)


def last_day(now: datetime) -> date:
    """Return the last day until which a laptop may be muted."""
    return now.astimezone(organisation_zone()).date() + LONGEST


def _keep(
    user: User | None, device: Device, action: str, now: datetime, *, at: datetime | None, until: date | None
) -> None:
    device.muted_at, device.muted_until = at, until
    device.save(update_fields=["muted_at", "muted_until"])
    audit.write(actor(user), action, f"device:{device.pk}", now=now)
