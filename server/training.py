"""Say who has done which training, who is due to do it again, and of whom it is expected and not known."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from django.conf import settings

from server import policy_in_force
from server.directory_index import who
from server.store.models import Person, TrainingRecord
from server.training_file import folded
from server.training_settings import TrainingSettings

SOON = timedelta(days=30)
"""Time enough to book a course."""

State = Literal["overdue", "missing", "soon", "in_date"]
STATES: Final[tuple[State, ...]] = ("overdue", "missing", "soon", "in_date")
DUE: Final[tuple[State, ...]] = STATES[:3]
"""The states that want something done, worst first."""


@dataclass(frozen=True)
class Standing:
    """Where one person is with one course. `listed` says whether the list of people has the account."""

    account: str
    name: str
    group: str
    course: str
    done_on: date | None
    due_on: date | None
    state: State
    listed: bool


@dataclass(frozen=True)
class GroupCount:
    """How many of one group's courses are in each state; a person counts once for each course."""

    group: str
    course: str
    overdue: int
    missing: int
    soon: int
    in_date: int


@dataclass(frozen=True)
class Register:
    """Everybody's standings. Of `unplaced` people it can't be told whether anything is expected of them."""

    standings: tuple[Standing, ...]
    unplaced: int

    @property
    def due(self) -> tuple[Standing, ...]:
        """Those that want something done, worst first."""
        ranked = [one for one in self.standings if one.state in DUE]
        return tuple(
            sorted(ranked, key=lambda one: (DUE.index(one.state), one.due_on or date.min, one.name.casefold()))
        )

    @property
    def counts(self) -> tuple[GroupCount, ...]:
        """The numbers by group and course."""
        found: dict[tuple[str, str], dict[State, int]] = defaultdict(lambda: dict.fromkeys(STATES, 0))
        names: dict[str, str] = {}
        for one in self.standings:
            names.setdefault(folded(one.course), one.course)
            found[one.group, folded(one.course)][one.state] += 1
        return tuple(GroupCount(group, names[key], **numbers) for (group, key), numbers in sorted(found.items()))


@dataclass(frozen=True)
class _Somebody:
    account: str
    name: str
    group: str
    listed: bool
    expected: bool


def register(today: date, in_scope: Callable[[str], bool] = lambda _group: True) -> Register:
    """Return where everybody is who has not left, of the groups that `in_scope` lets through."""
    wanted: TrainingSettings = settings.CONFIG.training
    people, gone, unplaced = _people(today, wanted, in_scope)
    find = who()
    done: dict[int | str, dict[str, list[TrainingRecord]]] = defaultdict(lambda: defaultdict(list))
    for row in TrainingRecord.objects.order_by("done_on", "pk"):
        known = find(row.account)
        somebody: int | str = known.person if known is not None else row.key
        if known is None and somebody not in people:
            if not in_scope(""):
                continue
            people[somebody] = _Somebody(row.account, "", "", listed=False, expected=False)
        if somebody not in gone and somebody in people:
            done[somebody][row.course_key].append(row)
    names = {folded(course): course for course in wanted.courses}
    found: list[Standing] = []
    for somebody, one in people.items():
        courses = done[somebody]
        expected = set(names) if one.expected else set()
        found.extend(
            _standing(one, names.get(course), courses.get(course, []), wanted.every_months, today)
            for course in sorted(courses.keys() | expected)
        )
    return Register(tuple(found), unplaced)


def months_later(day: date, months: int) -> date:
    """Return the same day so many months on, or that month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _people(
    today: date, wanted: TrainingSettings, in_scope: Callable[[str], bool]
) -> tuple[dict[int | str, _Somebody], set[int | str], int]:
    """Everybody listed by id, the ids of those who have left, and of how many it can't be told what they are."""
    people: dict[int | str, _Somebody] = {}
    gone: set[int | str] = set()
    unplaced = 0
    for row in Person.objects.order_by("key"):
        group = policy_in_force.group_of(row.account) or row.group
        if row.gone_at is not None or (row.leaves_on is not None and row.leaves_on < today):
            gone.add(row.pk)
        elif in_scope(group):
            expected = group in wanted.groups if wanted.groups else policy_in_force.is_staff(group)
            people[row.pk] = _Somebody(row.account, row.name, group, listed=True, expected=expected)
            unplaced += not wanted.groups and not _is_known(group)
    return people, gone, unplaced


def _is_known(group: str) -> bool:
    policy = policy_in_force.in_force()
    return group == "staff" if policy is None else policy.group(group) is not None


def _standing(
    one: _Somebody, course: str | None, rows: Iterable[TrainingRecord], every_months: int, today: date
) -> Standing:
    done = list(rows)
    name = course if course is not None else done[-1].course
    if not done:
        return Standing(one.account, one.name, one.group, name, None, None, "missing", one.listed)
    # A short refresher does not end a longer certificate.
    due = max(row.due_on or months_later(row.done_on, every_months) for row in done)
    state: State = "overdue" if due < today else "soon" if due <= today + SOON else "in_date"
    return Standing(one.account, one.name, one.group, name, done[-1].done_on, due, state, one.listed)
