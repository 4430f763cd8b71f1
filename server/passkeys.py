"""Keep what a passkey of a lead's device wraps: the private key again, beside the one that the six words wrap.

The passkey's secret never comes here. Nothing is believed of a passkey: who gets in here and adds one has added
something that opens nothing, since the wrapped key must be the lead's own to be of use in their browser.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from protocol.leadkeys import Wrapped
from protocol.messages import KeyId, Message, ShortText, decode
from server import audit
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import LeadKey, UnlockPasskey, User

PASSKEYS_EACH_MAX = 10
"""A computer, a phone, a security key, and some that were lost; a stolen session must not fill the table."""


class Passkey(Message, frozen=True):
    """One passkey as the browser hands it in: which, for which key, the PRF's input, and both private halves."""

    key_id: KeyId
    credential: Annotated[bytes, msgspec.Meta(min_length=16, max_length=1023)]
    salt: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    opening: Wrapped
    signing: Wrapped
    label: ShortText


class KeptPasskey(Message, frozen=True):
    """One passkey as the unlock form needs it."""

    id: int
    key_id: str
    public_key: bytes
    credential: bytes
    salt: bytes
    opening: Wrapped
    signing: Wrapped


def add(user: User, data: bytes, *, now: datetime | None = None) -> UnlockPasskey:
    """Keep a passkey for one of the user's own keys; the same passkey again replaces what it wraps.

    Raises NotAllowed for other roles, Refused `malformed`, NotThere for a key that is not theirs, WrongState for too
    many.
    """
    if not (user.is_active and user.opens_evidence):
        raise NotAllowed(gettext("only the safeguarding lead and deputies have keys"))
    given = decode(data, Passkey)
    key = LeadKey.objects.filter(user=user, active=True, key_id=given.key_id).first()
    if key is None:
        raise NotThere(gettext("this key is not one of yours"))
    others = UnlockPasskey.objects.filter(lead_key__user=user).exclude(lead_key=key, credential=given.credential)
    if others.count() >= PASSKEYS_EACH_MAX:
        raise WrongState(
            gettext("nobody may have more than %(count)s passkeys; remove one first") % {"count": PASSKEYS_EACH_MAX}
        )
    at = now or datetime.now(UTC)
    wrapped = {"opening": given.opening, "signing": given.signing}
    kept = {
        "label": given.label,
        "salt": given.salt,
        "wrapped": msgspec.json.decode(msgspec.json.encode(wrapped)),
        "made_at": at,
        "last_used_at": None,
    }
    try:
        with transaction.atomic():
            audit.write(audit.actor_of(user), "passkey_added", f"key:{key.key_id}", now=at)
            made, _ = UnlockPasskey.objects.update_or_create(lead_key=key, credential=given.credential, defaults=kept)
            return made
    except IntegrityError:
        raise WrongState(gettext("this passkey was added by another request; look again")) from None


def of(user: User) -> list[UnlockPasskey]:
    """Return a person's passkeys of keys in use, the newest first."""
    rows = UnlockPasskey.objects.filter(lead_key__user=user, lead_key__active=True).select_related("lead_key")
    return list(rows.order_by("-made_at", "-pk"))


def for_unlocking(user: User) -> str:
    """Return the passkeys as a page carries them, in JSON; they open only on their devices."""
    kept = []
    for row in of(user):
        opening, signing = (msgspec.convert(row.wrapped[half], Wrapped) for half in ("opening", "signing"))
        parts = (bytes(row.lead_key.public_key), bytes(row.credential), bytes(row.salt))
        kept.append(KeptPasskey(row.pk, row.lead_key.key_id, *parts, opening, signing))
    return msgspec.json.encode(kept).decode()


def remove(user: User, passkey_id: int, *, now: datetime | None = None) -> None:
    """Forget what a passkey wraps, so that it opens nothing any more; raises NotThere when it is not the user's."""
    with transaction.atomic():
        row = _own(user, passkey_id)
        audit.write(audit.actor_of(user), "passkey_removed", f"key:{row.lead_key.key_id}", now=now)
        row.delete()


def used(user: User, passkey_id: int, now: datetime) -> None:
    """Remember when a passkey was last used, for its owner to see which are stale."""
    row = _own(user, passkey_id)
    row.last_used_at = now
    row.save(update_fields=["last_used_at"])


def _own(user: User, passkey_id: int) -> UnlockPasskey:
    row = UnlockPasskey.objects.filter(pk=passkey_id, lead_key__user=user).select_related("lead_key").first()
    if row is None:
        raise NotThere(gettext("this passkey is not one of yours"))
    return row
