"""The yearly review as a document: twelve months' published figures side by side, and what the board needs beside them.

Its figures of use and of cases are made from the kept monthly summaries alone (`year_figures`), so nothing can be
worked out from it that those do not tell.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from server.summary_document import EndToEnd, Incidents, Part, Sealed

FORMAT = 1

State = Literal["overdue", "missing", "soon", "in_date"]


class YearMonth(Part, frozen=True):
    """What one kept summary tells: devices of all groups, hours over all that is shown (None where nothing is)."""

    month: str
    version: int
    made_at: datetime
    enrolled: int
    reported: int
    hours: float | None
    incidents: Incidents | None
    sealed: Sealed | None
    tests: tuple[EndToEnd, ...]


class YearUse(Part, frozen=True):
    """Hours of one category, or of one nameable site or app, over the months in which they were told."""

    kind: Literal["host", "app"]
    category: str
    name: str
    hours: float
    months: int


class YearGroup(Part, frozen=True):
    """Hours of one group over the months in which something of it was told."""

    group: str
    name: str
    hours: float
    months: int


class YearBlind(Part, frozen=True):
    """What devices of a group could not see, and why: in how many months, and on how many devices at most."""

    group: str
    source: str
    reason: str
    months: int
    devices: int


class Told(Part, frozen=True):
    """Cases over the months in which they were told, and how many months those are."""

    cases: int
    months: int


class YearCounts(Part, frozen=True):
    """A table of cases by name, and `others`: those that months tell only together."""

    parts: dict[str, Told]
    others: Told


class YearCases(Part, frozen=True):
    """Cases received in the months that tell how many, and in how many months there were fewer than five.

    `counted` are months whose sealed cases a lead counted and that tell something of them, `awaiting` those that nobody
    counted yet.
    """

    received: Told
    few: int
    counted: int
    awaiting: int
    categories: YearCounts
    outcomes: YearCounts


class YearFigures(Part, frozen=True):
    """Twelve months of published figures; `missing` are those of which no summary is kept."""

    months: tuple[YearMonth, ...]
    missing: tuple[str, ...]
    use: tuple[YearUse, ...]
    groups: tuple[YearGroup, ...]
    sites: tuple[YearUse, ...]
    blind: tuple[YearBlind, ...]
    cases: YearCases


class PolicyChange(Part, frozen=True):
    """One thing that a policy says otherwise than the one before; None where it said nothing."""

    about: str
    before: str | None
    after: str | None


class SignedPolicy(Part, frozen=True):
    """A signed policy; `changes` is None where the earlier one can't be read. `earlier`: signed before the year."""

    version: int
    signed_on: date
    signed_by: tuple[str, ...]
    first: bool
    earlier: bool
    changes: tuple[PolicyChange, ...] | None


class Duty(Part, frozen=True):
    """How many of a group were asked to acknowledge a document, and how many have, on the day of the review."""

    title: str
    version: str
    group: str
    people: int
    acknowledged: int


class Training(Part, frozen=True):
    """How many of a group are in which state with a course, on the day of the review."""

    course: str
    group: str
    overdue: int
    missing: int
    soon: int
    in_date: int


class Trained(Part, frozen=True):
    """How many people did a course in the year."""

    course: str
    people: int


class PartnerStanding(Part, frozen=True):
    """What a partner organisation signed and confirmed, on the day of the review."""

    name: str
    lead: str
    agreement_on: date | None
    policy_on: date | None
    training_on: date | None
    due_on: date | None
    state: State


class GroupTests(Part, frozen=True):
    """A group's tests of the whole way in the year: how many, how many arrived, seconds that half took, and the last.

    Those that did not arrive are `failed`, by when they were asked for.
    """

    group: str
    tests: int
    arrived: int
    half_seconds: float | None
    last_at: datetime
    last_arrived: bool
    failed: tuple[datetime, ...]


class Point(Part, frozen=True):
    """A decision that is open, or what was decided of it and when."""

    text: str
    raised_on: date
    decided_on: date | None
    decision: str


class Decision(Part, frozen=True):
    """What the board decided: on which day, who was there, and the last month of the review that it had."""

    on: date
    people: str
    text: str
    until: str


class Review(Part, frozen=True):
    """The yearly review: figures of the twelve months up to `until`, and what holds on the day on which it was made.

    `group_names` are the names of groups, by id.
    """

    format: int
    organisation: str
    zone: str
    pilot: bool
    sample: bool
    until: str
    made_at: datetime
    figures: YearFigures
    group_names: dict[str, str]
    policies: tuple[SignedPolicy, ...]
    policy_in_force: int
    asked_times: str
    ended_exceptions: int
    on_trial: tuple[str, ...]
    duties: tuple[Duty, ...]
    training: tuple[Training, ...]
    trained: tuple[Trained, ...]
    partners: tuple[PartnerStanding, ...]
    tests: tuple[GroupTests, ...]
    untested: tuple[str, ...]
    senior_leader: str
    governor: str
    assessed_on: date | None
    assessment: str
    due_on: date | None
    due: State
    open: tuple[Point, ...]
    settled: tuple[Point, ...]
    decisions: tuple[Decision, ...]

    @property
    def first(self) -> date:
        """The first day of the twelve months."""
        last = self.last
        return date(last.year - 1, last.month + 1, 1) if last.month < 12 else date(last.year, 1, 1)

    @property
    def last(self) -> date:
        """The first day of the last month."""
        return date.fromisoformat(f"{self.until}-01")

    @property
    def made_on(self) -> date:
        """The day on which it was made, where the organisation is."""
        return self.made_at.astimezone(ZoneInfo(self.zone)).date()
