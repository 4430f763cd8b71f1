"""Says a year in a dozen lines, and what asks for a decision: what a board reads before anything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from server.disclosure import PEOPLE_MIN
from server.policy_words import day_words
from server.summary_document import Incidents
from server.summary_words import FEWER, month_words
from server.year_document import Review, YearMonth

ASSESSED_WITHIN = timedelta(days=366)
"""An impact assessment that nobody went through for a year is asked about."""

NAMED_MONTHS = 3
"""More are counted: a board looks them up in the table."""

NONE = "–"
"""What stands where there is nothing."""


def in_short(review: Review) -> Iterator[tuple[str, str]]:
    """Yield what a board wants to know first: about what, and a sentence."""
    months = review.figures.months
    if months:
        last = months[-1]
        yield "Devices", f"{last.reported:,} of {last.enrolled:,} reported in {month_name(last.month)}."
        yield "Cases", _received(review)
        yield "Opened in time", _in_time(months)
        yield "False alarms", false_alarms(months)
    yield "Policy", _signed(review)
    tests, arrived = (sum(getattr(one, what) for one in review.tests) for what in ("tests", "arrived"))
    yield "Tests", f"{arrived:,} of {many(tests, 'test')} of the whole way arrived." if tests else "None was run."
    asked, given = (sum(getattr(one, what) for one in review.duties) for what in ("people", "acknowledged"))
    yield "Acknowledged", f"{given:,} of {asked:,} that were asked for." if asked else "Nothing is asked for."
    yield "Training", _trained(review)
    if review.partners:
        late = sum(one.state in {"overdue", "missing"} for one in review.partners)
        fine = "all in date" if not late else f"{late:,} overdue or with something missing"
        yield "Partners", f"{many(len(review.partners), 'organisation')}, {fine}."
    assessed = f"Last gone through on {day_or_dash(review.assessed_on)}." if review.assessed_on else ""
    yield "Impact assessment", assessed or "No day is recorded."
    yield "Next review", f"Due on {day_or_dash(review.due_on)}." if review.due_on else "No day is set."


def _received(review: Review) -> str:
    cases = review.figures.cases
    received = many(cases.received.cases, "case")
    if not cases.few:
        return f"{received}."
    if not cases.received.months:
        return f"{FEWER.capitalize()} in each of the {many(cases.few, 'month')}."
    return (
        f"{received} in the {many(cases.received.months, 'month')} in which five or more came; "
        f"{FEWER} in each of the other {cases.few}."
    )


def _in_time(months: Iterable[YearMonth]) -> str:
    late = [one.month for one in months if one.incidents is not None and _is_late(one.incidents)]
    if not late:
        return "In no month were five or more cases opened later than the policy asks, or not yet."
    when = listed(map(month_name, late)) if len(late) <= NAMED_MONTHS else many(len(late), "month")
    return f"Five or more cases were opened later than the policy asks, or not yet, in {when}."


def _is_late(incidents: Incidents) -> bool:
    return incidents.nearly_all_late or (incidents.opened_late or 0) >= PEOPLE_MIN


def false_alarms(months: Iterable[YearMonth]) -> str:
    """The share of false alarms, over the months that name how many there were."""
    told = [one.sealed.outcomes for one in months if one.sealed is not None]
    named = [(one.parts["false_alarm"], one.total) for one in told if one.total and "false_alarm" in one.parts]
    if not named:
        return "Their share can’t be told of any month."
    share = sum(count for count, _ in named) / sum(total for _, total in named)
    return f"{share:.0%} of the cases of the {many(len(named), 'month')} of which it can be told."


def _signed(review: Review) -> str:
    signed = sum(not one.earlier for one in review.policies)
    if not review.policy_in_force:
        return "None is published here."
    were = "was" if signed == 1 else "were"
    return (
        f"Version {review.policy_in_force} is in force. {many(signed, 'version')} {were} signed in the twelve months."
    )


def _trained(review: Review) -> str:
    if not review.training:
        return "Nothing is expected of anybody who is listed."
    overdue, missing, soon, fine = (
        sum(getattr(one, state) for one in review.training) for state in ("overdue", "missing", "soon", "in_date")
    )
    return f"{overdue:,} overdue, {missing:,} without a date, {soon:,} due within 30 days, {fine:,} in date."


def asks(review: Review) -> Iterator[str]:
    """Yield what somebody has to decide or do, in sentences."""
    yield from _asks_of_figures(review)
    yield from _asks_of_tests(review)
    yield from _asks_of_duties(review)
    yield from _asks_of_rules(review)
    yield from _asks_of_records(review)


def _asks_of_figures(review: Review) -> Iterator[str]:
    figures = review.figures
    if figures.missing and figures.months:
        yield f"No summary is kept of {listed(map(month_name, figures.missing))}."
    if figures.cases.awaiting:
        yield f"In {many(figures.cases.awaiting, 'month')} no lead has counted the sealed cases."
    if any(one.incidents is not None and _is_late(one.incidents) for one in figures.months):
        yield "Cases were opened later than the policy asks. Are there enough leads, at the right hours?"


def _asks_of_tests(review: Review) -> Iterator[str]:
    failed = [group_name(review, one.group) for one in review.tests if not one.last_arrived]
    if failed:
        yield f"The last test did not arrive: {listed(failed)}."
    if review.untested:
        yield f"No test was run in the twelve months: {listed(group_name(review, one) for one in review.untested)}."


def _asks_of_duties(review: Review) -> Iterator[str]:
    due = sum(one.people - one.acknowledged for one in review.duties)
    if due:
        yield f"{many(due, 'acknowledgement')} {'is' if due == 1 else 'are'} still to be given."
    late = sum(one.overdue + one.missing for one in review.training)
    if late:
        yield f"{many(late, 'training date')} {'is' if late == 1 else 'are'} overdue or not known."
    odd = [one.name for one in review.partners if one.state in {"overdue", "missing"}]
    if odd:
        yield f"Partners that are overdue or lack something: {listed(odd)}."


def _asks_of_rules(review: Review) -> Iterator[str]:
    if review.pilot:
        yield "This is a pilot with one custodian: before real use, two must sign."
    ended = review.ended_exceptions
    if ended:
        yield f"{many(ended, 'exception')} of the policy {'has' if ended == 1 else 'have'} ended: take out, or renew?"
    if review.on_trial:
        yield f"Lists on trial, which flag nothing until they are promoted: {listed(review.on_trial)}."


def _asks_of_records(review: Review) -> Iterator[str]:
    for who, name in (("senior leader", review.senior_leader), ("governor or board member", review.governor)):
        if not name:
            yield f"No {who} is recorded as responsible."
    if review.assessed_on is None:
        yield "No day is recorded on which the impact assessment was gone through."
    elif review.assessed_on + ASSESSED_WITHIN < review.made_on:
        yield f"The impact assessment was last gone through on {day_or_dash(review.assessed_on)}, more than a year ago."
    if review.due == "overdue":
        yield f"The review was due on {day_or_dash(review.due_on)}."


def listed(names: Iterable[str]) -> str:
    """Names as a sentence has them: a, b and c."""
    return " and ".join(", ".join(names).rsplit(", ", 1))


def month_name(month: str) -> str:
    """A month's id (2026-10) in words."""
    return month_words(date.fromisoformat(f"{month}-01"))


def day_or_dash(day: date | None) -> str:
    """A day in words, or a dash where there is none."""
    return day_words(day) if day is not None else NONE


def group_name(review: Review, group: str) -> str:
    """A group's name, or its id where the policy has it no more."""
    return review.group_names.get(group, group) or "No group"


def many(count: int, one: str) -> str:
    """A count with what is counted: 1 test, 2 tests."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"
