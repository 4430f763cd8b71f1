"""Gathers the yearly review: twelve months' published figures, policies, duties, tests, and what people recorded.

Figures come from the kept summaries alone (`year_figures`). What stands beside them is about duties, signed rules and
harmless tests, of no use and of no case, and as it is on the day of the review.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext

from server import (
    acknowledgements,
    board,
    partners,
    policy_words,
    rules_in_force,
    summary_calendar,
    training,
    trips,
    year_figures,
)
from server.errors import NotThere, SetUpError
from server.figures import shifted
from server.rules_in_force import PolicyVersion, RulesInForce
from server.store.models import BoardRecord, Device, MonthlySummary, Organisation, TrainingRecord, Trip
from server.summary_document import Summary, read
from server.summary_words import month_words
from server.training_file import folded
from server.working_hours import organisation_zone
from server.year_document import (
    FORMAT,
    Decision,
    Duty,
    GroupTests,
    PartnerStanding,
    Point,
    PolicyChange,
    Review,
    SignedPolicy,
    Trained,
    Training,
)

MONTHS = 12


def of(until: str, now: datetime) -> Review:
    """Return the review of the twelve months up to `until` (YYYY-MM); an empty text is the newest month that is over.

    Raises SetUpError for a text that is no month, one that is not over, or rules that were altered, and NotThere where
    no summary of the twelve months is kept.
    """
    made = gather(until, now)
    if not made.figures.months:
        said = gettext("no monthly summary is kept of the twelve months up to %(month)s, so there is nothing to review")
        raise NotThere(said % {"month": month_words(made.last)})
    return made


def gather(until: str, now: datetime) -> Review:
    """Return the same also where no summary is kept: an inspection may come in the first month. Raises SetUpError."""
    organisation = Organisation.objects.first()
    if organisation is None:
        raise SetUpError("this collector has no organisation yet; run fairwatch-server init")
    until = until or summary_calendar.last_over(now, organisation.timezone)
    first, after = _year(until, now)
    rules = rules_in_force.in_force(Path(settings.DATA_DIR))
    today = now.astimezone(organisation_zone()).date()
    told = board.standing(now)
    figures = year_figures.of(_summaries(first, after), _months(first))
    tested = _tests(first, after)
    return Review(
        format=FORMAT,
        organisation=organisation.name,
        zone=organisation.timezone,
        pilot=organisation.pilot,
        sample=organisation.sample,
        until=until,
        made_at=now,
        figures=figures,
        group_names={**{one.group: one.name for one in figures.groups}, **trips.group_names()},
        policies=_policies(rules, first, after),
        policy_in_force=rules.version if rules is not None else 0,
        asked_times=policy_words.review(rules.policy) if rules is not None else "",
        ended_exceptions=sum(one.until < today for one in rules.policy.exceptions) if rules is not None else 0,
        on_trial=tuple(pack.id for pack in rules.packs if not pack.acts) if rules is not None else (),
        duties=_duties(today),
        training=_training(today),
        trained=_trained(first, after),
        partners=_partners(now),
        tests=tested,
        untested=_untested({one.group for one in tested}),
        senior_leader=_text(told.senior_leader),
        governor=_text(told.governor),
        assessed_on=told.assessment.on if told.assessment is not None else None,
        assessment=_text(told.assessment),
        due_on=told.due_on,
        due=told.due,
        open=tuple(_point(one) for one in told.open),
        settled=tuple(
            one for one in map(_point, told.settled) if one.decided_on is not None and one.decided_on >= first
        ),
        decisions=tuple(_decision(one) for one in told.decisions if one.on is not None),
    )


def months_to_review(now: datetime) -> list[str]:
    """Return the months up to which there is something to review, newest first: those with a kept summary."""
    zone = organisation_zone().key
    kept = MonthlySummary.objects.values_list("month", flat=True).distinct()
    return sorted((month for month in kept if summary_calendar.is_over(month, now, zone)), reverse=True)


def _year(until: str, now: datetime) -> tuple[date, date]:
    """Return the first of twelve months and the day after the last; raises SetUpError."""
    zone = organisation_zone().key
    last, after = summary_calendar.bounds(until)
    if not summary_calendar.is_over(until, now, zone):
        newest = summary_calendar.last_over(now, zone)
        raise SetUpError(f"{until} is not over yet; the newest month that can be reviewed is {newest}")
    return shifted(last, 1 - MONTHS), after


def _months(first: date) -> list[str]:
    return [summary_calendar.name_of(shifted(first, number)) for number in range(MONTHS)]


def _summaries(first: date, after: date) -> list[Summary]:
    """Return the newest kept version of each of the year's months."""
    begin, end = summary_calendar.name_of(first), summary_calendar.name_of(after)
    rows = MonthlySummary.objects.filter(month__gte=begin, month__lt=end).order_by("month", "revision")
    newest = {row.month: row.pk for row in rows.only("pk", "month")}
    kept = MonthlySummary.objects.filter(pk__in=newest.values()).values_list("document", flat=True)
    return [read(document) for document in kept]


def _policies(rules: RulesInForce | None, first: date, after: date) -> tuple[SignedPolicy, ...]:
    """Return the policies that were in force in the year, newest first: those signed in it, and the last before."""
    zone = organisation_zone()
    found: list[SignedPolicy] = []
    for one in rules.history if rules is not None else ():
        signed_on = one.signed_at.astimezone(zone).date()
        if signed_on < after:
            found.append(_policy(one, signed_on, first))
        if signed_on < first:
            break
    return tuple(found)


def _policy(one: PolicyVersion, signed_on: date, first: date) -> SignedPolicy:
    said = one.changes
    return SignedPolicy(
        version=one.version,
        signed_on=signed_on,
        signed_by=one.signed_by,
        first=one.first,
        earlier=signed_on < first,
        changes=tuple(PolicyChange(each.about, each.before, each.after) for each in said) if said is not None else None,
    )


def _duties(today: date) -> tuple[Duty, ...]:
    counts = acknowledgements.register(today).counts
    return tuple(Duty(one.title, one.version, one.group, one.people, one.acknowledged) for one in counts)


def _training(today: date) -> tuple[Training, ...]:
    counts = training.register(today).counts
    return tuple(Training(one.course, one.group, one.overdue, one.missing, one.soon, one.in_date) for one in counts)


def _trained(first: date, after: date) -> tuple[Trained, ...]:
    """Return how many people did each course in the year, whether or not they have left since."""
    names = {folded(course): course for course in settings.CONFIG.training.courses}
    people: dict[str, set[str]] = defaultdict(set)
    rows = TrainingRecord.objects.filter(done_on__gte=first, done_on__lt=after)
    for course_key, course, who in rows.values_list("course_key", "course", "key"):
        names.setdefault(course_key, course)
        people[course_key].add(who)
    return tuple(Trained(name, len(people[key])) for key, name in sorted(names.items()))


def _partners(now: datetime) -> tuple[PartnerStanding, ...]:
    return tuple(
        PartnerStanding(
            name=one.details.name,
            lead=one.details.lead,
            agreement_on=one.details.agreement_on,
            policy_on=one.details.policy_on,
            training_on=one.details.training_on,
            due_on=one.due_on,
            state=one.state,
        )
        for one in partners.register(now)
    )


def _tests(first: date, after: date) -> tuple[GroupTests, ...]:
    """Return each group's tests that were asked for in the year and are over; they are harmless, and of nobody."""
    zone = organisation_zone()
    begin, end = (datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone.key)) for day in (first, after))
    found: dict[str, list[Trip]] = defaultdict(list)
    for trip in Trip.objects.filter(asked_at__gte=begin, asked_at__lt=end).defer("header", "envelope", "signature"):
        if trips.outcome(trip) != "waiting":
            found[trip.group].append(trip)
    return tuple(_tested(group, found[group]) for group in sorted(found))


def _tested(group: str, some: list[Trip]) -> GroupTests:
    some = sorted(some, key=lambda one: one.asked_at)
    arrived = [one for one in some if trips.outcome(one) == "arrived"]
    seconds = [one.took.total_seconds() for one in arrived if one.took is not None]
    return GroupTests(
        group=group,
        tests=len(some),
        arrived=len(arrived),
        half_seconds=round(statistics.median(seconds), 1) if seconds else None,
        last_at=some[-1].asked_at,
        last_arrived=trips.outcome(some[-1]) == "arrived",
        failed=tuple(one.asked_at for one in some if trips.outcome(one) != "arrived"),
    )


def _untested(tested: set[str]) -> tuple[str, ...]:
    """Return the groups that have devices, and had no test in the year."""
    there = Device.objects.filter(status=Device.Status.ACTIVE, sample=False)
    return tuple(sorted(set(there.values_list("group", flat=True)) - tested))


def _text(row: BoardRecord | None) -> str:
    return row.text if row is not None else ""


def _point(one: board.Point) -> Point:
    zone = organisation_zone()
    return Point(
        text=one.text,
        raised_on=one.at.astimezone(zone).date(),
        decided_on=one.settled.at.astimezone(zone).date() if one.settled is not None else None,
        decision=_text(one.settled),
    )


def _decision(row: BoardRecord) -> Decision:
    assert row.on is not None  # a decision without its day is never recorded
    return Decision(row.on, row.people, row.text, row.until)
