"""What is still taken of a device that was retired or set up anew: what it made before that, for thirty days.

A last day's alert may wait on a laptop that was handed in switched off, and must not be lost over it. Nothing of later
is taken, so the identity is over at once. When something was made is the device's own word: whoever holds the key of a
closed identity can date back, and could have said as much the day before. Who was stolen is refused at once instead.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import (
    Acknowledgement,
    Alert,
    Loss,
    UsageTotals,
    decode_acknowledgement,
    decode_header,
)
from server.devices import check_status
from server.store.models import Device

TAKEN_FOR: Final = timedelta(days=30)
"""A month: who comes back from leave switches a laptop on once more."""


def check_open(device: Device, now: datetime) -> datetime | None:
    """Return None where all that a device sends is taken, or when it was closed where only what is older is.

    Raises Refused `revoked_device`, `quarantined_device`.
    """
    closed, until = device.closed_at, device.late_until
    if device.status == Device.Status.REVOKED and closed is not None and until is not None and now <= until:
        return closed
    check_status(device.status)
    return None


def check(body: Any, closed_at: datetime) -> None:
    """Raise Refused `revoked_device` for what was made after the device was closed; of totals days are left out later.

    How the device is, and what it counts on trial, is no longer asked for.
    """
    if isinstance(body, UsageTotals):
        return
    if isinstance(body, Alert):
        at = decode_header(body.header).started
    elif isinstance(body, Acknowledgement):
        at = decode_acknowledgement(body.statement).at
    elif isinstance(body, Loss):
        at = body.since
    else:
        raise Refused(Code.REVOKED_DEVICE)
    if at > closed_at:
        raise Refused(Code.REVOKED_DEVICE)
