"""Phones behind the gateway: added by IT, known to gateways by the hash of an id, and when each last asked for a name.

A gateway is a device to which IT gave the right to speak for phones: no other device's word about a phone is taken, and
a gateway's word about a laptop is not either. A phone that IT withdrew is asked for by nobody, but what was seen of it
before is still taken: nothing that a gateway holds is lost.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.db import transaction
from django.utils.translation import gettext

from protocol.codes import Code
from protocol.errors import Refused
from protocol.limits import PHONES_MAX
from protocol.messages import PhoneEntry, PhonesAnswer, PhonesQuestion, PhonesReport, encode
from server import audit, coverage, log, phone_habit, phone_place, policy_in_force
from server.errors import NotAllowed, NotThere, PhoneFileRefused, WrongState
from server.store.models import Device, Organisation, Phone, Role, User
from server.trips import group_names

ID_BYTES: Final = 17
"""136 random bits, of which 26 characters of base 32 hold 130: nobody finds a phone's id by trying."""

ID_CHARACTERS: Final = 26

PLATFORMS: Final = {"ios": "iPhone or iPad", "android": "Android", "windows": "Windows", "macos": "Mac",
                    "chromeos": "ChromeOS"}  # fmt: skip

GATEWAY_SILENT_AFTER: Final = timedelta(minutes=45)
"""Three heartbeats."""

REFUSED_FOR: Final = ("unknown", "too_many", "malformed")
"""Why a gateway refuses a question: an id that nobody has, more than a phone may ask, or no question at all."""

AHEAD_MOST: Final = timedelta(hours=1)
"""How far ahead of our clock a gateway may say that a phone asked: its hour may just have begun."""


@dataclass(frozen=True)
class NewPhone:
    """What IT says of a phone: whose it is (empty for one that is shared), and that its person was given the notice."""

    name: str
    group: str
    platform: str
    supervised: bool = False
    account: str = ""
    noticed: bool = False


@dataclass(frozen=True)
class PhoneRow:
    """What IT sees of a phone."""

    id: UUID
    name: str
    group: str
    platform: str
    supervised: bool
    account: str
    status: str
    since: datetime
    last_asked: datetime | None
    silent: bool
    lost_since: datetime | None


@dataclass(frozen=True)
class GatewayRow:
    """What IT sees of a device that is a gateway, or could be one."""

    id: UUID
    name: str
    group: str
    gateway: bool
    answers: bool
    last_seen: datetime | None


# --- what IT does ----------------------------------------------------------------------------------------------------


def add(user: User | None, given: NewPhone, now: datetime) -> tuple[Device, str]:
    """Add a phone; returns it with its id, which is shown this once and never again.

    `user` is None for the command on the collector's own console. Raises NotAllowed, WrongState in a sentence.
    """
    may_manage(user)
    try:
        name = phone_place.checked_name(given.name)
    except PhoneFileRefused as fault:
        raise WrongState(str(fault).rstrip(".")) from None
    if given.group not in group_names():
        raise WrongState(
            gettext("there is no group «%(group)s»; there are %(groups)s")
            % {"group": given.group, "groups": ", ".join(sorted(group_names())) or "none"}
        )
    if given.platform not in PLATFORMS:
        raise WrongState(gettext("the platform is one of %(known)s") % {"known": ", ".join(PLATFORMS)})
    account = _account(given.account)
    if not given.noticed:
        raise WrongState(gettext("first give the notice to whoever uses the phone, then say that you did"))
    with transaction.atomic():
        Organisation.objects.select_for_update().first()
        if Phone.objects.exclude(device__status=Device.Status.REVOKED).count() >= PHONES_MAX:
            raise WrongState(gettext("there are as many phones as gateways take; withdraw those that are gone"))
        device = Device(
            id=uuid4(), name=name, group=given.group, public_key=None, platform=given.platform, enrolled_at=now
        )
        device.save(force_insert=True)
        ident = _new_id()
        Phone.objects.create(
            device=device, id_hash=_hash(ident), supervised=given.supervised, account=account, since=now
        )
        audit.write(actor(user), "phone_added", f"device:{device.pk}", now=now)
    return device, ident


def new_id(user: User | None, device_id: UUID, now: datetime) -> str:
    """Give a phone another id, after it was set up anew or the id was seen by others; the old one is refused."""
    may_manage(user)
    with transaction.atomic():
        ident = draw_id(active(device_id), link_hash=None, link_until=None)
        audit.write(actor(user), "phone_id_changed", f"device:{device_id}", now=now)
    return ident


def hand_on(user: User | None, device_id: UUID, account: str, now: datetime, *, noticed: bool) -> str:
    """Let a phone be another person's from now on, under a new id: what was before stays the other's."""
    may_manage(user)
    if not noticed:
        raise WrongState(gettext("first give the notice to whoever uses the phone, then say that you did"))
    with transaction.atomic():
        changed = {"account": _account(account), "since": now, "link_hash": None, "link_until": None}
        ident = draw_id(active(device_id), **changed)
        audit.write(actor(user), "phone_handed_on", f"device:{device_id}", now=now)
    return ident


def withdraw(user: User | None, device_id: UUID, now: datetime) -> None:
    """Retire a phone, or one that was lost: its id is refused from the gateways' next question on."""
    may_manage(user)
    with transaction.atomic():
        phone = active(device_id)
        phone.device.status = Device.Status.REVOKED
        phone.device.save(update_fields=["status"])
        audit.write(actor(user), "phone_withdrawn", f"device:{device_id}", now=now)


def set_gateway(user: User | None, device_id: UUID, now: datetime, *, gateway: bool) -> None:
    """Give an enrolled device the right to speak for phones, or take it. Raises NotAllowed, NotThere."""
    may_manage(user)
    with transaction.atomic():
        changed = Device.objects.filter(pk=device_id, public_key__isnull=False).update(gateway=gateway)
        if not changed:
            raise NotThere(gettext("there is no such device that could be a gateway"))
        audit.write(actor(user), "gateway_named" if gateway else "gateway_ended", f"device:{device_id}", now=now)


def gateways(user: User | None, now: datetime) -> list[GatewayRow]:
    """Return every device that is a gateway or could be, by name. For IT; raises NotAllowed."""
    may_manage(user)
    rows = Device.objects.filter(public_key__isnull=False, status=Device.Status.ACTIVE, sample=False)
    return [
        GatewayRow(one.pk, one.name, one.group, one.gateway, _answers(one, now), one.last_seen)
        for one in rows.order_by("name", "number")
    ]


def device(device_id: UUID) -> Device:
    """Return a phone's device; raises NotThere."""
    found = Device.objects.select_related("phone").filter(pk=device_id, phone__isnull=False).first()
    if found is None:
        raise NotThere(gettext("there is no such phone"))
    return found


def listing(user: User | None, now: datetime) -> list[PhoneRow]:
    """Return every phone, by name. For IT; raises NotAllowed."""
    may_manage(user)
    rows = list(Phone.objects.select_related("device").order_by("device__name", "device__number"))
    days = phone_habit.days_of([one.device_id for one in rows if phone_habit.may_be_silent(one, now)], now)
    return [_row(one, days.get(one.device_id, ()), now) for one in rows]


def one(user: User | None, device_id: UUID, now: datetime) -> PhoneRow:
    """Return one phone. For IT; raises NotAllowed, NotThere."""
    may_manage(user)
    found = device(device_id).phone
    return _row(found, phone_habit.days_of([device_id], now).get(device_id, ()), now)


def _row(one: Phone, days: Sequence[date], now: datetime) -> PhoneRow:
    return PhoneRow(
        id=one.device.pk,
        name=one.device.name,
        group=one.device.group,
        platform=one.device.platform,
        supervised=one.supervised,
        account=one.account,
        status=one.device.status,
        since=one.since,
        last_asked=one.last_asked,
        silent=one.device.status == Device.Status.ACTIVE
        and phone_habit.is_silent(one.since, one.last_asked, days, now),
        lost_since=one.device.lost_since,
    )


def gateways_answering(now: datetime) -> int:
    """Return how many gateways were heard of lately: an Android may be locked only while there are two."""
    found = Device.objects.filter(gateway=True, status=Device.Status.ACTIVE)
    return sum(_answers(one, now) for one in found)


def _answers(gateway: Device, now: datetime) -> bool:
    return gateway.last_seen is not None and now - gateway.last_seen <= GATEWAY_SILENT_AFTER


def is_id_of(phone: Phone, ident: str) -> bool:
    """Whether this is the phone's id as it is now."""
    return ident.isascii() and secrets.compare_digest(_hash(ident), bytes(phone.id_hash))


# --- what gateways ask and tell --------------------------------------------------------------------------------------


def answer(device: Device, question: PhonesQuestion) -> PhonesAnswer:
    """Return all active phones, or only their digest where the gateway has them. Raises Refused `wrong_device`."""
    if not device.gateway:
        raise Refused(Code.WRONG_DEVICE, "only a gateway speaks for phones; IT names one")
    rows = Phone.objects.filter(device__status=Device.Status.ACTIVE).order_by("device_id")
    found = rows.values_list("id_hash", "device_id", "device__group", "account", "since")
    phones = tuple(PhoneEntry(bytes(key), pk, group, account, since) for key, pk, group, account, since in found)
    digest = hashlib.sha256(encode(PhonesAnswer("", phones))).hexdigest()
    return PhonesAnswer(digest, None if question.known == digest else phones)


def spoken_for(gateway: Device, phone_id: UUID) -> Device:
    """Return the phone that a gateway's record is about; raises Refused `wrong_device` where it may not."""
    if not gateway.gateway:
        raise Refused(Code.WRONG_DEVICE)
    found = Phone.objects.select_related("device").filter(device_id=phone_id).first()
    if found is None:
        raise Refused(Code.WRONG_DEVICE)
    return found.device


def counts_for(gateway: Device, group: str) -> bool:
    """Whether a gateway may report what phones of a group met of lists on trial: theirs, or one of their people's."""
    if not gateway.gateway:
        return False
    return group in policy_in_force.pattern_groups() or Phone.objects.filter(device__group=group).exists()


def report(gateway: Device, said: PhonesReport, at: datetime, now: datetime) -> None:
    """Keep when phones last asked: the latest of all gateways' words, in whole hours. Raises Refused `wrong_device`.

    A day on which a phone asked is one on which it reported, whichever gateway tells of it first.
    """
    if not gateway.gateway:
        raise Refused(Code.WRONG_DEVICE)
    hours: dict[datetime, list[UUID]] = {}
    for phone, when in said.seen.items():
        hour = when.astimezone(now.tzinfo).replace(minute=0, second=0, microsecond=0)
        if now - timedelta(days=366) < hour <= now + AHEAD_MOST:
            hours.setdefault(hour, []).append(phone)
    for hour, some in sorted(hours.items()):
        _asked_in(hour, some)
    # Known reasons alone: a word that a device chose must not get into the log.
    refused = {f"n_{reason}": said.refused[reason] for reason in REFUSED_FOR if said.refused.get(reason)}
    if refused:
        log.event("gateway_refused", device=gateway.pk, at=at.date(), **refused)


def _asked_in(hour: datetime, some: Sequence[UUID]) -> None:
    for start in range(0, len(some), 500):
        part = list(Phone.objects.filter(device_id__in=some[start : start + 500]).values_list("device_id", flat=True))
        coverage.reported_at(part, hour)
        older = Phone.objects.filter(device_id__in=part).exclude(last_asked__gte=hour)
        older.update(last_asked=hour)
        Device.objects.filter(phone__device_id__in=part).exclude(last_seen__gte=hour).update(last_seen=hour)


# --- parts -----------------------------------------------------------------------------------------------------------


def draw_id(phone: Phone, **changed: object) -> str:
    """Give a phone a new id, with what else changes of it; call inside the transaction that writes why."""
    ident = _new_id()
    phone.id_hash = _hash(ident)
    for name, value in changed.items():
        setattr(phone, name, value)
    phone.save(update_fields=["id_hash", *changed])
    return ident


def active(device_id: UUID) -> Phone:
    """Return a phone that is in use, locked; raises NotThere, WrongState."""
    found = Phone.objects.select_for_update().select_related("device").filter(device_id=device_id).first()
    if found is None:
        raise NotThere(gettext("there is no such phone"))
    if found.device.status != Device.Status.ACTIVE:
        raise WrongState(gettext("this phone was withdrawn; add it anew"))
    return found


def _account(text: str) -> str:
    account = text.strip()
    if len(account) > 200 or not (account == "" or account.isprintable()):
        raise WrongState(gettext("write the account by which the person signs in on devices"))
    return account


def _new_id() -> str:
    return base64.b32encode(secrets.token_bytes(ID_BYTES)).decode().lower()[:ID_CHARACTERS]


def _hash(ident: str) -> bytes:
    return hashlib.sha256(ident.encode("ascii")).digest()


def may_manage(user: User | None) -> None:
    """Raise NotAllowed for whoever is not of IT; the command on the collector's own console is."""
    if user is not None and not (user.is_active and user.role == Role.IT):
        raise NotAllowed(gettext("only IT administrators work with phones"))


def actor(user: User | None) -> str:
    """Who did it, for the audit log."""
    return "command" if user is None else audit.actor_of(user)
