"""Say a policy in words that a safeguarding lead and a member of staff can read, and what changed between two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import msgspec

from rules.hours import describe
from rules.model import Category
from rules.policy import Decision, Group, Policy, PrivateTime
from rules.responses import (
    ALWAYS,
    REASONS,
    SECTIONS,
    SOFTER,
    Section,
    about,
    private_time,
    section_of,
    without_exceptions,
)
from rules.responses import day_words as day_words

_PRIVATE: Final[Mapping[PrivateTime, str]] = {
    "none": "None: devices are watched at all hours",
    "drop_all": "Nothing is collected",
    "urgent_only": "Nothing is collected but what is flagged at once",
}


@dataclass(frozen=True)
class CategoryWords:
    """One category in a section, and what is to be said beside it: for whom only, and how many minutes."""

    name: str
    beside: str


@dataclass(frozen=True)
class SectionWords:
    """What comes of some categories."""

    id: Section
    title: str
    explanation: str
    categories: tuple[CategoryWords, ...]


@dataclass(frozen=True)
class GroupWords:
    """One group: when its time is private, what that means, and whose accounts it has by pattern."""

    name: str
    hours: str
    private: str
    accounts: tuple[str, ...]


@dataclass(frozen=True)
class ExceptionWords:
    """One exception. What it is about stays unsaid where the category is sensitive."""

    category: str
    about: str
    group: str
    response: str
    reason: str
    until: date
    ended: bool


@dataclass(frozen=True)
class Change:
    """One thing that a policy says otherwise than the one before; None where it said nothing."""

    about: str
    before: str | None
    after: str | None


def by_response(policy: Policy) -> tuple[SectionWords, ...]:
    """Every category under what comes of it, in the taxonomy's order; a category may stand in several sections."""
    plain = without_exceptions(policy)
    found: dict[Section, list[CategoryWords]] = {section: [] for section in SECTIONS}
    for category in policy.taxonomy.categories:
        decisions = {group: plain.decide(category.id, group.id, ALWAYS) for group in policy.groups}
        for section in SECTIONS:
            inside = {group: one for group, one in decisions.items() if section_of(category, one) == section}
            if inside:
                beside = [_beside(inside, len(decisions))]
                if section == "total" and category.sensitive:
                    beside.append("part of “other”, as it is sensitive")
                found[section].append(CategoryWords(category.name, "; ".join(filter(None, beside))))
    return tuple(
        SectionWords(section, *SECTIONS[section], tuple(inside)) for section, inside in found.items() if inside
    )


def groups(policy: Policy) -> tuple[GroupWords, ...]:
    """Each group's working hours and private time, in the policy's order."""
    return tuple(
        GroupWords(
            group.name,
            describe(group.working_hours) or "none",
            _PRIVATE[group.private_time],
            tuple(pattern.text for pattern in group.accounts),
        )
        for group in policy.groups
    )


def review(policy: Policy) -> str:
    """Within which time the safeguarding lead should have looked at an incident."""
    minutes, days = policy.review.urgent_minutes, policy.review.routine_days
    return f"urgent within {_many(minutes, 'minute')}, everything else within {_many(days, 'day')}"


def contacts(policy: Policy) -> tuple[tuple[str, str], ...]:
    """Whom people can ask, each with their role; none where the policy names nobody."""
    named = (
        ("safeguarding lead", policy.contacts.safeguarding_lead),
        ("data protection officer", policy.contacts.data_protection_officer),
    )
    return tuple((role, text) for role, text in named if text)


def private_windows(policy: Policy) -> str:
    """Whether private windows of browsers are watched."""
    watched = policy.browsers.private_windows == "watched"
    return "watched, where the browser can be asked" if watched else "left out"


def looked_up_names(policy: Policy) -> str:
    """Whether names that any program of a laptop looks up are watched."""
    watched = policy.programs.looked_up_names == "watched"
    return "watched, where the laptop tells them, which is never called a visit for certain" if watched else "left out"


def exceptions(policy: Policy, today: date) -> tuple[ExceptionWords, ...]:
    """Every exception with its reason and its end, those that hold first."""
    names = {group.id: group.name for group in policy.groups}
    said = (
        ExceptionWords(
            category=policy.taxonomy.get(one.category).name,
            about=about(policy, one),
            group=names[one.group] if one.group is not None else "everyone",
            response=SOFTER[one.response],
            reason=REASONS[one.reason],
            until=one.until,
            ended=one.until < today,
        )
        for one in policy.exceptions
    )
    return tuple(sorted(said, key=lambda one: (one.ended, one.until)))


def changes(old: Policy | None, new: Policy) -> tuple[Change, ...]:
    """What a policy says otherwise than the one before it; everything where there was none."""
    before, after = (_statements(old) if old is not None else {}), _statements(new)
    found = []
    for key in (*after, *(key for key in before if key not in after)):
        was, now = before.get(key), after.get(key)
        if was != now:
            about = (now or was or ("", ""))[0]
            found.append(Change(about, was[1] if was is not None else None, now[1] if now is not None else None))
    return tuple(found)


def _statements(policy: Policy) -> dict[tuple[str, ...], tuple[str, str]]:
    """Each thing that a policy says, under a key by which two policies can be compared."""
    said: dict[tuple[str, ...], tuple[str, str]] = {
        ("start",): ("Start date", day_words(policy.start)),
        ("zone",): ("Time zone", policy.timezone),
    }
    if policy.closed_days:
        said["closed",] = ("Closed days", ", ".join(day_words(day) for day in sorted(policy.closed_days)))
    if policy.excluded_hosts:
        said["never",] = ("Never collected", ", ".join(sorted(policy.excluded_hosts)))
    for group in policy.groups:
        said["group", group.id] = (f"{group.name}: private time", private_time(group))
        if group.accounts:
            patterns = ", ".join(pattern.text for pattern in group.accounts)
            said["accounts", group.id] = (f"{group.name}: accounts, on whichever device", patterns)
        if group.staff:
            said["staff", group.id] = (group.name, "the data protection officer is told when a case is opened")
    for asked in policy.documents:
        whose = ", ".join(group.name for group in policy.groups if group.id in asked.groups) or "everyone"
        said["document", asked.id] = (f"To be acknowledged: {asked.title}", f"version {asked.version}, by {whose}")
    for role, text in contacts(policy):
        said["contact", role] = (f"Whom people can ask: {role}", text)
    said["private_windows",] = ("Private windows of browsers", private_windows(policy))
    said["looked_up_names",] = ("Names that any program of a laptop looks up", looked_up_names(policy))
    said["review",] = ("Looked at by the safeguarding lead", review(policy))
    plain = without_exceptions(policy)
    for category in policy.taxonomy.categories:
        words: dict[str, list[str]] = {}
        for group in policy.groups:
            words.setdefault(_decision(category, plain.decide(category.id, group.id, ALWAYS)), []).append(group.name)
        one = len(words) == 1
        text = "; ".join(what if one else f"{', '.join(whose)}: {what}" for what, whose in words.items())
        said["category", category.id] = (category.name, text)
    for promotion in policy.packs:
        said["pack", promotion.pack] = (f"Pack {promotion.pack}", f"acts, up to {promotion.most_entries:,} entries")
    for exception in policy.exceptions:
        (shown,) = exceptions(msgspec.structs.replace(policy, exceptions=(exception,)), date.min)
        key = ("exception", exception.category, exception.site or exception.app or "", exception.group or "")
        about = f"Exception: {shown.category}, {shown.about}, {shown.group}"
        said[key] = (about, f"{shown.response}, {shown.reason}, until {day_words(shown.until)}")
    return said


def _beside(inside: Mapping[Group, Decision], all_groups: int) -> str:
    minutes: dict[int | None, list[str]] = {}
    for group, decision in inside.items():
        minutes.setdefault(decision.daily_minutes, []).append(group.name)
    whole = len(inside) == all_groups
    if set(minutes) == {None}:
        return "" if whole else f"{_listed([group.name for group in inside])} only"
    parts = [
        f"{count} minutes a day" if whole and len(minutes) == 1 else f"{_listed(names)} {count} minutes a day"
        for count, names in minutes.items()
    ]
    return ", ".join(parts)


def _decision(category: Category, decision: Decision) -> str:
    if category.protected:
        return "protected"
    repeats = f"repeats within {decision.window_seconds // 60} minutes are one"
    return {
        "flag": f"flagged at once, {repeats}" if decision.urgent else f"flagged, {repeats}",
        "remind": f"reminded after {decision.daily_minutes} minutes a day",
        "total": "counted",
        "ignore": "ignored",
    }[decision.response]


def _many(count: int, unit: str) -> str:
    return f"{count:,} {unit}{'s' if count != 1 else ''}"


def _listed(names: list[str]) -> str:
    return " and ".join(", ".join(names).rsplit(", ", 1))
