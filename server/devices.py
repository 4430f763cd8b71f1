"""Enrol devices, keep their health, and list it for IT without anything of any incident."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from protocol import tokens
from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import EnrolmentToken as Token
from protocol.messages import EnrolReply, EnrolRequest
from server import audit
from server.errors import NotAllowed, NotThere
from server.store.models import Device, EnrolmentToken, Organisation, Role, User


@dataclass(frozen=True)
class SourceRow:
    """One source of a device, as it last said."""

    name: str
    state: str
    reason: str


@dataclass(frozen=True)
class DeviceRow:
    """What IT sees of a device. There is no field for anything of an incident, and no count of records."""

    id: UUID
    name: str
    group: str
    platform: str
    status: str
    status_text: str
    enrolled_at: datetime
    last_seen: datetime | None
    agent_version: str
    spool: str
    notice_shown: bool | None
    recipients_version: int | None
    policy_version: int | None
    clock_offset_seconds: int | None
    sources: tuple[SourceRow, ...]
    reported_losses: bool
    sample: bool
    lost_since: datetime | None = None
    notices: tuple[str, ...] = ()
    handed_on_at: datetime | None = None
    closed_at: datetime | None = None
    late_until: datetime | None = None
    successor: UUID | None = None
    muted_until: date | None = None


def register_token(data: bytes, it_keys: Sequence[bytes], now: datetime) -> tokens.Registration:
    """Let the collector know a token that IT made; again is harmless. Raises Refused (`token_...`)."""
    registration = tokens.verify_registration(data, it_keys, now)
    with transaction.atomic():
        _, fresh = EnrolmentToken.objects.get_or_create(
            id=registration.token,
            defaults={
                "secret_hash": registration.secret_hash,
                "signature": registration.signature,
                "group": registration.group,
                "expires": registration.expires,
                "uses": registration.uses,
                "registered_at": now,
            },
        )
        if fresh:
            audit.write("command", "token_registered", f"token:{registration.token}", now=now)
    return registration


def enrol(request: EnrolRequest, it_keys: Sequence[bytes], now: datetime) -> EnrolReply:
    """Return the device's identity: a new one for a good token, or the same again for a key that is known.

    The caller has checked that the request is signed with the key it brings. Raises Refused.
    """
    for text in (request.name, request.platform):
        if "\0" in text:
            raise Refused(Code.MALFORMED, "a text holds a NUL")
    with transaction.atomic():
        # One enrolment at a time, so that device numbers are given out once.
        Organisation.objects.select_for_update().first()
        known = Device.objects.filter(public_key=request.public_key).first()
        if known is not None:
            # The reply was lost: the key is proof enough, and the token may be used up by this very device.
            check_status(known.status)
            return EnrolReply(known.pk, known.group, now)
        token = tokens.verify(request.token, it_keys, now)
        _use(token)
        ident = uuid4()
        device = Device(
            id=ident,
            # A link without a word is one that nobody can follow.
            name=plain(request.name).strip() or str(ident)[:8],
            group=token.group,
            public_key=request.public_key,
            platform=plain(request.platform),
            enrolled_at=now,
        )
        device.save(force_insert=True)
        audit.write(f"device:{device.pk}", "device_enrolled", f"token:{token.token}", now=now)
    return EnrolReply(device.pk, device.group, now)


def plain(text: str) -> str:
    """Return a device's own words without what could move or hide words on IT's page or in IT's terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def check_status(status: str) -> None:
    """Raise Refused `revoked_device` or `quarantined_device` unless the device is active."""
    if status == Device.Status.REVOKED:
        raise Refused(Code.REVOKED_DEVICE)
    if status == Device.Status.QUARANTINED:
        raise Refused(Code.QUARANTINED_DEVICE)


def listing(user: User | None) -> list[DeviceRow]:
    """Return every laptop once, with its health, by name: former identities stand on its page. Raises NotAllowed.

    For IT.
    """
    may_manage(user)
    own = Device.objects.filter(public_key__isnull=False, successor=None)
    lossy = set(Device.objects.filter(losses__isnull=False).values_list("pk", flat=True))
    return [_row(device, device.pk in lossy) for device in own.order_by("name", "number")]


def to_change(user: User | None, device_id: UUID) -> Device:
    """Return a device that reports by itself, held until the transaction ends. For IT; raises NotAllowed, NotThere."""
    may_manage(user)
    found = Device.objects.select_for_update().filter(pk=device_id, public_key__isnull=False).first()
    if found is None:
        raise NotThere(gettext("there is no such device"))
    return found


def one(user: User | None, device_id: UUID) -> DeviceRow:
    """Return one device that reports by itself. For IT; raises NotAllowed, NotThere."""
    may_manage(user)
    found = Device.objects.filter(pk=device_id, public_key__isnull=False).first()
    if found is None:
        raise NotThere(gettext("there is no such device"))
    return _row(found, found.losses.exists())


def may_manage(user: User | None) -> None:
    """Raise NotAllowed for whoever is not of IT; `None` is the command on the collector's own console."""
    if user is not None and not (user.is_active and user.role == Role.IT):
        raise NotAllowed(gettext("only IT administrators work with devices"))


def _use(token: Token) -> None:
    kept = EnrolmentToken.objects.filter(pk=token.token).first()
    if kept is None or not hmac.compare_digest(kept.secret_hash, tokens.secret_hash(token.secret)):
        raise Refused(Code.TOKEN_UNKNOWN)
    if (kept.group, kept.expires, kept.uses) != (token.group, token.expires, token.uses):
        raise Refused(Code.TOKEN_UNKNOWN, "the token was registered with another group, expiry or number of uses")
    # Counted by the database in one statement, so that two devices can't share the last use.
    if not EnrolmentToken.objects.filter(pk=kept.pk, used__lt=F("uses")).update(used=F("used") + 1):
        raise Refused(Code.TOKEN_USED_UP)


def _row(device: Device, lossy: bool) -> DeviceRow:
    health = device.health or {}
    return DeviceRow(
        id=device.pk,
        name=device.name,
        group=device.group,
        platform=device.platform,
        status=device.status,
        status_text=Device.Status(device.status).label,
        enrolled_at=device.enrolled_at,
        last_seen=device.last_seen,
        agent_version=health.get("agent_version", ""),
        spool=health.get("spool", ""),
        notice_shown=health.get("notice_shown"),
        recipients_version=health.get("recipients_version"),
        policy_version=health.get("policy_version"),
        clock_offset_seconds=health.get("clock_offset_seconds"),
        sources=tuple(SourceRow(one["name"], one["state"], one["reason"]) for one in health.get("sources", ())),
        reported_losses=lossy,
        sample=device.sample,
        lost_since=device.lost_since,
        notices=tuple(health.get("notices", ())),
        handed_on_at=device.handed_on_at,
        closed_at=device.closed_at,
        late_until=device.late_until,
        successor=device.successor_id,
        muted_until=device.muted_until,
    )
