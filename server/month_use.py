"""Adds up one month of totals by person and thing: what a summary's figures are made from, and nothing else reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection

from protocol.limits import DAY_MAX_SECONDS
from server import log
from server.disclosure import Use
from server.store.models import Device, SubjectRequest, UsageKey

_SUMS = """
SELECT u.person, u.device, u.key, SUM(u.seconds), SUM(u.visits)
FROM store_personmonth p JOIN store_usage u ON u.person = p.id
WHERE p.month = %s
GROUP BY u.person, u.device, u.key
"""
"""By the key's own order (person, device, ...), so that SQLite reads the month's stretch of the table once."""


_LONG_DAYS = """
SELECT u.person, u.device, u.day
FROM store_personmonth p JOIN store_usage u ON u.person = p.id
WHERE p.month = %s AND u.seconds > 0
GROUP BY u.person, u.device, u.day
HAVING SUM(u.seconds) > %s
"""

_DAY = "SELECT key, seconds FROM store_usage WHERE person = %s AND device = %s AND day = %s AND seconds > 0"


PHONE_KINDS = {"host": "phone_host", "app": "phone_app"}
"""The kinds of what phones looked up, of which nobody can count minutes: their amounts are likely visits."""


_Sum = tuple[int, tuple[int, int], int]
"""A row of `PersonMonth`, a device and a key, and an amount."""


class Known(NamedTuple):
    """Who an account is: a number that is the same for all of a person's accounts, and the group, if it is known."""

    person: int
    group: str | None


@dataclass(frozen=True)
class MonthUse:
    """A month's use by person.

    Who asked to be left out is in none of it. `unlisted` says that there was use of accounts that nobody is known to
    have, `impossible` that a device told of days with more use than they have hours: both are left out.
    """

    uses: tuple[Use, ...]
    unlisted: bool
    impossible: bool = False


def of(month: str, who: Callable[[str], Known | None], groups: Mapping[int, str] | None = None) -> MonthUse:
    """Return a month's use (`YYYY-MM`).

    `who` knows the people behind accounts; use of others is left out, since whoever administers a device could make up
    accounts and so lift a figure over the least of five. A person is in one group for the whole month: the one in
    `groups`, where an earlier version of the summary put them, else their own, else that of the device they used most.
    """
    keys = {key.pk: (key.kind, key.category, key.name) for key in UsageKey.objects.all()}
    timed, looked_up = _sums(month)
    timed, impossible = _possible(month, timed, {number: kind for number, (kind, _, _) in keys.items()})
    sums = timed + looked_up
    known = _people(month, who)
    apart = left_out(who)
    people = {row: one for row, one in known.items() if one.person not in apart}
    given = _groups(sums, people, groups or {})
    uses = (*_uses(timed, people, given, keys, {}), *_uses(looked_up, people, given, keys, PHONE_KINDS))
    return MonthUse(uses, any(row not in known for row, _, _ in sums), impossible)


def _uses(
    sums: Iterable[_Sum],
    people: Mapping[int, Known],
    groups: Mapping[int, str],
    keys: Mapping[int, tuple[str, str, str]],
    kinds: Mapping[str, str],
) -> Iterator[Use]:
    found: dict[tuple[int, int], int] = defaultdict(int)
    for row, (_, key), amount in sums:
        if row in people and key in keys:
            found[people[row].person, key] += amount
    for (person, number), amount in sorted(found.items()):
        kind, category, name = keys[number]
        yield Use(person, groups[person], kinds.get(kind, kind), category, name, amount)


def _sums(month: str) -> tuple[list[_Sum], list[_Sum]]:
    """Seconds by person, device and key; and, of phones, likely visits."""
    phones = set(Device.objects.filter(public_key__isnull=True).values_list("number", flat=True))
    timed: list[_Sum] = []
    looked_up: list[_Sum] = []
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [month])
        for row, device, key, seconds, visits in cursor.fetchall():
            if device in phones:
                if visits:
                    looked_up.append((row, (device, key), int(visits)))
            elif seconds:
                timed.append((row, (device, key), int(seconds)))
    return timed, looked_up


def left_out(who: Callable[[str], Known | None]) -> frozenset[int]:
    """Whose use is in no figure, since they asked for its restriction (UK GDPR, Article 18), until that is lifted."""
    asked = SubjectRequest.objects.filter(restricted_at__isnull=False).values_list("account", flat=True)
    return frozenset(known.person for account in asked if (known := who(account)) is not None)


def _possible(month: str, sums: list[_Sum], kinds: Mapping[int, str]) -> tuple[list[_Sum], bool]:
    """The sums without the days on which a device told of more use than a day has, and whether there were any."""
    too_much: dict[tuple[int, tuple[int, int]], int] = defaultdict(int)
    with connection.cursor() as cursor:
        cursor.execute(_LONG_DAYS, [month, DAY_MAX_SECONDS])
        for row, device, day in cursor.fetchall():
            cursor.execute(_DAY, [row, device, day])
            rows = cursor.fetchall()
            by_kind: dict[str, int] = defaultdict(int)
            for key, seconds in rows:
                by_kind[kinds.get(key, "")] += seconds
            if max(by_kind.values()) > DAY_MAX_SECONDS:
                log.event(
                    "impossible_totals",
                    device=Device.objects.filter(number=device).values_list("pk", flat=True).first(),
                )
                for key, seconds in rows:
                    too_much[row, (device, key)] += seconds
    left = [(row, at, seconds - too_much.get((row, at), 0)) for row, at, seconds in sums]
    return [one for one in left if one[2] > 0], bool(too_much)


def _people(month: str, who: Callable[[str], Known | None]) -> dict[int, Known]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, account FROM store_personmonth WHERE month = %s", [month])
        return {row: known for row, account in cursor.fetchall() if (known := who(account)) is not None}


def _groups(sums: list[_Sum], people: Mapping[int, Known], fixed: Mapping[int, str]) -> dict[int, str]:
    """One group for each person."""
    of_device = dict(Device.objects.values_list("number", "group"))
    most: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row, (device, _), seconds in sums:
        if row in people:
            most[people[row].person][of_device.get(device, "")] += seconds
    own = {known.person: known.group for known in people.values() if known.group}
    by_device = {person: max(groups, key=lambda group: (groups[group], group)) for person, groups in most.items()}
    return by_device | own | {person: group for person, group in fixed.items() if person in by_device}
