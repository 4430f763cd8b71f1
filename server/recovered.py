"""Bring cases back that no lead's key opens any more: out to the custodians, who hold the recovery key, and in again.

What goes out is a file of headings, wrapped keys and hashes, which only two recovery shares open; what comes in are
re-wraps for the new lead's key, signed by the recovery key that the signed list names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext

from protocol.passing_on import Parcel, RecoveryFile, ToShare
from protocol.publication import Recipient
from server import audit, leadkeys, sharing
from server.errors import NotThere, WrongState
from server.incidents import keys_of, may_open
from server.store.models import IncidentRecipient, User


def file_for(user: User, now: datetime) -> RecoveryFile:
    """Return every case that is not open to the user's key on the signed list, for the custodians to open to it.

    It is on the record first. Raises NotAllowed, and WrongState when none of the user's keys is signed yet, or nothing
    is missing.
    """
    newcomer = _own(user)
    with transaction.atomic(durable=True):
        audit.write(audit.actor_of(user), "recovery_file_saved", f"key:{newcomer.key_id}", now=now)
    cases = tuple(_cases(newcomer))
    if not cases:
        raise WrongState(gettext("every case that is sealed to the recovery key is open to your key already"))
    return RecoveryFile(1, newcomer.key_id, cases)


def take(user: User, number: str, parcels: Sequence[Parcel], now: datetime) -> int:
    """Keep what the custodians recovered for one of the user's keys; return how many cases became open.

    Raises NotAllowed, NotThere for a key that is not the user's, WrongState as `sharing.take`.
    """
    may_open(user)
    newcomer = sharing.listed(number)
    if number not in keys_of(user):
        raise NotThere(gettext("this file is for another lead's key"))
    if len(parcels) > sharing.BATCH_MAX:
        raise WrongState(gettext("at most %(count)s cases are taken at once") % {"count": sharing.BATCH_MAX})
    recovery = _recovery()
    opened = 0
    with transaction.atomic():
        for parcel in parcels:
            if not IncidentRecipient.objects.filter(incident=parcel.incident, key_id__in=recovery).exists():
                raise NotThere(gettext("there is no such incident"))
            opened += sharing.keep(parcel, newcomer, recovery, None, now)
        if opened:
            audit.write(audit.actor_of(user), "cases_recovered", f"key:{number}", f"{opened} cases", now=now)
    return opened


def _own(user: User) -> Recipient:
    may_open(user)
    own, newest = set(keys_of(user)), leadkeys.signed_list()
    for one in newest.recipients if newest is not None else ():
        if one.key_id in own and one.role != "recovery":
            return one
    raise WrongState(gettext("none of your keys is on the signed list yet; the custodians sign it first"))


def _recovery() -> set[str]:
    newest = leadkeys.signed_list()
    return {one.key_id for one in (newest.recipients if newest is not None else ()) if one.role == "recovery"}


def _cases(newcomer: Recipient) -> Iterator[ToShare]:
    theirs = IncidentRecipient.objects.filter(
        incident=OuterRef("incident"), key_id=newcomer.key_id, record__revision__gte=OuterRef("record__revision")
    )
    rows = IncidentRecipient.objects.filter(~Exists(theirs), key_id__in=_recovery())
    if newcomer.groups:
        rows = rows.filter(incident__group__in=newcomer.groups)
    for row in rows.order_by("incident_id").iterator(chunk_size=100):
        yield sharing.case_of(row, newcomer)
