"""Keep the sealed counts of lists on trial, and hand them to those they are sealed to, the opening logged before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext

from protocol.messages import TrialHeader
from protocol.messages import TrialReport as Report
from server import audit
from server.errors import NotAllowed
from server.store.models import AuditEntry, Device, LeadKey, TrialReport, User

SHOWN_FOR = timedelta(days=30)
"""A month shows weekends and holidays too; a decision on older counts would be one on an older list."""

PAGE_REPORTS = 150
"""Reports of one answer: about 4 MB, which a browser opens and forgets before it asks for the next."""

ONE_OPENING = timedelta(minutes=30)
"""All answers of one opening come within this; whoever goes on later is logged again."""

_ACTION, _SUBJECT = "trial_counts_opened", "trial"


@dataclass(frozen=True)
class Sealed:
    """One day's report of one device, still sealed; a gateway's is of all phones of a group together."""

    header: bytes
    envelope: bytes
    signature: bytes
    signer_key: bytes
    gateway: bool


@dataclass(frozen=True)
class Opening:
    """Some of the reports, oldest first; `following` is where the rest begins, None when there is no rest."""

    reports: tuple[Sealed, ...]
    following: int | None


def record(report: Report, header: TrialHeader, device: Device, now: datetime) -> None:
    """Keep a checked report. Call inside the transaction that marks its record seen."""
    TrialReport.objects.create(
        device=device,
        record=header.record,
        day=header.day,
        sealed_to=" ".join(header.sealed_to),
        header=report.header,
        envelope=report.envelope,
        signature=report.signature,
        received_at=now,
    )


def opened(user: User, after: int = 0, *, now: datetime | None = None) -> Opening:
    """Return the sealed reports of the last 30 days behind `after`, once the opening is on the audit log.

    The line is committed before anything is handed out; what follows of the same opening (`after` is not 0) adds none.
    Raises NotAllowed for a role that opens no evidence.
    """
    if not (user.is_active and user.opens_evidence):
        raise NotAllowed(gettext("only the safeguarding lead and deputies open counts"))
    at = now or datetime.now(UTC)
    _log(user, at, begun=after > 0)
    mine = TrialReport.objects.none()
    for key_id in LeadKey.objects.filter(user=user, active=True).values_list("key_id", flat=True):
        mine |= TrialReport.objects.filter(sealed_to__contains=key_id)
    rows = mine.filter(received_at__gt=at - SHOWN_FOR, pk__gt=after).select_related("device").order_by("pk")
    found = list(rows[: PAGE_REPORTS + 1])
    return Opening(
        tuple(_sealed(row) for row in found[:PAGE_REPORTS]),
        found[PAGE_REPORTS - 1].pk if len(found) > PAGE_REPORTS else None,
    )


def _log(user: User, at: datetime, *, begun: bool) -> None:
    actor = audit.actor_of(user)
    if begun and AuditEntry.objects.filter(actor=actor, action=_ACTION, at__gt=at - ONE_OPENING).exists():
        return
    with transaction.atomic(durable=True):
        audit.write(actor, _ACTION, _SUBJECT, now=at)


def _sealed(row: TrialReport) -> Sealed:
    return Sealed(
        bytes(row.header), bytes(row.envelope), bytes(row.signature), row.device.verifying_key, row.device.gateway
    )
