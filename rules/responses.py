"""Says in words what comes of each kind of use, for pages, papers and the people at devices alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal

import msgspec

from rules.hours import describe
from rules.model import Category
from rules.policy import Decision, ExceptionReason, Group, Policy, PolicyException

Section = Literal["urgent", "flag", "remind", "total", "ignore", "protected"]

SECTIONS: Final[Mapping[Section, tuple[str, str]]] = {
    "urgent": (
        "Flagged at once",
        "Somebody may be in danger: the safeguarding lead is told at once. Nobody else can open what was flagged.",
    ),
    "flag": ("Flagged", "An incident for the safeguarding lead. Nobody else can open it."),
    "remind": (
        "Reminded",
        "The person is told, on their own screen, when the day’s minutes are used up. Nobody else is told.",
    ),
    "total": ("Counted", "Only minutes, in monthly figures of groups of at least five people, never of one person."),
    "ignore": ("Ignored", "Nothing tells it apart: its minutes are only part of “other”."),
    "protected": (
        "Protected",
        "Never flagged, whatever any list says, and no policy can change that. Its minutes are only part of “other”.",
    ),
}
"""What comes of each kind of use: a heading and a sentence."""

REASONS: Final[Mapping[ExceptionReason, str]] = {
    "course_content": "part of a course",
    "job_role": "needed for a job",
    "own_service": "the organisation’s own service",
    "false_alarm": "a false alarm",
    "accepted_risk": "a risk that was accepted",
    "research": "research",
}
"""The closed list of reasons, as a reader says them."""

SOFTER: Final = {"remind": "reminded only", "total": "counted only", "ignore": "ignored"}
"""What an exception makes of a response."""

ALWAYS: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)
"""Rules do not depend on the time once exceptions are set aside, so any will do."""


@dataclass(frozen=True)
class GroupSection:
    """What comes of some categories for one group; a category that reminds has its minutes beside it."""

    id: Section
    title: str
    explanation: str
    categories: tuple[str, ...]


def for_group(policy: Policy, group: str) -> tuple[GroupSection, ...]:
    """Every category under what comes of it for this group, in the taxonomy's order; exceptions are apart."""
    plain = without_exceptions(policy)
    found: dict[Section, list[str]] = {section: [] for section in SECTIONS}
    for category in policy.taxonomy.categories:
        decision = plain.decide(category.id, group, ALWAYS)
        section = section_of(category, decision)
        beside = ""
        if section == "remind":
            beside = f" ({decision.daily_minutes} minutes a day)"
        elif section == "total" and category.sensitive:
            beside = " (as part of “other”)"
        found[section].append(f"{category.name}{beside}")
    return tuple(GroupSection(one, *SECTIONS[one], tuple(names)) for one, names in found.items() if names)


def exceptions_for(policy: Policy, group: str, day: date) -> tuple[str, ...]:
    """The exceptions that hold for this group on that day, each in a sentence; never a sensitive site."""
    return tuple(
        f"{policy.taxonomy.get(one.category).name}, {about(policy, one)}: {SOFTER[one.response]}, as "
        f"{REASONS[one.reason]}, until {day_words(one.until)}."
        for one in policy.exceptions
        if one.until >= day and one.group in (None, group)
    )


def section_of(category: Category, decision: Decision) -> Section:
    """Under which heading a category stands, given what was decided about it."""
    if category.protected:
        return "protected"
    return "urgent" if decision.response == "flag" and decision.urgent else decision.response


def private_time(group: Group) -> str:
    """When a group's time is private, and what that means."""
    hours = describe(group.working_hours)
    when = f"outside {hours}" if hours else "at all hours"
    return {
        "none": "no private time: devices are watched at all hours",
        "drop_all": f"{when}, nothing is collected",
        "urgent_only": f"{when}, nothing is collected but what is flagged at once",
    }[group.private_time]


def about(policy: Policy, one: PolicyException) -> str:
    """What an exception is about; of a sensitive category no name is said."""
    if one.site is None and one.app is None:
        return "all of it"
    if policy.taxonomy.get(one.category).sensitive:
        return "one site" if one.site is not None else "one app"
    return str(one.site if one.site is not None else one.app)


def without_exceptions(policy: Policy) -> Policy:
    """The same policy without its exceptions."""
    return msgspec.structs.replace(policy, exceptions=())


_MONTHS: Final = ("January", "February", "March", "April", "May", "June",
                  "July", "August", "September", "October", "November", "December")  # fmt: skip


def day_words(day: date) -> str:
    """A day as people say it, in English whatever language the process speaks."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
