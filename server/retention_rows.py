"""Which rows of each kind are over, and since when the oldest is: what retention deletes, and its page counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, Min, OuterRef, Q, QuerySet, Subquery

from server.store.models import (
    Absence,
    AcknowledgementRecord,
    AlertRecord,
    AuditDetail,
    BoardRecord,
    CacheRow,
    CaseLook,
    Deletion,
    Device,
    DeviceDay,
    DeviceSign,
    EnrolmentToken,
    Incident,
    Invitation,
    Job,
    LeadDocument,
    LossReport,
    MonthlySummary,
    MonthSealedTotals,
    Organisation,
    OutboxMessage,
    Partner,
    Person,
    Quarantined,
    SeenRecord,
    SourceGap,
    SubjectRequest,
    TrainingRecord,
    TrialReport,
    Trip,
)

STRETCHES = 50
"""A backlog of years goes in so many transactions at most, each of a day at least: writers wait for none of them."""

_ALL = Q()


@dataclass(frozen=True)
class Rows:
    """Rows of one table that are over when a date of theirs is past.

    `counted` is False where a table has no index by that date and may hold millions: no page waits for it.
    `dated` says where the date is, when it is in another table.
    """

    model: Any
    field: str
    only: Q = _ALL
    counted: bool = True
    dated: Subquery | None = None

    def over(self, before: datetime) -> QuerySet[Any]:
        """Return the rows whose date is before `before` (aware UTC)."""
        return self._all().filter(**{f"{self.field}__lt": self._value(before)})

    def oldest(self) -> datetime | None:
        """Return the oldest date that there is."""
        found = self._all().aggregate(oldest=Min(self.field))["oldest"]
        return self._time(found) if found is not None else None

    def stretches(self, before: datetime) -> Iterator[datetime]:
        """Yield ends of stretches, from the oldest row on, that together reach `before`."""
        oldest = self.oldest()
        if oldest is None or oldest >= before:
            return
        step = max(timedelta(days=1), (before - oldest) / (STRETCHES - 1))
        end = oldest
        while end < before:
            end = min(end + step, before)
            yield end

    def _all(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.objects.filter(self.only)
        return rows if self.dated is None else rows.annotate(**{self.field: self.dated})

    def _value(self, at: datetime) -> Any:
        return at

    def _time(self, value: Any) -> datetime:
        assert isinstance(value, datetime)
        return value


@dataclass(frozen=True)
class DayRows(Rows):
    """Rows dated by a day of the organisation."""

    def _value(self, at: datetime) -> Any:
        return at.astimezone(zone()).date()

    def _time(self, value: Any) -> datetime:
        assert isinstance(value, date)
        return datetime.combine(value, time(), zone()).astimezone(UTC)


@dataclass(frozen=True)
class NumberedDayRows(DayRows):
    """Rows dated by a day written as a number, like 20261122."""

    def _value(self, at: datetime) -> Any:
        return int(f"{at.astimezone(zone()):%Y%m%d}")

    def _time(self, value: Any) -> datetime:
        return super()._time(date(value // 10000, value // 100 % 100, value % 100))


def zone() -> ZoneInfo:
    """Return the organisation's time zone."""
    organisation = Organisation.objects.first()
    return ZoneInfo(organisation.timezone if organisation is not None else "UTC")


_SENT = Q(sent_at__isnull=False) | Q(given_up_at__isnull=False)
_ENDED = ~Exists(Session.objects.filter(session_key=OuterRef("session_key")))
_UNNAMED = (
    Q(status=Device.Status.REVOKED)
    & ~Exists(Incident.objects.filter(Q(device=OuterRef("pk")) | Q(signer=OuterRef("pk"))))
    & ~Exists(AlertRecord.objects.filter(signer=OuterRef("pk")))
)

_GONE_AT = Subquery(Person.objects.filter(key=OuterRef("key")).values("gone_at")[:1])
_ON_NO_LIST = Q(~Exists(Person.objects.filter(key=OuterRef("key"))))

ROWS: dict[str, tuple[Rows, ...]] = {
    "trials": (Rows(TrialReport, "received_at"),),
    "tests": (Rows(Trip, "asked_at"),),
    "lead_documents": (Rows(LeadDocument, "settled_at"), Rows(LeadDocument, "until")),
    # Training and acknowledgements first: whose they are is known as long as the person is there.
    "people": (
        Rows(TrainingRecord, "left_at", dated=_GONE_AT),
        Rows(AcknowledgementRecord, "left_at", dated=_GONE_AT),
        Rows(Person, "gone_at"),
    ),
    "training": (
        DayRows(TrainingRecord, "due_on", _ON_NO_LIST),
        DayRows(TrainingRecord, "done_on", _ON_NO_LIST & Q(due_on__isnull=True)),
    ),
    "acknowledgements": (Rows(AcknowledgementRecord, "at", _ON_NO_LIST & Q(user__isnull=True)),),
    "partners": (Rows(Partner, "ended_at"),),
    "coverage": (NumberedDayRows(DeviceDay, "day", counted=False), Rows(SourceGap, "until"), Rows(DeviceSign, "until")),
    "devices": (Rows(Device, "last_seen", _UNNAMED),),
    "seen": (Rows(SeenRecord, "received_at", counted=False),),
    "quarantined": (Rows(Quarantined, "received_at"),),
    "losses": (Rows(LossReport, "received_at"),),
    "sessions": (Rows(Session, "expire_date"), Rows(CacheRow, "expires"), Rows(CaseLook, "seen_at")),
    "sign_ins": (Rows(UserSession, "last_seen_at", Q(_ENDED)),),
    "invitations": (Rows(Invitation, "expires"),),
    "absences": (DayRows(Absence, "last_day"),),
    # What still waits to be told stays.
    "messages": (Rows(OutboxMessage, "created_at", _SENT),),
    "tokens": (Rows(EnrolmentToken, "expires"),),
    "jobs": (Rows(Job, "claimed_at"),),
    "details": (Rows(AuditDetail, "entry__at"),),
    "requests": (Rows(SubjectRequest, "closed_at"),),
    "summaries": (Rows(MonthlySummary, "made_at"), Rows(MonthSealedTotals, "at")),
    # What was decided of a point goes with it.
    "board": (Rows(BoardRecord, "over_at"),),
    "deletions": (Rows(Deletion, "at"),),
}
"""The kinds that go row by row; totals, cases, accounts and files go by their own rules."""
