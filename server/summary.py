"""Makes a month's summary, keeps it, and revises it as far as late data may show: the only maker of its documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from rules.model import BACKGROUND
from server import (
    audit,
    category_names,
    coverage,
    deletion_log,
    directory_index,
    figures,
    month_cases,
    month_totals,
    month_use,
    phone_figures,
    policy_in_force,
    rules_in_force,
    trips,
)
from server.disclosure import Block, Shares, blocks_of, revised
from server.errors import NotThere, SetUpError
from server.month_use import MonthUse
from server.retention import last_month_to_delete
from server.store.models import MonthBasis, MonthlySummary, Organisation, PersonMonth
from server.summary_calendar import bounds, is_over
from server.summary_document import FORMAT, Coverage, Gap, RuleChange, Summary, read, write


class Basis(msgspec.Struct):
    """What the newest version rests on: each person's group in the month, and each block's seconds by person."""

    groups: dict[int, str]
    blocks: list[tuple[str, str, str, str, dict[int, int]]]


def newest(month: str) -> Summary:
    """Return the newest version of a month's summary; raises NotThere where none was made."""
    kept = MonthlySummary.objects.filter(month=month).order_by("-revision").first()
    if kept is None:
        raise NotThere(gettext("there is no summary of %(month)s") % {"month": month})
    return read(kept.document)


def newest_or_made(month: str, now: datetime, actor: str = "job:summary") -> Summary:
    """Return a month's newest summary, making the first where none was made; raises as `make`."""
    bounds(month)
    return _kept(month) or make(month, now, actor)


def make(month: str, now: datetime, actor: str = "job:summary") -> Summary:
    """Make a month's summary, or a new version of it, and return the newest; the same again makes nothing new.

    A new version differs in use, as far as late data may show, and in what a lead handed in. Coverage and cases stay as
    they stood at the first, so that two versions can't be subtracted.

    Raises SetUpError for a month that is not over, for one whose totals are deleted, or before there is an
    organisation; NotThere for a month in which no device was enrolled.
    """
    organisation = Organisation.objects.first()
    if organisation is None:
        raise SetUpError("this collector has no organisation yet; run fairwatch-server init")
    first, after = bounds(month)
    if not is_over(month, now, organisation.timezone):
        raise SetUpError(f"{month} is not over yet: its summary is made on the first working day after it")
    with transaction.atomic():
        # One maker at a time: two processes must not both make a first version with different late data.
        Organisation.objects.select_for_update().first()
        before = _kept(month)
        if before is not None and not MonthBasis.objects.filter(month=month).exists():
            # The people behind it are deleted: its use stays as it is, what a lead hands in late is still told.
            sealed = month_totals.to_publish(month)
            made = msgspec.structs.replace(before, sealed=sealed, revision=before.revision + 1, made_at=now)
        else:
            blocks, use = _blocks(month)
            made = _document(organisation, month, first, after, before, blocks, use, now)
        if before is not None and _same(before, made):
            return before
        if not made.coverage.enrolled:
            raise NotThere(
                gettext("there is nothing to tell of %(month)s: no device was enrolled yet") % {"month": month}
            )
        if before is None and _too_late(month, now, organisation.timezone):
            raise SetUpError(f"no summary of {month} was made before its totals were deleted; none can be made now")
        MonthlySummary.objects.create(month=month, revision=made.revision, made_at=now, document=write(made))
        audit.write(actor, "summary_made", f"month:{month} version {made.revision}", now=now)
    return made


def _too_late(month: str, now: datetime, zone: str) -> bool:
    """Whether a month's totals are deleted: a summary made of nothing would read as a month without any use."""
    if month > last_month_to_delete(now, zone):
        return False
    after = bounds(month)[1]
    ended = datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(zone))
    # Of a month whose people are half deleted no figure would be right.
    return deletion_log.begun("usage", ended) or not PersonMonth.objects.filter(month=month).exists()


def _blocks(month: str) -> tuple[dict[Block, Shares], MonthUse]:
    basis = basis_of(month)
    use = month_use.of(month, directory_index.who(), basis.groups if basis is not None else None)
    if basis is None:
        blocks = blocks_of(use.uses)
    else:
        blocks = revised({Block(*key): shares for *key, shares in basis.blocks}, use.uses)
    _keep_basis(month, use, blocks, basis.groups if basis is not None else {})
    return blocks, use


def _keep_basis(month: str, use: MonthUse, blocks: Mapping[Block, Shares], groups: Mapping[int, str]) -> None:
    everyone = {one.person: one.group for one in use.uses} | dict(groups)
    basis = Basis(everyone, [(*block, dict(shares)) for block, shares in blocks.items()])
    MonthBasis.objects.update_or_create(month=month, defaults={"basis": msgspec.msgpack.encode(basis)})


def basis_of(month: str) -> Basis | None:
    """Return what a month's newest version rests on; None where none was made, or its people are deleted."""
    kept = MonthBasis.objects.filter(month=month).first()
    return msgspec.msgpack.decode(bytes(kept.basis), type=Basis) if kept is not None else None


def forget_person(month: str, person: int, instead: int) -> None:
    """Let a number that is nobody's stand for a person in what a month's newest version rests on.

    Its figures stay as they were published; what they rest on tells of that person no more.
    """
    basis = basis_of(month)
    if basis is None:
        return
    basis.groups = {instead if one == person else one: group for one, group in basis.groups.items()}
    basis.blocks = [
        (group, kind, category, name, {instead if one == person else one: seconds for one, seconds in shares.items()})
        for group, kind, category, name, shares in basis.blocks
    ]
    MonthBasis.objects.filter(month=month).update(basis=msgspec.msgpack.encode(basis))


def _document(
    organisation: Organisation,
    month: str,
    first: date,
    after: date,
    before: Summary | None,
    blocks: Mapping[Block, Shares],
    use: MonthUse,
    now: datetime,
) -> Summary:
    last, last_year = _kept(f"{figures.shifted(first, -1):%Y-%m}"), _kept(f"{figures.shifted(first, -12):%Y-%m}")
    seen, phones = _coverage(first, after, organisation.timezone) if before is None else _covered(before)
    blocks, looked_up = phone_figures.apart(blocks)
    behind = {block: shares for block, shares in blocks.items() if block.category == BACKGROUND}
    blocks = {block: shares for block, shares in blocks.items() if block not in behind}
    names = _group_names(seen.enrolled, before)
    groups = figures.by_group(blocks, names, last, last_year)
    rest = figures.together(blocks, last, last_year)
    totals = figures.totals(groups, rest, last, last_year)
    return Summary(
        format=FORMAT,
        organisation=organisation.name,
        zone=organisation.timezone,
        pilot=organisation.pilot,
        sample=organisation.sample,
        month=month,
        revision=1 if before is None else before.revision + 1,
        made_at=now,
        coverage=msgspec.structs.replace(seen, unlisted=use.unlisted, impossible=use.impossible),
        groups=groups,
        together=rest,
        totals=totals,
        top=figures.top(groups),
        incidents=month_cases.figures(first, after, organisation.timezone) if before is None else before.incidents,
        sealed=month_totals.to_publish(month),
        rule_changes=_rule_changes(first, after, organisation.timezone) if before is None else before.rule_changes,
        background=figures.background(behind, last, last_year),
        phones=phone_figures.figures(looked_up, phones, names, last, last_year),
        tests=trips.of_month(first, after, organisation.timezone) if before is None else before.tests,
        words=figures.words(totals, category_names.category_names(), f"{figures.shifted(first, -1):%B %Y}"),
    )


def _kept(month: str) -> Summary | None:
    kept = MonthlySummary.objects.filter(month=month).order_by("-revision").first()
    return read(kept.document) if kept is not None else None


def _same(before: Summary, made: Summary) -> bool:
    """Whether a new version would say nothing new."""
    return msgspec.structs.replace(made, revision=before.revision, made_at=before.made_at) == before


def _covered(before: Summary) -> tuple[Coverage, Mapping[str, int]]:
    return before.coverage, before.phones.enrolled if before.phones is not None else {}


def _coverage(first: date, after: date, zone: str) -> tuple[Coverage, Mapping[str, int]]:
    """What is said of coverage, and phones by group."""
    seen = coverage.of(first, after, zone)
    gaps = tuple(Gap(one.group, one.source, one.reason, one.devices, one.since, one.lasting) for one in seen.gaps)
    return Coverage(seen.enrolled, seen.reported, gaps, unlisted=False), seen.phones


def _group_names(enrolled: Mapping[str, int], before: Summary | None) -> dict[str, str]:
    """Every group that has devices or rules, with its name; once published, those it was published with."""
    if before is not None:
        return {one.group: one.name for one in before.groups}
    policy = policy_in_force.in_force()
    named = {group.id: group.name for group in policy.groups} if policy is not None else {}
    return {
        group: named.get(group, group.replace("_", " ").replace("-", " ").capitalize()) for group in {*enrolled, *named}
    }


def _rule_changes(first: date, after: date, zone: str) -> tuple[RuleChange, ...]:
    try:
        rules = rules_in_force.in_force(Path(settings.DATA_DIR))
    except SetUpError:
        return ()
    here = ZoneInfo(zone)
    return tuple(
        RuleChange(version.signed_at, "policy", version.version)
        for version in (rules.history if rules is not None else ())
        if first <= version.signed_at.astimezone(here).date() < after
    )
