"""Narrows a summary to some groups: the same figures, fewer. Nothing is counted anew, so no difference tells more."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from django.db.models import Q
from django.utils.translation import gettext

from server import figures
from server.errors import NotThere
from server.store.models import User
from server.summary_document import Phones, Summary


def of_group(summary: Summary, group: str) -> Summary:
    """Return the document with one group's use and coverage, beside the whole organisation's cases.

    Raises NotThere for a group that the summary does not have.
    """
    known = [one.group for one in summary.groups]
    if group not in known:
        raise NotThere(
            gettext("there is no group %(group)s in %(month)s; there are %(known)s")
            % {"group": repr(group), "month": summary.month, "known": ", ".join(known)}
        )
    return _narrowed(summary, {group})


def of_partner(summary: Summary, groups: Collection[str]) -> Summary:
    """Return what a partner's manager or lead is shown: their groups, and no count of the organisation's cases."""
    return without_cases(_narrowed(summary, groups))


def without_cases(summary: Summary) -> Summary:
    """Return what a lead is shown: beside their queue, a count of all cases would tell that one is kept from them."""
    return msgspec.structs.replace(summary, incidents=None, sealed=None)


def for_reader(summary: Summary, user: User) -> Summary:
    """Return what somebody who signs in is shown: a partner their groups, a lead no count of cases."""
    seen = of_partner(summary, user.groups) if user.groups else summary
    return without_cases(seen) if user.opens_evidence else seen


def for_address(summary: Summary, address: str) -> Summary | None:
    """Return what goes to an e-mail address: what everybody who has it here may be shown, all to a stranger's.

    None where it belongs only to people who left.
    """
    mine = Q(email__iexact=address) | Q(notify_settings__email__iexact=address)
    users = list(User.objects.filter(mine).distinct())
    here = [one for one in users if one.is_active]
    if users and not here:
        return None
    for user in here:
        summary = for_reader(summary, user)
    return summary


def _narrowed(summary: Summary, groups: Collection[str]) -> Summary:
    seen = summary.coverage
    kept = tuple(one for one in summary.groups if one.group in groups)
    return msgspec.structs.replace(
        summary,
        groups=kept,
        together=(),
        totals=(),
        top=figures.top(kept),
        coverage=msgspec.structs.replace(
            seen,
            enrolled={group: number for group, number in seen.enrolled.items() if group in groups},
            reported={group: number for group, number in seen.reported.items() if group in groups},
            gaps=tuple(gap for gap in seen.gaps if gap.group in groups),
        ),
        tests=tuple(one for one in summary.tests if one.group in groups),
        words="",
        background=(),
        phones=_narrowed_phones(summary.phones, groups),
    )


def _narrowed_phones(phones: Phones | None, groups: Collection[str]) -> Phones | None:
    if phones is None:
        return None
    kept = tuple(one for one in phones.groups if one.group in groups)
    enrolled = {group: number for group, number in phones.enrolled.items() if group in groups}
    return Phones(enrolled, kept) if kept or enrolled else None
