"""Add totals to what is there: one `ON CONFLICT ... DO UPDATE SET seconds = seconds + ...` for both databases."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from itertools import chain
from uuid import UUID

from django.db import connection, transaction

from protocol.codes import Code
from protocol.errors import Refused
from protocol.limits import DAY_MAX_SECONDS
from protocol.messages import UsageRow
from server.store.models import UsageKey

MOST = 2_147_483_647
"""What a column holds on PostgreSQL. A device that adds for ever to one row must not make the collector fail."""

_ADD = (
    "ON CONFLICT (person, device, day, key) DO UPDATE "
    "SET seconds = {least}(store_usage.seconds{wide} + excluded.seconds, {most}), "
    "visits = {least}(store_usage.visits{wide} + excluded.visits, {most})"
)
ROWS_AT_ONCE = 100
"""Rows in one SQLite statement: a third less time than one by one, and fewer hand-overs between threads."""

INSERT_POSTGRESQL = (
    "INSERT INTO store_usage (person, device, day, key, seconds, visits) "  # noqa: S608 - constants only
    "SELECT * FROM unnest(%s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::integer[]) "
    + _ADD.format(least="LEAST", wide="::bigint", most=MOST)
)

_Key = tuple[str, str, str]
_key_ids: dict[str, dict[_Key, int]] = {}
"""Ids of usage keys by database, for committed keys only; keys are never deleted, so an entry never goes stale."""

KEYS_REMEMBERED = 50_000
"""Nameable names times categories stay far below; a flood of made-up names must not fill the memory."""


def add(device: int, rows: Iterable[UsageRow]) -> None:
    """Add rows to what is there, for the device of that number; call inside the transaction that marks the record seen.

    Raises Refused (before anything is written): `unknown_person` when a person id was not given out for that month,
    `bad_record` when a day has more than 25 hours. What several records make of a day is looked at by the month.
    """
    rows = tuple(rows)
    people = _people(rows)
    _fit_a_day(rows)
    # What comes in late of somebody whose totals were erased is dropped: it must not bring them back.
    rows = tuple(row for row in rows if row.person.int in people)
    about = [(row.kind, row.category, row.name or "") for row in rows]
    keys = _keys(set(about))
    days = {day: day.year * 10000 + day.month * 100 + day.day for day in {row.day for row in rows}}
    sums: dict[tuple[int, int, int, int], tuple[int, int]] = {}
    for row, key in zip(rows, about, strict=True):
        at = (people[row.person.int], device, days[row.day], keys[key])
        there = sums.get(at)
        sums[at] = (row.seconds, row.visits) if there is None else (there[0] + row.seconds, there[1] + row.visits)
    # Sorted, so that two transactions take row locks in the same order and pages are written in order.
    write(sorted((*at, *value) for at, value in sums.items()))


def write(rows: list[tuple[int, int, int, int, int, int]]) -> None:
    """Add sorted, distinct rows of (person, device, day, key, seconds, visits)."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[start : start + ROWS_AT_ONCE]
            connection.connection.execute(_insert_sqlite(len(some)), tuple(chain.from_iterable(some)))
        return
    with connection.cursor() as cursor:
        cursor.execute(INSERT_POSTGRESQL, [list(column) for column in zip(*rows, strict=True)])


@cache
def _insert_sqlite(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * rows)
    add = _ADD.format(least="MIN", wide="", most=MOST)
    return f"INSERT INTO store_usage (person, device, day, key, seconds, visits) VALUES {values} {add}"  # noqa: S608


def forget_keys() -> None:
    """Forget the remembered ids of keys: after the database was replaced (a restored backup, a test)."""
    _key_ids.clear()


def _people(rows: tuple[UsageRow, ...]) -> dict[int, int]:
    # By the integers of the ids: hashing UUID objects was a fifth of a request's time.
    months = {(row.person.int, row.day.year, row.day.month) for row in rows}
    wanted = {person for person, _, _ in months}
    marks = ",".join(["%s"] * len(wanted))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT person, id, month, erased_at FROM store_personmonth WHERE person IN ({marks})",  # noqa: S608 - only marks
            [f"{person:032x}" for person in wanted],
        )
        found = {UUID(str(person)).int: (number, month, erased) for person, number, month, erased in cursor.fetchall()}
    for person, year, month in months:
        given = found.get(person)
        if given is None or given[1] != f"{year:04}-{month:02}":
            raise Refused(Code.UNKNOWN_PERSON)
    if any(row.name is not None and "\0" in row.name for row in rows):
        raise Refused(Code.BAD_RECORD, "a name holds a NUL")
    return {person: number for person, (number, _, erased) in found.items() if erased is None}


def _fit_a_day(rows: tuple[UsageRow, ...]) -> None:
    spent: dict[tuple[int, date, str], int] = {}
    for row in rows:
        at = (row.person.int, row.day, row.kind)
        spent[at] = spent.get(at, 0) + row.seconds
    if max(spent.values(), default=0) > DAY_MAX_SECONDS:
        raise Refused(Code.BAD_RECORD, "a person's day has more than 25 hours of one kind of use")


def _keys(wanted: set[_Key]) -> dict[_Key, int]:
    known = _key_ids.setdefault(str(connection.settings_dict["NAME"]), {})
    missing = [key for key in wanted if key not in known]
    if not missing:
        return known
    UsageKey.objects.bulk_create(
        [UsageKey(kind=kind, category=category, name=name) for kind, category, name in sorted(missing)],
        ignore_conflicts=True,
    )
    rows = UsageKey.objects.filter(name__in={key[2] for key in missing}).values_list("kind", "category", "name", "id")
    fresh: dict[_Key, int] = {(kind, category, name): number for kind, category, name, number in rows}
    if len(known) + len(fresh) > KEYS_REMEMBERED:
        known.clear()
        return {**{key: fresh[key] for key in missing}, **_again(wanted - set(missing))}
    transaction.on_commit(lambda: known.update(fresh))
    return {**known, **fresh}


def _again(keys: set[_Key]) -> dict[_Key, int]:
    rows = UsageKey.objects.filter(name__in={key[2] for key in keys}).values_list("kind", "category", "name", "id")
    return {(kind, category, name): number for kind, category, name, number in rows}
