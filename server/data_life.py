"""Says what is kept for how long, what goes next and when, and which cases have been open for very long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Min, QuerySet

from server import account_retention, notify
from server.retention import FILES
from server.retention_kinds import KINDS, Kind, period
from server.retention_rows import ROWS, zone
from server.store.models import Incident, PersonMonth, Role

SOON = timedelta(days=30)
"""As far as the page looks ahead: until whoever reads it each month reads it again."""

LONG_OPEN = timedelta(days=365)
"""A case that nobody decided in a year is told to the data protection officer; it is never deleted by age."""


@dataclass(frozen=True)
class Outlook:
    """One kind: how long it is kept, when the oldest of it goes, and how many go within `SOON`.

    `next` is None when there is nothing to go; both are when no page should wait for the count (`told` is then False).
    """

    kind: Kind
    days: int
    next: datetime | None
    soon: int | None
    told: bool = True

    @property
    def chosen(self) -> bool:
        """Whether collector.toml says another period than the default."""
        return self.days != self.kind.days


def outlooks(now: datetime) -> list[Outlook]:
    """Return every kind in the table's order."""
    return [_outlook(kind, now) for kind in KINDS]


def long_open(now: datetime) -> int:
    """Return how many cases have waited for a decision for more than a year."""
    return sum(one.since < now - LONG_OPEN for one in _waiting())


def tell_of_long_open(now: datetime) -> None:
    """Tell the data protection officer, once a month, that there are such cases; not how many."""
    if not long_open(now):
        return
    body = (
        "There are cases that have waited for a decision for more than a year. They are not deleted by age. "
        "Ask the safeguarding lead to decide or close them. The page Data life says more."
    )
    notify.plain([Role.DPO], "Fairwatch: cases open for over a year", body, f"long_open:{now:%Y-%m}", now)


def _waiting() -> QuerySet[Incident]:
    rows = Incident.objects.filter(merged_into__isnull=True, sample=False)
    return rows.filter(state=Incident.State.OPEN) | rows.filter(new_since_closing=True)


def _outlook(kind: Kind, now: datetime) -> Outlook:
    kept = period(kind, settings.CONFIG.retention)
    if kind.id == "usage":
        oldest, soon = _oldest_month(), None
    elif kind.id == "cases":
        oldest, soon = _oldest_case(now + SOON - kept)
    elif kind.id == "accounts":
        closed = [user for user in account_retention.closed_before(now) if account_retention.is_left(user)]
        dates = [account_retention.closed_at(user) for user in closed]
        oldest, soon = min(dates, default=None), sum(at < now + SOON - kept for at in dates)
    elif kind.id in FILES:
        dates = [
            datetime.fromtimestamp(path.stat().st_mtime, UTC)
            for path in (Path(settings.DATA_DIR) / FILES[kind.id]).glob("*")
            if path.is_file()
        ]
        oldest, soon = min(dates, default=None), sum(at < now + SOON - kept for at in dates)
    elif not all(rows.counted for rows in ROWS[kind.id]):
        return Outlook(kind, kept.days, None, None, told=False)
    else:
        oldest = min((at for rows in ROWS[kind.id] if (at := rows.oldest()) is not None), default=None)
        soon = sum(rows.over(now + SOON - kept).count() for rows in ROWS[kind.id])
    return Outlook(kind, kept.days, max(oldest + kept, now) if oldest is not None else None, soon)


def _oldest_month() -> datetime | None:
    """Return when the oldest month of which personal totals are kept was over."""
    month = PersonMonth.objects.aggregate(oldest=Min("month"))["oldest"]
    if month is None:
        return None
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]), 12)
    return datetime(year, number + 1, 1, tzinfo=zone()).astimezone(UTC)


def _oldest_case(before: datetime) -> tuple[datetime | None, int]:
    rows = Incident.objects.filter(merged_into__isnull=True, state=Incident.State.CLOSED, new_since_closing=False)
    rows = rows.filter(back_on__isnull=True)
    return rows.aggregate(oldest=Min("closed_at"))["oldest"], rows.filter(closed_at__lt=before).count()
