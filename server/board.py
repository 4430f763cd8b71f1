"""Keep what no program knows of the yearly review: who is responsible, dates, open decisions, what the board decided.

Nothing is changed or taken back: something newer is recorded beside it, so that the history can be read by whoever
asks later. Managers of the whole organisation and the data protection officer record it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from django.db import transaction
from django.utils.translation import gettext

from server import audit, policy_in_force
from server.errors import NotAllowed, NotThere, SetUpError, WrongState
from server.partners import may_edit
from server.store.models import BoardRecord, User
from server.summary_calendar import is_over
from server.training import months_later
from server.working_hours import organisation_zone

EVERY_MONTHS = 12
"""The guidance on monitoring asks for a review at least once a year."""

SOON = timedelta(days=60)
"""Boards meet a few times a year: a month's notice would often be too late."""

NAME_MAX_CHARS, TEXT_MAX_CHARS = 200, 2000
"""A name and a post on one line; a decision with its reasons on half a page."""

_EARLIEST, _AHEAD_MAX = date(1990, 1, 1), timedelta(days=2 * 366)

Kind = BoardRecord.Kind
State = Literal["overdue", "missing", "soon", "in_date"]
NAMES: Final = (Kind.SENIOR_LEADER, Kind.GOVERNOR)
"""Who is responsible, beside those whom the signed list and the accounts name."""


@dataclass(frozen=True)
class Point:
    """A decision that is open, or what was decided of it, when and by whom that was recorded."""

    id: int
    text: str
    at: datetime
    settled: BoardRecord | None


@dataclass(frozen=True)
class Standing:
    """What holds now. `due_on` is when the next review is due: as recorded, else a year after the last one."""

    senior_leader: BoardRecord | None
    governor: BoardRecord | None
    assessment: BoardRecord | None
    due_on: date | None
    due: State
    open: tuple[Point, ...]
    settled: tuple[Point, ...]
    decisions: tuple[BoardRecord, ...]

    @property
    def reviewed_on(self) -> date | None:
        """When the board decided last."""
        return max((one.on for one in self.decisions if one.on is not None), default=None)


@dataclass(frozen=True)
class Decision:
    """What a board decided: when, who was there, on which review, and when the next is due if not in a year."""

    on: date
    text: str
    people: str
    until: str = ""
    next_on: date | None = None


def standing(now: datetime) -> Standing:
    """Return what holds, points oldest first and decisions newest first."""
    rows = list(BoardRecord.objects.select_related("by").order_by("at", "pk"))
    newest = {Kind(row.kind): row for row in rows if row.over_at is None}
    answers = {row.about_id: row for row in rows if row.kind == Kind.SETTLED}
    points = [Point(row.pk, row.text, row.at, answers.get(row.pk)) for row in rows if row.kind == Kind.POINT]
    decisions = sorted((row for row in rows if row.kind == Kind.DECISION), key=_held, reverse=True)
    due_on = _due_on(newest.get(Kind.NEXT_REVIEW), decisions)
    return Standing(
        senior_leader=_said(newest.get(Kind.SENIOR_LEADER)),
        governor=_said(newest.get(Kind.GOVERNOR)),
        assessment=newest.get(Kind.ASSESSMENT),
        due_on=due_on,
        due=_state(due_on, now),
        open=tuple(one for one in points if one.settled is None),
        settled=tuple(one for one in points if one.settled is not None),
        decisions=tuple(decisions),
    )


def history() -> list[BoardRecord]:
    """Return everything that was recorded and is kept, newest first."""
    return list(BoardRecord.objects.select_related("by", "about").order_by("-at", "-pk"))


def name(by: User, kind: BoardRecord.Kind, text: str, now: datetime) -> BoardRecord:
    """Record who is responsible from now on; an empty text says that nobody is. Raises NotAllowed, WrongState."""
    if kind not in NAMES:
        raise WrongState(gettext("only a senior leader and a governor are named here"))
    return _record(by, kind, now, text=_line(text, gettext("the name")))


def assess(by: User, on: date, text: str, now: datetime) -> BoardRecord:
    """Record when the data protection impact assessment was last gone through, and what came of it.

    Raises NotAllowed, and WrongState for a day that can't be.
    """
    return _record(by, Kind.ASSESSMENT, now, on=_past(on, now), text=_words(text, gettext("what came of it")))


def plan(by: User, on: date, now: datetime) -> BoardRecord:
    """Record when the next review is due; raises NotAllowed, and WrongState for a day that can't be."""
    return _record(by, Kind.NEXT_REVIEW, now, on=_ahead(on, now))


def raise_point(by: User, text: str, now: datetime) -> BoardRecord:
    """Record a decision that is open; raises NotAllowed, WrongState."""
    return _record(by, Kind.POINT, now, text=_words(text, gettext("the open decision"), needed=True))


def settle(by: User, point: int, text: str, now: datetime) -> BoardRecord:
    """Record what was decided of a point; raises NotAllowed, NotThere, and WrongState where it was decided already."""
    _check(by)
    said = _words(text, gettext("what was decided"), needed=True)
    with transaction.atomic():
        row = BoardRecord.objects.select_for_update().filter(pk=point, kind=Kind.POINT).first()
        if row is None:
            raise NotThere(gettext("there is no such open decision"))
        if row.over_at is not None:
            raise WrongState(gettext("somebody recorded a decision on this since you looked; load the page again"))
        return _keep(by, BoardRecord(kind=Kind.SETTLED, text=said, about=row, over_at=now), [row], now)


def decide(by: User, decision: Decision, now: datetime) -> BoardRecord:
    """Record what the board decided, and when the next review is due if that was decided too.

    Raises NotAllowed, and WrongState for days that can't be or a month that is not over.
    """
    _check(by)
    row = BoardRecord(
        kind=Kind.DECISION,
        on=_past(decision.on, now),
        text=_words(decision.text, gettext("the decision"), needed=True),
        people=_words(decision.people, gettext("who was there"), needed=True),
        until=_month(decision.until, now),
        over_at=now,
    )
    same = BoardRecord.objects.filter(kind=row.kind, on=row.on, text=row.text, people=row.people, until=row.until)
    planned = decision.next_on is not None and BoardRecord(kind=Kind.NEXT_REVIEW, on=_ahead(decision.next_on, now))
    with transaction.atomic():
        if same.exists():
            raise WrongState(gettext("this decision is recorded already"))
        # What was planned was this review, whether or not another day was set for the next.
        kept = _keep(by, row, BoardRecord.objects.filter(kind=Kind.NEXT_REVIEW, over_at__isnull=True), now)
        if planned:
            _keep(by, planned, (), now)
    return kept


def _record(by: User, kind: BoardRecord.Kind, now: datetime, *, text: str = "", on: date | None = None) -> BoardRecord:
    """Keep a row in the place of the last of its kind, or a point beside the others; the same again is the same."""
    _check(by)
    with transaction.atomic():
        holding = list(BoardRecord.objects.select_for_update().filter(kind=kind, over_at__isnull=True))
        same = next((one for one in holding if (one.text, one.on) == (text, on)), None)
        if same is not None:
            return same
        return _keep(by, BoardRecord(kind=kind, text=text, on=on), () if kind == Kind.POINT else holding, now)


def _keep(by: User, row: BoardRecord, over: Iterable[BoardRecord], now: datetime) -> BoardRecord:
    """Store a row and end those whose place it takes; call inside a transaction."""
    for one in over:
        one.over_at = now
        one.save(update_fields=["over_at"])
    row.by, row.at = by, now
    row.save(force_insert=True)
    said = "; ".join(str(part) for part in (row.on, row.people, row.text, row.until) if part)
    audit.write(audit.actor_of(by), "board_recorded", f"{row.kind}:{row.pk}", said, now=now)
    return row


def _check(by: User) -> None:
    if not may_edit(by):
        raise NotAllowed(gettext("the yearly review is kept by management and the data protection officer"))


def _due_on(planned: BoardRecord | None, decisions: list[BoardRecord]) -> date | None:
    if planned is not None:
        return planned.on
    if decisions:
        return months_later(_held(decisions[0])[0], EVERY_MONTHS)
    policy = policy_in_force.in_force()
    return months_later(policy.start, EVERY_MONTHS) if policy is not None else None


def _state(due_on: date | None, now: datetime) -> State:
    today = _today(now)
    if due_on is None:
        return "missing"
    return "overdue" if due_on < today else "soon" if due_on <= today + SOON else "in_date"


def _held(row: BoardRecord) -> tuple[date, datetime, int]:
    return row.on or date.min, row.at, row.pk


def _said(row: BoardRecord | None) -> BoardRecord | None:
    return row if row is not None and row.text else None


def _today(now: datetime) -> date:
    return now.astimezone(organisation_zone()).date()


def _line(text: str, what: str) -> str:
    line = " ".join(text.split())
    if len(line) > NAME_MAX_CHARS or not line.isprintable():
        said = gettext("%(what)s must be at most %(count)s characters on one line")
        raise WrongState(said % {"what": what, "count": NAME_MAX_CHARS})
    return line


def _words(text: str, what: str, *, needed: bool = False) -> str:
    words = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if needed and not words:
        raise WrongState(gettext("%(what)s is missing") % {"what": what})
    if len(words) > TEXT_MAX_CHARS or any(not one.isprintable() and one not in "\n\t" for one in words):
        raise WrongState(
            gettext("%(what)s must be at most %(count)s characters of text") % {"what": what, "count": TEXT_MAX_CHARS}
        )
    return words


def _past(day: date, now: datetime) -> date:
    if not _EARLIEST <= day <= _today(now):
        raise WrongState(gettext("the day must lie between 1990 and today"))
    return day


def _ahead(day: date, now: datetime) -> date:
    if not _today(now) <= day <= _today(now) + _AHEAD_MAX:
        raise WrongState(gettext("the next review must be due between today and two years from now"))
    return day


def _month(until: str, now: datetime) -> str:
    try:
        over = not until or is_over(until, now, organisation_zone().key)
    except SetUpError as fault:
        raise WrongState(str(fault)) from None
    if not over:
        raise WrongState(gettext("the board can’t have had a review of a month that is not over"))
    return until
