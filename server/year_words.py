"""Says the yearly review in words, tables and charts, once for its page, its file and the inspection pack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.safestring import SafeString, mark_safe

from rules.services import in_words
from server import category_names
from server.charts import NARROW, WIDE, Bar, Layout, bars, number
from server.summary_document import Incidents
from server.summary_words import (
    CAME_OF,
    CHART_LINES,
    FEWER,
    NO_CATEGORY,
    OTHERS,
    WITHHELD,
    Table,
    category_words,
    late_words,
    minutes_words,
    month_words,
    source_words,
    time_words,
)
from server.year_document import Decision, Point, Review, SignedPolicy, YearCounts, YearMonth
from server.year_headlines import NONE, asks, day_or_dash, false_alarms, group_name, in_short, listed, month_name

STATES: Mapping[str, str] = {
    "overdue": "overdue",
    "missing": "something missing",
    "soon": "due soon",
    "in_date": "in date",
}
"""How a partner stands, in words."""


@dataclass(frozen=True)
class ShownPolicy:
    """One signed policy: its heading, a sentence where that says all, and what it changed."""

    title: str
    sentence: str
    changes: Table


@dataclass(frozen=True)
class ShownReview:
    """Everything that a reader sees of a review, in order."""

    title: str
    period: str
    made: str
    pilot: bool
    sample: bool
    missing: str
    in_short: Table
    asks: tuple[str, ...]
    months: Table
    month_chart: SafeString
    narrow_month_chart: SafeString
    chart: SafeString
    narrow_chart: SafeString
    use: Table
    groups: Table
    sites: Table
    blind: Table
    asked_times: str
    cases: Table
    response: Table
    categories: Table
    outcomes: Table
    false_alarms: str
    policies: tuple[ShownPolicy, ...]
    duties: Table
    training: Table
    trained: Table
    partners: Table
    tests: Table
    failed: Table
    responsible: Table
    assessed: str
    assessment: str
    due: str
    open: Table
    settled: Table
    decisions: tuple[Decision, ...]
    earlier: Table


def shown(review: Review) -> ShownReview:
    """Return a review as it is read."""
    names = category_names.category_names()
    figures = review.figures
    period = f"{month_words(review.first)} to {month_words(review.last)}"
    return ShownReview(
        title=f"Yearly review, {period}",
        period=period,
        made=time_words(review.made_at, review.zone),
        pilot=review.pilot,
        sample=review.sample,
        missing=listed([month_name(one) for one in figures.missing]),
        in_short=Table("What is known on the day of the review", ("About", "What is known"), tuple(in_short(review))),
        asks=tuple(asks(review)),
        months=_months(figures.months),
        month_chart=_month_chart(review, WIDE),
        narrow_month_chart=_month_chart(review, NARROW),
        chart=_chart(review, names, WIDE),
        narrow_chart=_chart(review, names, NARROW),
        use=_use(review, names),
        groups=_groups(review),
        sites=_sites(review, names),
        blind=_blind(review),
        asked_times=review.asked_times,
        cases=_cases(figures.months),
        response=_response(figures.months),
        categories=_counted("Cases by category", figures.cases.categories, {**names, **NO_CATEGORY}),
        outcomes=_counted("What came of them", figures.cases.outcomes, CAME_OF),
        false_alarms=false_alarms(figures.months),
        policies=tuple(_policy(one) for one in review.policies),
        duties=_duties(review),
        training=_training(review),
        trained=Table(
            "Courses done in the twelve months",
            ("Course", "People"),
            tuple((one.course, f"{one.people:,}") for one in review.trained),
        ),
        partners=_partners(review),
        tests=_tests(review),
        failed=_failed(review),
        responsible=Table(
            "Responsible for it",
            ("Role", "Who"),
            (
                ("Senior leader", review.senior_leader or "nobody is recorded"),
                ("Governor or board member", review.governor or "nobody is recorded"),
            ),
        ),
        assessed=_or_nothing(review.assessed_on),
        assessment=review.assessment,
        due=_or_nothing(review.due_on),
        open=_points("Open", review.open, decided=False),
        settled=_points("Decided", review.settled, decided=True),
        decisions=tuple(one for one in review.decisions if one.until == review.until),
        earlier=_decisions([one for one in review.decisions if one.until != review.until]),
    )


def _or_nothing(day: date | None) -> str:
    return day_or_dash(day) if day is not None else "no day is recorded"


def _short(month: str) -> str:
    """A month as a narrow column has it: Oct 2026."""
    return f"{date.fromisoformat(f'{month}-01'):%b %Y}"


# --- figures ------------------------------------------------------------------------------------------------------


def _months(months: Iterable[YearMonth]) -> Table:
    rows = tuple(
        (
            _short(one.month),
            f"{one.enrolled:,}",
            f"{one.reported:,}",
            f"{one.enrolled - one.reported:,}",
            WITHHELD if one.hours is None else number(one.hours),
            str(one.version),
        )
        for one in months
    )
    columns = ("Month", "Devices enrolled", "Reported", "Silent", "Hours that may be told", "Version of the summary")
    return Table("Devices and use, month by month", columns, rows)


def _month_chart(review: Review, layout: Layout) -> SafeString:
    lines = [Bar(_short(one.month), one.hours) for one in review.figures.months if one.hours is not None]
    title = f"Hours of use that may be told, {month_words(review.first)} to {month_words(review.last)}"
    return mark_safe(bars(title, lines, unit="h", now="", layout=layout))  # noqa: S308 - charts.py escapes every word


def _chart(review: Review, names: Mapping[str, str], layout: Layout) -> SafeString:
    lines = [Bar(category_words(one.category, one.kind, names), one.hours) for one in review.figures.use[:CHART_LINES]]
    title = f"Hours of use by category, {month_words(review.first)} to {month_words(review.last)}"
    return mark_safe(bars(title, lines, unit="h", now="", layout=layout))  # noqa: S308 - charts.py escapes every word


def _use(review: Review, names: Mapping[str, str]) -> Table:
    rows = tuple(
        (category_words(one.category, one.kind, names), number(one.hours), str(one.months))
        for one in review.figures.use
    )
    return Table("Use by category, all groups", ("What", "Hours", "Months in which it is told"), rows)


def _groups(review: Review) -> Table:
    rows = tuple(
        (one.name, number(one.hours) if one.months else WITHHELD, str(one.months)) for one in review.figures.groups
    )
    return Table("Use by group", ("Group", "Hours", "Months in which it is told"), rows)


def _sites(review: Review, names: Mapping[str, str]) -> Table:
    rows = tuple(
        (
            in_words(one.name),
            "App" if one.kind == "app" else "Site",
            category_names.category(dict(names), one.category),
            number(one.hours),
            str(one.months),
        )
        for one in review.figures.sites
    )
    caption = "Sites and apps used most, of the common ones that may be named"
    return Table(caption, ("Name", "Kind", "Category", "Hours", "Months"), rows)


def _blind(review: Review) -> Table:
    rows = tuple(
        (
            source_words(one.source),
            group_name(review, one.group),
            one.reason or "No reason was given",
            str(one.months),
            str(one.devices),
        )
        for one in review.figures.blind
    )
    return Table("What devices could not see", ("Source", "Group", "Why", "Months", "Devices at most"), rows)


def _cases(months: Iterable[YearMonth]) -> Table:
    rows = tuple(_case_row(one.month, one.incidents) for one in months if one.incidents is not None)
    return Table("Cases, month by month", ("Month", "Received", "Urgent", "Routine", "Opened late, or not yet"), rows)


def _case_row(month: str, incidents: Incidents) -> tuple[str, ...]:
    total = incidents.urgency.total
    if total is None:
        return _short(month), FEWER, NONE, NONE, NONE
    parts = [incidents.urgency.parts.get(part) for part in ("urgent", "routine")]
    urgent, routine = (WITHHELD if count is None else f"{count:,}" for count in parts)
    return _short(month), f"{total:,}", urgent, routine, late_words(incidents)


def _response(months: Iterable[YearMonth]) -> Table:
    rows = tuple(
        (
            _short(one.month),
            *(
                minutes_words(minutes)
                for response in (one.incidents.urgent_response, one.incidents.response)
                for minutes in (response.median_minutes, response.p95_minutes)
            ),
        )
        for one in months
        if one.incidents is not None
    )
    return Table(
        "From receipt to the first opening",
        ("Month", "Urgent: half within", "Urgent: 19 of 20 within", "All: half within", "All: 19 of 20 within"),
        rows,
    )


def _counted(caption: str, counts: YearCounts, names: Mapping[str, str]) -> Table:
    rows = [
        (names.get(part, part.replace("_", " ").capitalize()), f"{told.cases:,}", str(told.months))
        for part, told in counts.parts.items()
    ]
    if counts.others.months:
        rows.append((OTHERS, f"{counts.others.cases:,}", str(counts.others.months)))
    return Table(caption, ("Which", "Cases", "Months in which it is told"), tuple(rows))


# --- rules, duties, tests -----------------------------------------------------------------------------------------


def _policy(one: SignedPolicy) -> ShownPolicy:
    by = f" by {listed(one.signed_by)}" if one.signed_by else ""
    title = f"Version {one.version}, signed on {day_or_dash(one.signed_on)}{by}"
    nothing = Table("", (), ())
    if one.earlier:
        return ShownPolicy(title, "In force when the twelve months began.", nothing)
    if one.first:
        return ShownPolicy(title, "The first policy: all of it was new. It stands on the page of the rules.", nothing)
    if one.changes is None:
        return ShownPolicy(title, "What it changed can’t be told: the one before can’t be read any more.", nothing)
    if not one.changes:
        return ShownPolicy(title, "It says what the one before said.", nothing)
    rows = tuple((each.about, each.before or NONE, each.after or NONE) for each in one.changes)
    return ShownPolicy(title, "", Table("What changed", ("About", "Before", "Since then"), rows))


def _duties(review: Review) -> Table:
    rows = tuple(
        (
            f"{one.title}, version {one.version}",
            group_name(review, one.group),
            f"{one.people:,}",
            f"{one.acknowledged:,}",
        )
        for one in review.duties
    )
    return Table("Acknowledged", ("Document", "Group", "Asked", "Acknowledged"), rows)


def _training(review: Review) -> Table:
    rows = tuple(
        (
            one.course,
            group_name(review, one.group),
            *(f"{count:,}" for count in (one.in_date, one.soon, one.overdue, one.missing)),
        )
        for one in review.training
    )
    columns = ("Course", "Group", "In date", "Due within 30 days", "Overdue", "Without a date")
    return Table("Training", columns, rows)


def _partners(review: Review) -> Table:
    rows = tuple(
        (
            one.name,
            one.lead or "no lead named",
            *(day_or_dash(day) for day in (one.agreement_on, one.policy_on, one.training_on, one.due_on)),
            STATES[one.state],
        )
        for one in review.partners
    )
    columns = ("Partner", "Their lead", "Agreement", "Policy", "Training", "Next due", "Stands")
    return Table("Partner organisations", columns, rows)


def _tests(review: Review) -> Table:
    rows = tuple(
        (
            group_name(review, one.group),
            f"{one.tests:,}",
            f"{one.arrived:,}",
            NONE if one.half_seconds is None else f"{one.half_seconds:.0f} seconds",
            f"{time_words(one.last_at, review.zone)}: {'arrived' if one.last_arrived else 'did not arrive'}",
        )
        for one in review.tests
    )
    return Table("Tests of the whole way", ("Group", "Run", "Arrived", "Half took at most", "The last"), rows)


def _failed(review: Review) -> Table:
    rows = [
        (at, (time_words(at, review.zone), group_name(review, one.group))) for one in review.tests for at in one.failed
    ]
    return Table("Tests that did not arrive in time", ("Asked for", "Group"), tuple(row for _, row in sorted(rows)))


# --- what people recorded -----------------------------------------------------------------------------------------


def _points(caption: str, points: Iterable[Point], *, decided: bool) -> Table:
    if decided:
        rows = [
            (one.text, day_or_dash(one.raised_on), f"{day_or_dash(one.decided_on)}: {one.decision}") for one in points
        ]
        return Table(caption, ("What", "Raised on", "Decision"), tuple(rows))
    return Table(caption, ("What", "Raised on"), tuple((one.text, day_or_dash(one.raised_on)) for one in points))


def _decisions(decisions: Iterable[Decision]) -> Table:
    rows = tuple((day_or_dash(one.on), one.people, one.text) for one in decisions)
    return Table("Earlier decisions of the board", ("On", "Who was there", "Decision"), rows)
