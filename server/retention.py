"""Delete each kind of record when its period is over. Incidents, notes and the audit log are not deleted here."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Q

from server import audit, log
from server.store.models import (
    EnrolmentToken,
    Job,
    LeadDocument,
    LossReport,
    MonthBasis,
    Organisation,
    OutboxMessage,
    Partner,
    Person,
    PersonMonth,
    Quarantined,
    SeenRecord,
    TrainingRecord,
    TrialReport,
)

PERSONAL_TOTALS_AFTER_MONTH = timedelta(days=45)
"""One person's rows live until 45 days after their month: the summary is made by then (design, data flow 10)."""

PERIODS: dict[str, timedelta] = {
    # A device may send a record again after a year in a drawer; until then a repeat must be known as one.
    "seen": timedelta(days=400),
    "quarantined": timedelta(days=400),
    "losses": timedelta(days=400),
    # A token's registration is of no use once it has expired; a month answers "why does it not work?".
    "tokens": timedelta(days=30),
    "jobs": timedelta(days=90),
    # Shown for 30 days; twice that, so that a decision can still be looked into.
    "trials": timedelta(days=60),
    # From when an import no longer had somebody: a year's cases, and the yearly review, still say a name.
    "people": timedelta(days=400),
    # From when a partnership ended: the yearly review asks who the partners were.
    "partners": timedelta(days=400),
    # From when it was due again, where no list of people has the account; else it goes with its person.
    "training": timedelta(days=400),
    # From when a mute or a proposed exception no longer holds: the yearly review asks what was kept out of sight.
    "lead_documents": timedelta(days=400),
    # Whether somebody was told, and when, is asked within weeks; who took a case is in the audit log.
    "messages": timedelta(days=30),
}


def delete_what_is_over(now: datetime) -> dict[str, int]:
    """Delete what is past its period at `now` (aware UTC) and return how many of each kind, also on the audit log."""
    with transaction.atomic():
        counts = {
            "usage": _delete_personal_totals(now),
            "seen": SeenRecord.objects.filter(received_at__lt=now - PERIODS["seen"]).delete()[0],
            "quarantined": Quarantined.objects.filter(received_at__lt=now - PERIODS["quarantined"]).delete()[0],
            "losses": LossReport.objects.filter(received_at__lt=now - PERIODS["losses"]).delete()[0],
            "tokens": EnrolmentToken.objects.filter(expires__lt=now - PERIODS["tokens"]).delete()[0],
            "jobs": Job.objects.filter(claimed_at__lt=now - PERIODS["jobs"]).delete()[0],
            "trials": TrialReport.objects.filter(received_at__lt=now - PERIODS["trials"]).delete()[0],
            "partners": Partner.objects.filter(ended_at__lt=now - PERIODS["partners"]).delete()[0],
            "training": _delete_training(now),
            "people": Person.objects.filter(gone_at__lt=now - PERIODS["people"]).delete()[0],
            "lead_documents": LeadDocument.objects.filter(_over_documents(now)).delete()[0],
            "messages": OutboxMessage.objects.filter(_over_messages(now)).delete()[0],
            "sessions": Session.objects.filter(expire_date__lt=now).delete()[0],
        }
        if any(counts.values()):
            done = " ".join(f"{kind}={count}" for kind, count in counts.items() if count)
            audit.write("job:retention", "deleted_on_time", done[:128], now=now)
    log.event("retention", **counts)
    return counts


def _delete_training(now: datetime) -> int:
    """Delete the training of people who are deleted in this run, and of accounts that no list has."""
    leaving = Person.objects.filter(gone_at__lt=now - PERIODS["people"]).values("key")
    over = (now - PERIODS["training"]).date()
    unlisted = ~Q(key__in=Person.objects.values("key"))
    done = Q(due_on__lt=over) | Q(due_on__isnull=True, done_on__lt=over)
    return TrainingRecord.objects.filter(Q(key__in=leaving) | (unlisted & done)).delete()[0]


def _over_documents(now: datetime) -> Q:
    over = now - PERIODS["lead_documents"]
    return Q(settled_at__lt=over) | Q(until__lt=over)


def _over_messages(now: datetime) -> Q:
    # What still waits to be told stays.
    settled = Q(sent_at__isnull=False) | Q(given_up_at__isnull=False)
    return settled & Q(created_at__lt=now - PERIODS["messages"])


def last_month_to_delete(now: datetime, zone: str) -> str:
    """Return the newest month (`YYYY-MM`) that ended at least 45 days before `now` in that time zone."""
    here = (now - PERSONAL_TOTALS_AFTER_MONTH).astimezone(ZoneInfo(zone))
    before = here.replace(day=1) - timedelta(days=1)
    return f"{before.year:04}-{before.month:02}"


def _delete_personal_totals(now: datetime) -> int:
    organisation = Organisation.objects.first()
    month = last_month_to_delete(now, organisation.timezone if organisation is not None else "UTC")
    over = PersonMonth.objects.filter(month__lte=month)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM store_usage WHERE person IN (SELECT id FROM store_personmonth WHERE month <= %s)", [month]
        )
        rows = max(int(cursor.rowcount), 0)
    over.delete()
    MonthBasis.objects.filter(month__lte=month).delete()
    return rows
