"""Give out the monthly ids that stand for accounts in totals: the same on all of an account's devices."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import PeopleAnswer, PeopleQuestion
from server.store.models import Organisation, PersonMonth

MONTHS_BACK = 13
"""A laptop may come back after a year in a drawer; older totals would be deleted on arrival."""


def answer(question: PeopleQuestion, now: datetime) -> PeopleAnswer:
    """Return the id of each account in that month, making those that are new.

    Raises Refused `malformed` for a month more than 13 back or more than one ahead of `now` (aware UTC), so that a
    device can't fill the table with months that are never counted.
    """
    _check_month(question.month, now)
    accounts = set(question.accounts)
    if any("\0" in account or not account for account in accounts):
        raise Refused(Code.MALFORMED, "an account name is empty or holds a NUL")
    known = PersonMonth.objects.filter(month=question.month, account__in=accounts)
    found = dict(known.values_list("account", "person"))
    missing = [PersonMonth(month=question.month, account=account) for account in sorted(accounts - found.keys())]
    if missing:
        PersonMonth.objects.bulk_create(missing, ignore_conflicts=True)
        found = dict(known.all().values_list("account", "person"))
    return PeopleAnswer(month=question.month, ids=found)


def _check_month(month: str, now: datetime) -> None:
    organisation = Organisation.objects.first()
    here = now.astimezone(ZoneInfo(organisation.timezone if organisation is not None else "UTC"))
    year, number = month.split("-")
    ahead = (int(year) - here.year) * 12 + int(number) - here.month
    if not -MONTHS_BACK <= ahead <= 1:
        raise Refused(Code.MALFORMED, "the month is too far from this one")
