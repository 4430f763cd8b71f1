"""One-time links by which a phone gets its files, without IT's screen or mail ever holding its id.

The id is made when the link is used: until then nobody knows one, and there is nothing that could be stolen. Looking
at a link uses nothing up, since programs that show previews open every link; only the person's own press does.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext

from server import audit, phones
from server.errors import NotThere, WrongState
from server.store.models import Device, Phone, User

VALID: Final = timedelta(hours=24)
"""A phone is handed over within a day; a link that lies about for longer is made anew."""

PLATFORMS: Final = ("ios", "macos", "android")
"""What a person sets up at the device itself; the others are set by policy."""

_SECRET_BYTES: Final = 24


def make(user: User | None, device_id: UUID, now: datetime) -> str:
    """Make a phone's link, in place of an older one, and return it; it is kept nowhere.

    Raises NotAllowed, NotThere, WrongState in a sentence.
    """
    phones.may_manage(user)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with transaction.atomic():
        phone = phones.active(device_id)
        if phone.device.platform not in PLATFORMS:
            raise WrongState(gettext("this device is set up by policy: take its files here"))
        phone.link_hash, phone.link_until = _hash(secret), now + VALID
        phone.save(update_fields=["link_hash", "link_until"])
        audit.write(phones.actor(user), "phone_link_made", f"device:{device_id}", now=now)
    return settings.CONFIG.url.rstrip("/") + reverse("phone_link", kwargs={"secret": secret})


def whose(secret: str, now: datetime) -> Device:
    """Return whose link this is, changing nothing; raises NotThere when it is unknown, used, replaced or old."""
    found = _live(secret, now).select_related("device").first()
    if found is None:
        raise NotThere(gettext("this link is no longer good"))
    return found.device


def use(secret: str, now: datetime) -> tuple[Device, str]:
    """Use a link up, and return the phone with its new id; of two that try at once one gets NotThere."""
    with transaction.atomic():
        found = _live(secret, now).select_for_update().first()
        if found is None:
            raise NotThere(gettext("this link is no longer good"))
        ident = phones.draw_id(found, link_hash=None, link_until=None)
        audit.write("link", "phone_link_used", f"device:{found.device_id}", now=now)
        return found.device, ident


def _live(secret: str, now: datetime) -> QuerySet[Phone]:
    rows = Phone.objects.filter(link_hash=_hash(secret), link_until__gt=now)
    return rows.filter(device__status=Device.Status.ACTIVE)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
