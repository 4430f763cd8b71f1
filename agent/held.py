"""Gathers what is held about one person on this device, and the rules for them: facts, for that person alone.

Nothing here depends on whether anything was flagged: no alert, count, queue or time of one is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from agent.bundle import Bundle
from agent.health import HealthReport, SourceHealth
from agent.observation import Kind
from agent.tally import OTHER, OwnTotal
from rules.model import BACKGROUND
from rules.policy import Contacts
from rules.responses import GroupSection, exceptions_for, for_group, private_time

OTHER_NAME = "Other"
BACKGROUND_NAME = "Background traffic"


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of a category, or of one nameable site or app in it (`name`), in three spans of time."""

    kind: Kind
    category: str
    category_name: str
    name: str | None
    today: int
    this_month: int
    last_month: int


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in force for the person's group; `group` is empty where the policy names none of theirs."""

    organisation: str
    policy_version: int
    signed_at: datetime | None
    signed_by: tuple[str, ...]
    group: str
    private_time: str
    responses: tuple[GroupSection, ...]
    exceptions: tuple[str, ...]
    never_collected: tuple[str, ...]
    contacts: Contacts
    page: str
    private_windows: bool = False
    looked_up_names: bool = False


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """All that the service tells a person. `collected_from` is None while nothing of theirs may be collected."""

    account: str
    watched: bool
    collected_from: datetime | None
    sources: tuple[SourceHealth, ...]
    last_contact: datetime | None
    today: date
    kept_from: date | None
    sums: tuple[Sum, ...]
    handed_on_seconds: int
    waiting_seconds: int
    rules: Rules | None
    documents: dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Who asks, as the service knows them: their account, their group, and from when on their use is collected."""

    account: str
    group: str
    watched: bool
    collected_from: datetime | None


def held(
    person: Person,
    totals: Iterable[OwnTotal],
    documents: dict[str, Any],
    bundle: Bundle | None,
    report: HealthReport,
    *,
    collector: str,
    now: datetime,
) -> Held:
    """Put together what one person may know; `totals` and `documents` are that person's own.

    `collector` is its address, at which the rules in force are a page; `now` is aware.
    """
    own = list(totals)
    today = bundle.policy.local_day(now) if bundle is not None else now.date()
    names = {one.id: one.name for one in bundle.policy.taxonomy.categories} if bundle is not None else {}
    return Held(
        account=person.account,
        watched=person.watched,
        collected_from=_here(person.collected_from, bundle),
        sources=report.sources,
        last_contact=_here(report.last_contact, bundle),
        today=today,
        kept_from=min((one.day for one in own), default=None),
        sums=sums(own, today, names),
        handed_on_seconds=sum(one.handed_on_seconds for one in own),
        waiting_seconds=sum(one.seconds - one.handed_on_seconds for one in own),
        rules=_rules(person.group, bundle, collector, today) if bundle is not None else None,
        documents=documents,
    )


def sums(totals: Iterable[OwnTotal], today: date, names: Mapping[str, str]) -> tuple[Sum, ...]:
    """Add up the days: websites before apps, most used first, what is not told apart last."""
    names = {**names, OTHER: OTHER_NAME, BACKGROUND: BACKGROUND_NAME}
    last_month = today.replace(day=1) - timedelta(days=1)
    found: dict[tuple[Kind, str, str | None], list[int]] = {}
    for one in totals:
        row = found.setdefault((one.kind, one.category, one.name), [0, 0, 0])
        row[0] += one.seconds if one.day == today else 0
        row[1] += one.seconds if _month(one.day) == _month(today) else 0
        row[2] += one.seconds if _month(one.day) == _month(last_month) else 0
    summed = [
        Sum(
            kind=kind,
            category=category,
            category_name=names.get(category, category),
            name=name,
            today=row[0],
            this_month=row[1],
            last_month=row[2],
        )
        for (kind, category, name), row in found.items()
        if any(row)
    ]
    return tuple(sorted(summed, key=_order))


def _here(at: datetime | None, bundle: Bundle | None) -> datetime | None:
    """The same instant in the organisation's own time zone, so that it is told with the day that people had."""
    return at.astimezone(ZoneInfo(bundle.policy.timezone)) if at is not None and bundle is not None else at


def _order(one: Sum) -> tuple[bool, bool, int, str, str]:
    whole = one.this_month + one.last_month
    return one.kind == "app", one.category in (OTHER, BACKGROUND), -whole, one.category, one.name or ""


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _rules(group_id: str, bundle: Bundle, collector: str, today: date) -> Rules:
    policy = bundle.policy
    group = policy.group(group_id)
    return Rules(
        organisation=policy.organisation,
        policy_version=bundle.policy_version,
        signed_at=_here(bundle.policy_signed_at, bundle),
        signed_by=bundle.policy_signed_by,
        group=group.name if group is not None else "",
        private_time=private_time(group) if group is not None else "",
        responses=for_group(policy, group.id) if group is not None else (),
        exceptions=exceptions_for(policy, group.id, today) if group is not None else (),
        never_collected=tuple(sorted(policy.excluded_hosts)),
        contacts=policy.contacts,
        page=f"{collector.rstrip('/')}/rules/",
        private_windows=policy.browsers.private_windows == "watched",
        looked_up_names=policy.programs.looked_up_names == "watched",
    )
