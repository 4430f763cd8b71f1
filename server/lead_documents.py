"""Keep what leads write that is about no single case: mutes of an entry, and exceptions proposed for the next policy.

The collector learns who wrote one, when, and until when it holds; never of which site, app, category, person or case.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from protocol.documents import SealedDocument
from protocol.errors import OpenError
from protocol.sealing import layout
from server import audit, leadkeys, notify
from server.errors import NotThere, WrongState
from server.incidents import keys_of, may_open
from server.store.models import LeadDocument, Role, User

MUTE_MAX = timedelta(days=14)
"""A mute is for a quiet fortnight until the next signed policy; what should last longer is an exception, signed."""

HELD_MAX = 500
"""Documents of a kind that hold at once: each browser opens all of them."""

CLOCK_MAX = timedelta(minutes=10)
"""How far a browser's clock may be ahead."""

Settled = Literal["taken_up", "declined"]
Kind = LeadDocument.Kind


def mute(user: User, document: SealedDocument, until: datetime, now: datetime) -> LeadDocument:
    """Keep a mute until a time at most MUTE_MAX ahead; the same one again is the same mute.

    Raises NotAllowed for a role that opens no evidence, and WrongState when the time is not one of those, the document
    is not signed by its author, or it is not sealed to people of the signed list alone.
    """
    if not now < until <= now + MUTE_MAX + CLOCK_MAX:
        raise WrongState(gettext("a mute ends within 14 days"))
    return _keep(user, Kind.MUTE, document, min(until, now + MUTE_MAX), now)


def propose(user: User, document: SealedDocument, now: datetime) -> LeadDocument:
    """Keep an exception that a lead proposes for the next signed policy; raises as `mute`."""
    return _keep(user, Kind.EXCEPTION, document, None, now)


def mutes(user: User, now: datetime) -> list[LeadDocument]:
    """Return the mutes that hold and are sealed to one of the user's keys; raises NotAllowed as `mute`."""
    return _own(user, Kind.MUTE, now)


def proposals(user: User, now: datetime) -> list[LeadDocument]:
    """Return the exceptions that wait and are sealed to one of the user's keys, once that is in the audit log.

    They name what stood in the evidence of cases, so reading them is an opening. One about a case that is kept from
    somebody is not sealed to them, and does not exist for them. Raises NotAllowed as `mute`.
    """
    found = _own(user, Kind.EXCEPTION, now)
    if found:
        with transaction.atomic(durable=True):
            audit.write(audit.actor_of(user), "exceptions_opened", f"documents:{len(found)}", now=now)
    return found


def unmute(user: User, document_id: UUID, now: datetime) -> None:
    """End a mute before its time, for every lead; raises NotAllowed as `mute`, NotThere when it does not hold."""
    _settle(user, Kind.MUTE, document_id, "ended", "mute_ended", now)


def settle(user: User, document_ids: Iterable[UUID], settled: Settled, now: datetime) -> int:
    """Note that proposed exceptions were taken up into the policy, or declined; return how many were.

    One that a colleague settled meanwhile, or that is not the user's to read, is passed over. Raises NotAllowed as
    `mute`.
    """
    done = 0
    for document_id in document_ids:
        with suppress(NotThere):
            _settle(user, Kind.EXCEPTION, document_id, settled, f"exception_{settled}", now)
            done += 1
    return done


def remind(now: datetime) -> None:
    """Tell each lead, once a week, that proposed exceptions wait which they can read; for what, their page says."""
    waiting = [one for one in User.objects.filter(role=Role.LEAD, is_active=True) if _own(one, Kind.EXCEPTION, now)]
    body = "Exceptions wait to be taken up into the next signed policy, or declined: see “Exceptions” on the desk."
    notify.plain(waiting, "Fairwatch: proposed exceptions wait", body, f"exceptions:{now:%G-%V}", now)


def _held(kind: str, now: datetime) -> QuerySet[LeadDocument]:
    rows = LeadDocument.objects.filter(kind=kind, settled_at__isnull=True)
    return rows.filter(Q(until__isnull=True) | Q(until__gt=now))


def _own(user: User, kind: str, now: datetime) -> list[LeadDocument]:
    may_open(user)
    own = set(keys_of(user))
    rows = _held(kind, now).select_related("author").order_by("made_at", "id")
    return [one for one in rows if not own.isdisjoint(layout(bytes(one.envelope)).key_ids)]


def _keep(user: User, kind: str, document: SealedDocument, until: datetime | None, now: datetime) -> LeadDocument:
    may_open(user)
    leadkeys.check_own(user, "mute" if kind == Kind.MUTE else "exception", document.id, document)
    _check_readers(document)
    with transaction.atomic():
        there = LeadDocument.objects.filter(pk=document.id).first()
        if there is not None:
            if (there.kind, there.author_id, bytes(there.envelope)) != (kind, user.pk, document.envelope):
                raise WrongState(gettext("another document has this id"))
            return there
        if _held(kind, now).count() >= HELD_MAX:
            raise WrongState(
                gettext("there are %(count)s already; end or settle some of them first") % {"count": HELD_MAX}
            )
        audit.write(audit.actor_of(user), _MADE[kind], f"document:{document.id}", now=now)
        return LeadDocument.objects.create(
            id=document.id,
            kind=kind,
            author=user,
            made_at=now,
            until=until,
            envelope=document.envelope,
            signer=document.signer,
            signature=document.signature,
        )


_MADE: dict[str, str] = {Kind.MUTE: "entry_muted", Kind.EXCEPTION: "exception_proposed"}


def _check_readers(document: SealedDocument) -> None:
    listed = leadkeys.signed_list()
    leads = {one.key_id for one in (listed.recipients if listed is not None else ()) if one.role != "recovery"}
    try:
        sealed_to = set(layout(document.envelope).key_ids)
    except OpenError as fault:
        raise WrongState(gettext("this is not a sealed envelope: %(fault)s") % {"fault": fault}) from None
    if not sealed_to <= leads:
        raise WrongState(gettext("this is not sealed to those on the signed list; load the page again"))


def _settle(user: User, kind: str, document_id: UUID, settled: str, action: str, now: datetime) -> None:
    may_open(user)
    with transaction.atomic():
        row = _held(kind, now).select_for_update().filter(pk=document_id).first()
        if row is None or set(keys_of(user)).isdisjoint(layout(bytes(row.envelope)).key_ids):
            raise NotThere(gettext("it is over already; load the page again"))
        audit.write(audit.actor_of(user), action, f"document:{document_id}", now=now)
        row.settled_at, row.settled_by, row.settled_as = now, user, settled
        row.save(update_fields=["settled_at", "settled_by", "settled_as"])
