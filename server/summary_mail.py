"""Makes each month's summary when its day has come, and puts it into the outbox once for the people named.

Any number of collectors may do so at once, and after any downtime: whoever holds the organisation's row makes and
tells, in one transaction, and the others find it done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from server import audit, log, notify, outbox, summary, summary_calendar
from server.errors import CollectorError
from server.retention import last_month_to_delete
from server.store.models import MonthBasis, MonthlySummary, Organisation, OutboxMessage, PersonMonth, Role, User
from server.summary_document import read
from server.working_hours import organisation_zone

MAILED_WITHIN = timedelta(days=31)
"""A version made longer ago is no news: whoever is named in collector.toml later gets the next month's."""

ASKED_WITHIN = timedelta(days=21)
"""Leads are asked once to count a month's cases, by a message that the outbox remembers for longer than this."""

_ACTOR = "job:summary"
Kind = OutboxMessage.Kind


@dataclass(frozen=True)
class Standing:
    """How the last mailed summary stands with one address: sent, given up, or waiting with the last fault if any."""

    address: str
    month: str
    revision: int
    sent_at: datetime | None
    given_up: bool
    fault: str


def make_due(now: datetime) -> None:
    """Make the summaries whose day has come, and tell of those that nobody was told of yet."""
    zone = organisation_zone().key
    for month in _without_one(now, zone):
        try:
            summary.make(month, now)
        except CollectorError:
            log.event("summary_not_made", month=month)  # no device was enrolled yet, or its totals are gone
    recent = MonthlySummary.objects.filter(made_at__gt=now - MAILED_WITHIN, made_at__lte=now)
    for month in sorted(set(recent.values_list("month", flat=True))):
        tell(month, now)
        if timedelta() <= now - summary_calendar.told_at(month, zone) < ASKED_WITHIN:
            _ask_leads(month, now)


def revise(now: datetime) -> None:
    """Make a new version of each kept month whose late data may be shown by now; they are not mailed."""
    for month in MonthBasis.objects.order_by("month").values_list("month", flat=True):
        if MonthlySummary.objects.filter(month=month).exists():
            summary.make(month, now)


def tell(month: str, now: datetime) -> bool:
    """Put the newest version into the outbox for the people named, if it is one to tell; whether it was.

    Told are the first version, once its day has come, and each that has other totals of a lead than were told before.
    Samples tell nobody.
    """
    addresses = settings.CONFIG.summary.mail_to
    if not addresses or now < summary_calendar.told_at(month, organisation_zone().key):
        return False
    with transaction.atomic():
        # One at a time, as in `summary.make`: of two collectors, one tells of a version.
        organisation = Organisation.objects.select_for_update().first()
        versions = list(MonthlySummary.objects.filter(month=month).order_by("revision"))
        if organisation is None or organisation.sample or not versions or not _is_news(versions):
            return False
        newest = versions[-1]
        newest.mailed_at = now
        newest.save(update_fields=["mailed_at"])
        outbox.put(_rows(newest, addresses, now))
        audit.write(_ACTOR, "summary_mailed", f"month:{month} version {newest.revision}", now=now)
    return True


def standings() -> list[Standing]:
    """Return how the last mailed version stands with each address that is still named. It is about no case."""
    newest = MonthlySummary.objects.filter(mailed_at__isnull=False).order_by("-month", "-revision").first()
    if newest is None:
        return []
    rows = OutboxMessage.objects.filter(kind=Kind.SUMMARY, summary=newest, contact__in=settings.CONFIG.summary.mail_to)
    return [
        Standing(one.contact, newest.month, newest.revision, one.sent_at, one.given_up_at is not None, one.fault)
        for one in rows.order_by("contact")
    ]


def _without_one(now: datetime, zone: str) -> list[str]:
    """Months to tell of by now that have no summary, as long as the totals that it rests on are there."""
    kept = set(MonthlySummary.objects.values_list("month", flat=True).distinct())
    there = set(PersonMonth.objects.values_list("month", flat=True).distinct())
    gone = last_month_to_delete(now, zone)
    return [
        month
        for month in sorted(summary_calendar.months(now, zone))
        if month not in kept and (month > gone or month in there) and summary_calendar.told_at(month, zone) <= now
    ]


def _is_news(versions: list[MonthlySummary]) -> bool:
    told = [one for one in versions if one.mailed_at is not None]
    newest = versions[-1]
    if newest.mailed_at is not None:
        return False
    return not told or read(told[-1].document).sealed != read(newest.document).sealed


def _rows(version: MonthlySummary, addresses: Iterable[str], now: datetime) -> list[OutboxMessage]:
    return [
        OutboxMessage(
            kind=Kind.SUMMARY,
            once_key=f"summary:{version.pk}:{hashlib.sha256(address.encode()).hexdigest()[:32]}",
            contact=address,
            summary=version,
            created_at=now,
            due_at=now,
        )
        for address in addresses
    ]


def _ask_leads(month: str, now: datetime) -> None:
    made = summary.newest(month)
    if made.sealed is not None or made.sample:
        return
    leads = [one for one in User.objects.filter(role=Role.LEAD, is_active=True) if not one.groups]
    page = f"{settings.CONFIG.url.rstrip('/')}/desk/month/{month}/"
    body = (
        "The monthly summary is made, without categories and outcomes of cases: these are sealed, and only you can "
        f"count them. It takes a minute on this page, once your key is unlocked:\n{page}\n"
    )
    notify.plain(leads, "Fairwatch: the month’s cases wait to be counted", body, f"month-totals:{month}", now)
