"""Says a month's summary in words, tables and charts, once for the page, the PDF and the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString, mark_safe

from rules.services import in_words
from server import category_names
from server.charts import NARROW, WIDE, Bar, Layout, bars, number
from server.figures import shifted
from server.summary_document import Counted, Figure, Group, Incidents, Named, Summary, Visits

FEWER, WITHHELD = "fewer than five", "withheld"
"""What stands for a count under five, and for one that would let such a count be worked out."""

OTHERS = "All others together"
"""What stands for kinds of cases that are not told apart, because one of them, or all together, were under five."""

CHART_LINES = 10
"""Bars of a chart: the largest categories; the table below has them all."""

CAME_OF = {
    "false_alarm": "A false alarm",
    "accepted": "True, and accepted",
    "none": "True, no further action",
    "advice": "Advice given",
    "watch": "Watched until a date",
    "support": "Support offered",
    "channel": "Referred: Prevent or Channel",
    "local_authority": "Referred: local authority’s designated officer",
    "police": "Referred: police",
    "health": "Referred: health",
    "hr": "Passed to human resources",
    "undecided": "Not decided yet",
    "part": "Made a part of another case",
    "unreadable": "Could not be read",
}
"""What came of a case: its finding where it was no concern, else its outcome."""
_SOURCES = {
    "browser_history": "browser history",
    "browser_extension": "browser extension",
    "foreground": "app in front",
    "processes": "running apps",
    "resolved": "names looked up",
    "session": "app in front",
    "rules": "rules",
}
_CATEGORIES = {
    "urgent": "Urgent cases by category",
    "routine": "Routine cases by category",
    "all": "Cases by category",
}
NO_CATEGORY = {"unreadable": "Could not be read", "unknown": "A category that is no longer in use"}
"""What stands for cases that have no category in use."""
_URGENCY = {"urgent": "Urgent", "routine": "Routine"}


@dataclass(frozen=True)
class Table:
    """A table with its caption; the first column is a row's heading."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def lines(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Each row as its heading and its cells, a cell beside its column's name (which a phone shows with it)."""
        return [(row[0], list(zip(self.columns[1:], row[1:], strict=True))) for row in self.rows]


@dataclass(frozen=True)
class Shown:
    """Everything that a reader sees of a summary, in order."""

    title: str
    month: str
    made: str
    words: str
    awaiting: bool
    revision: int
    pilot: bool
    sample: bool
    unlisted: bool
    impossible: bool
    coverage: Table
    gaps: Table
    chart: SafeString
    narrow_chart: SafeString
    all_use: Table
    use: tuple[Table, ...]
    together: Table
    background: Table
    top: Table
    phones: tuple[Table, ...]
    withheld_phones: tuple[str, ...]
    withheld_groups: tuple[str, ...]
    safeguarding: bool
    urgency: Table
    response: Table
    sealed: tuple[Table, ...]
    false_alarms: str
    rule_changes: Table
    tests: Table


_NOTHING = Table("", (), ())


def shown(summary: Summary) -> Shown:
    """Return a summary as it is read."""
    names = category_names.category_names()
    before = month_words(shifted(summary.first, -1))
    incidents = summary.incidents
    return Shown(
        title=f"Use and safeguarding in {month_words(summary.first)}",
        month=month_words(summary.first),
        made=time_words(summary.made_at, summary.zone),
        words=summary.words,
        awaiting=summary.sealed is None,
        revision=summary.revision,
        pilot=summary.pilot,
        sample=summary.sample,
        unlisted=summary.coverage.unlisted,
        impossible=summary.coverage.impossible,
        coverage=_coverage(summary),
        gaps=_gaps(summary),
        chart=_chart(summary, names, before, WIDE),
        narrow_chart=_chart(summary, names, before, NARROW),
        all_use=_figures("All groups", summary.totals, names, before),
        use=tuple(_use(group, names, before) for group in summary.groups if not group.suppressed),
        together=_figures("Groups that may only be shown together", summary.together, names, before),
        background=_background(summary, before),
        top=_top(summary, names),
        phones=_phones(summary, names, before),
        withheld_phones=tuple(one.name for one in summary.phones.groups if one.suppressed) if summary.phones else (),
        withheld_groups=tuple(group.name for group in summary.groups if group.suppressed),
        safeguarding=incidents is not None,
        urgency=_NOTHING if incidents is None else _counts("Cases received, by urgency", incidents.urgency, _URGENCY),
        response=_NOTHING if incidents is None else _response(incidents),
        sealed=_sealed(summary, names),
        false_alarms=_false_alarms(summary),
        rule_changes=Table(
            "Rules that came into force",
            ("What", "Version", "Signed"),
            tuple(
                (one.what.capitalize(), str(one.version), time_words(one.at, summary.zone))
                for one in summary.rule_changes
            ),
        ),
        tests=_tests(summary),
    )


def month_words(first: date) -> str:
    """October 2026."""
    return f"{first:%B %Y}"


def time_words(at: datetime, zone: str) -> str:
    """A moment as people say it, where the organisation is."""
    here = at.astimezone(ZoneInfo(zone))
    return f"{here.day} {here:%B %Y, %H:%M}"


def _coverage(summary: Summary) -> Table:
    rows = []
    named = {group.group: group.name for group in summary.groups}
    for group, enrolled in summary.coverage.enrolled.items():
        heard = summary.coverage.reported.get(group, 0)
        rows.append((named.get(group, group), str(enrolled), str(heard), str(enrolled - heard)))
    return Table("Devices that reported in the month", ("Group", "Enrolled", "Reported", "Silent"), tuple(rows))


def source_words(source: str) -> str:
    """What on a device sees, as a reader says it."""
    return _SOURCES.get(source, source.replace("_", " ")).capitalize()


def _gaps(summary: Summary) -> Table:
    named = {group.group: group.name for group in summary.groups}
    rows = tuple(
        (
            source_words(gap.source),
            named.get(gap.group, gap.group),
            str(gap.devices),
            gap.reason or "No reason was given",
            time_words(gap.since, summary.zone) + (", still so at the month’s end" if gap.lasting else ""),
        )
        for gap in summary.coverage.gaps
    )
    return Table("What could not be seen", ("Source", "Group", "Devices", "Why", "Since"), rows)


def _chart(summary: Summary, names: Mapping[str, str], before: str, layout: Layout) -> SafeString:
    # Of one group alone there are no totals: its own figures are what there is to see.
    figures = summary.totals or (_categories(summary.groups[0]) if len(summary.groups) == 1 else ())
    lines = [Bar(_label(one, names), one.hours, one.before) for one in figures[:CHART_LINES]]
    compared = before if any(line.before is not None for line in lines) else ""
    title = f"Hours of use by category in {month_words(summary.first)}"
    chart = bars(title, lines, unit="h", now=month_words(summary.first), before=compared, layout=layout)
    return mark_safe(chart)  # noqa: S308 - built in charts.py, which escapes every word


def _use(group: Group, names: Mapping[str, str], before: str) -> Table:
    return _figures(group.name, _categories(group), names, before)


def _categories(group: Group) -> tuple[Figure, ...]:
    return group.categories or group.figures  # documents of before there were sums have none


def _figures(caption: str, figures: Iterable[Figure], names: Mapping[str, str], before: str) -> Table:
    return _hours(caption, [(_label(one, names), one) for one in figures], before)


def _background(summary: Summary, before: str) -> Table:
    lines = [("Apps" if one.kind == "app" else "Sites", one) for one in summary.background]
    return _hours("Background traffic: updates and the like, nobody’s use and in no figure above", lines, before)


def _hours(caption: str, lines: Iterable[tuple[str, Figure]], before: str) -> Table:
    rows = tuple(
        (label, number(one.hours), _or_dash(one.before), _change(one), _or_dash(one.year_before))
        for label, one in lines
    )
    return Table(caption, ("What", "Hours", before, "Change", "A year before"), rows)


def _label(figure: Figure | Visits, names: Mapping[str, str]) -> str:
    category = category_names.category(dict(names), figure.category)
    if isinstance(figure, Visits) and figure.name:
        return f"{in_words(figure.name)}: {category}"  # a service's name ends with a bracket of its own
    return (
        f"{in_words(figure.name)} ({category})" if figure.name else category_words(figure.category, figure.kind, names)
    )


def category_words(category: str, kind: str, names: Mapping[str, str]) -> str:
    """A category's name, and whether sites or apps of it are meant."""
    return f"{category_names.category(dict(names), category)} ({'apps' if kind == 'app' else 'sites'})"


def _or_dash(hours: float | None) -> str:
    return "–" if hours is None else number(hours)


def _change(figure: Figure) -> str:
    if figure.before is None:
        return "–"
    change = figure.hours - figure.before
    return f"{change:+,.0f} h" if abs(change) >= 0.5 else "about the same"


def _top(summary: Summary, names: Mapping[str, str]) -> Table:
    named = {group.group: group.name for group in summary.groups}
    rows = tuple(
        (
            one.name,
            "App" if one.kind == "app" else "Site",
            category_names.category(dict(names), one.category),
            number(one.hours),
            ", ".join(named.get(group, group) for group in one.groups),
        )
        for one in summary.top
    )
    return Table(
        "Sites and apps used most, of the common ones that may be named",
        ("Name", "Kind", "Category", "Hours", "In"),
        rows,
    )


def _phones(summary: Summary, names: Mapping[str, str], before: str) -> tuple[Table, ...]:
    """Phones by group, and their likely visits: over all, by group, and those that may only be shown together."""
    phones = summary.phones
    if phones is None:
        return ()
    named = {group.group: group.name for group in summary.groups}
    enrolled = tuple((named.get(group, group), str(number)) for group, number in phones.enrolled.items())
    return (
        Table("Phones among the devices", ("Group", "Phones"), enrolled),
        _visits("Likely visits by phone, all groups", phones.totals, names, before),
        *(_visits(f"{one.name}: likely visits by phone", one.figures, names, before) for one in phones.groups),
        _visits("Likely visits by phones of groups that may only be shown together", phones.together, names, before),
    )


def _visits(caption: str, figures: Iterable[Visits], names: Mapping[str, str], before: str) -> Table:
    rows = tuple(
        (
            _label(one, names),
            f"{one.visits:,}",
            "–" if one.before is None else f"{one.before:,}",
            "–" if one.before is None else f"{one.visits - one.before:+,}",
            "–" if one.year_before is None else f"{one.year_before:,}",
        )
        for one in figures
    )
    return Table(caption, ("What", "Likely visits", before, "Change", "A year before"), rows)


def _counts(caption: str, counted: Counted, names: Mapping[str, str]) -> Table:
    few = FEWER if counted.total is None else f"{FEWER}, or {WITHHELD}"
    rows = [
        (names.get(part, part.replace("_", " ").capitalize()), few if count is None else f"{count:,}")
        for part, count in counted.parts.items()
    ]
    rows.append(("All", FEWER if counted.total is None else f"{counted.total:,}"))
    return Table(caption, ("Which", "Cases"), tuple(rows))


def _response(incidents: Incidents) -> Table:
    rows = tuple(
        (name, minutes_words(response.median_minutes), minutes_words(response.p95_minutes))
        for name, response in (("Urgent cases", incidents.urgent_response), ("All cases", incidents.response))
    )
    return Table(
        f"From receipt to the first opening. Opened later than the policy asks, or not yet: {late_words(incidents)}.",
        ("Which", "Half within", "19 of 20 within"),
        rows,
    )


def late_words(incidents: Incidents) -> str:
    """How many cases were opened later than the policy asks, as far as it may be told."""
    if incidents.nearly_all_late:
        return f"all, or all but {FEWER}"
    return FEWER if incidents.opened_late is None else f"{incidents.opened_late:,}"


def minutes_words(minutes: float | None) -> str:
    """How long something took, in a unit that a reader can picture."""
    if minutes is None:
        return "too few to say"
    if minutes < 120:
        return f"{minutes:,.0f} minutes"
    hours = minutes / 60
    return f"{hours:,.0f} hours" if hours < 72 else f"{hours / 24:,.0f} days"


def _sealed(summary: Summary, names: Mapping[str, str]) -> tuple[Table, ...]:
    if summary.sealed is None:
        return ()
    words = {**names, **NO_CATEGORY}
    return (
        *(_named(_CATEGORIES[part], counts, words) for part, counts in summary.sealed.categories.items()),
        _named("What came of them", summary.sealed.outcomes, CAME_OF),
    )


def _named(caption: str, counts: Named, names: Mapping[str, str]) -> Table:
    ranked = sorted(counts.parts.items(), key=lambda one: (-one[1], one[0]))
    rows = [(names.get(part, part.replace("_", " ").capitalize()), f"{count:,}") for part, count in ranked]
    if counts.rest:
        rows.append((OTHERS, f"{counts.rest:,}"))
    rows.append(("All", FEWER if counts.total is None else f"{counts.total:,}"))
    return Table(caption, ("Which", "Cases"), tuple(rows))


def _false_alarms(summary: Summary) -> str:
    if summary.sealed is None:
        return ""
    found = summary.sealed.outcomes
    if found.total is None or "false_alarm" not in found.parts:
        return "The share of false alarms can’t be told: there were too few cases."
    return f"{found.parts['false_alarm'] / found.total:.0%} of the cases were found to be false alarms."


def _tests(summary: Summary) -> Table:
    named = {group.group: group.name for group in summary.groups}
    rows = tuple(
        (
            named.get(one.group, one.group),
            time_words(one.at, summary.zone),
            "Arrived" if one.arrived else "Did not arrive",
            "–" if one.seconds is None else f"{one.seconds:.0f} seconds",
        )
        for one in summary.tests
    )
    return Table("The last test of the whole way, by group", ("Group", "When", "Result", "Took"), rows)
