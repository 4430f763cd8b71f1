"""What becomes of a laptop: handed on to another person, set up anew, or retired.

Each is IT's to say, with a reason if there is one, and is on the audit log. None of them touches a case or a total that
is there: whose it was, it stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from server import audit, device_signs
from server.devices import may_manage, to_change
from server.errors import WrongState
from server.late import TAKEN_FOR
from server.phones import actor
from server.store.models import Device, User

REASON_MAX_CHARS: Final = 200

HANDED_ON_APART: Final = timedelta(minutes=10)
"""A form sent twice is one hand-on."""


@dataclass(frozen=True)
class Former:
    """A former identity of a laptop: when it was enrolled and closed, and until when its late records are taken."""

    id: UUID
    enrolled_at: datetime
    closed_at: datetime | None
    late_until: datetime | None


def hand_on(user: User | None, device_id: UUID, now: datetime, *, ready: bool, reason: str = "") -> None:
    """Note that a laptop is another person's from now on. Raises NotAllowed, NotThere, WrongState.

    Totals and cases go by account and not by device, so what waits on it counts for whoever made it, as long as the
    next person signs in with an account of their own: `ready` says that IT saw to that.
    """
    with transaction.atomic():
        device = _in_use(user, device_id)
        if not ready:
            raise WrongState(gettext("first see that the next person has an account of their own on it, then say so"))
        if device.lost_since is not None:
            raise WrongState(gettext("it is lost: first say that it was found"))
        if device.handed_on_at is not None and now - device.handed_on_at < HANDED_ON_APART:
            raise WrongState(gettext("it was handed on just now"))
        device.handed_on_at = now
        device.save(update_fields=["handed_on_at"])
        Device.objects.filter(pk__in=[one.id for one in formers(user, device_id)]).update(handed_on_at=now)
        _note(user, "device_handed_on", device, now, reason)


def re_imaged(user: User | None, old_id: UUID, new_id: UUID, now: datetime, *, reason: str = "") -> None:
    """Close an identity whose laptop was set up anew and enrolled as another, and tie the two together.

    What the old one made before is taken for TAKEN_FOR. Raises NotAllowed, NotThere, WrongState.
    """
    with transaction.atomic():
        old, new = to_change(user, old_id), _in_use(user, new_id)
        if old.successor_id is not None:
            raise WrongState(gettext("it is known already under which name it goes on"))
        if Device.objects.filter(successor=new).exists():
            raise WrongState(gettext("the new one is another laptop’s next identity already"))
        if old.pk == new.pk or new.enrolled_at < old.enrolled_at:
            raise WrongState(gettext("the new one must have been enrolled after the old one"))
        old.successor, old.closed_at = new, old.closed_at or now
        if old.status != Device.Status.REVOKED:
            # Of an identity that two devices used nobody knows whose late records are.
            held = old.status == Device.Status.QUARANTINED
            _close(old, now, late_until=None if held else now + TAKEN_FOR)
        old.save(update_fields=["successor", "status", "closed_at", "late_until"])
        _note(user, "device_set_up_anew", old, now, reason)


def retire(user: User | None, device_id: UUID, now: datetime, *, at_once: bool = False, reason: str = "") -> None:
    """Retire a laptop: refused from now on, but for what it made before, which is taken for TAKEN_FOR.

    `at_once` is for one that was stolen: nothing of it is taken any more. Raises NotAllowed, NotThere, WrongState.
    """
    with transaction.atomic():
        device = to_change(user, device_id)
        if device.status == Device.Status.REVOKED and not (at_once and device.late_until is not None):
            raise WrongState(gettext("it is retired already"))
        held = device.status == Device.Status.QUARANTINED
        _close(device, device.closed_at or now, late_until=None if at_once or held else now + TAKEN_FOR)
        device.save(update_fields=["status", "closed_at", "late_until"])
        _note(user, "device_revoked", device, now, reason)


def formers(user: User | None, device_id: UUID) -> list[Former]:
    """Return the former identities of a laptop, newest first. Raises NotAllowed."""
    may_manage(user)
    found: list[Former] = []
    here = device_id
    while (one := Device.objects.filter(successor=here).first()) is not None:
        found.append(Former(one.pk, one.enrolled_at, one.closed_at, one.late_until))
        here = one.pk
    return found


def candidates(user: User | None, device_id: UUID) -> list[tuple[UUID, str, datetime]]:
    """Return what a laptop may be enrolled as since: id, name and when, those of its own name first, newest first."""
    may_manage(user)
    old = Device.objects.get(pk=device_id)
    later = Device.objects.filter(
        public_key__isnull=False, status=Device.Status.ACTIVE, enrolled_at__gte=old.enrolled_at, predecessor=None
    ).exclude(pk=old.pk)
    rows = list(later.order_by("-enrolled_at").values_list("pk", "name", "enrolled_at")[:200])
    return sorted(rows, key=lambda row: row[1] != old.name)


def _in_use(user: User | None, device_id: UUID) -> Device:
    device = to_change(user, device_id)
    if device.status == Device.Status.REVOKED:
        raise WrongState(gettext("this device was withdrawn"))
    if device.status != Device.Status.ACTIVE:
        raise WrongState(gettext("two devices use its identity: retire it, and enrol both anew"))
    return device


def _close(device: Device, at: datetime, *, late_until: datetime | None) -> None:
    device.status, device.closed_at, device.late_until = Device.Status.REVOKED, at, late_until
    device_signs.end(device, at)


def _note(user: User | None, action: str, device: Device, now: datetime, reason: str) -> None:
    said = " ".join(reason.split())
    if len(said) > REASON_MAX_CHARS or not said.isprintable():
        raise WrongState(gettext("write the reason in one line of at most two hundred characters"))
    audit.write(actor(user), action, f"device:{device.pk}", said, now=now)
