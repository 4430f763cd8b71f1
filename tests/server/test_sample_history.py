"""Made-up months leave behind what ingest would have: the same tables, of listed people, with nothing impossible."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from rules.compiler import compile_shipped
from rules.engine import Rules
from server import month_use, sample_history, summary
from server.coverage import of as coverage_of
from server.directory_index import who
from server.sample import Shape
from server.store.models import Device, Person, PersonMonth, UsageKey

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")


def written(groups, months):
    told = []
    sample_history.write(Shape(groups, months), NOW, LONDON, random.Random(1), lambda *said: told.append(said))
    return told


def asked(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_each_person_has_forty_rows_on_each_day_up_to_the_last_months_end(database, organisation):
    told = written((6, 3), 2)
    days = asked("SELECT person, day, COUNT(*) FROM store_usage GROUP BY person, day")
    assert len(days) == 9 * (30 + 31)
    assert {rows for _, _, rows in days} == {sample_history.ROWS_A_DAY}
    assert asked("SELECT MIN(day), MAX(day) FROM store_usage") == [(20260901, 20261031)]
    assert PersonMonth.objects.count() == 18
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[-1] == (1.0, "use in October 2026")
    assert coverage_of(date(2026, 10, 1), date(2026, 11, 1), "Europe/London").reported == {
        "learners": 6,
        "apprentices": 3,
    }


@pytest.mark.django_db
def test_nobody_uses_a_device_longer_than_a_day_is(organisation):
    written((5,), 1)
    [(most,)] = asked(
        "SELECT MAX(used) FROM (SELECT SUM(seconds) AS used FROM store_usage u JOIN store_usagekey k ON k.id = u.key "
        "GROUP BY person, day, kind) AS days"
    )
    assert most < 24 * 3600


@pytest.mark.django_db
def test_everybody_is_listed_so_that_all_their_use_counts(organisation):
    written((6, 3), 1)
    use = month_use.of("2026-10", who())
    assert not use.unlisted
    assert len({one.person for one in use.uses}) == Person.objects.count() == 9
    assert {one.group for one in use.uses} == {"learners", "apprentices"}


@pytest.mark.django_db
def test_each_month_that_is_over_has_its_summary_made_on_its_day(organisation):
    written((6, 3), 2)
    assert sample_history.tell(date(2026, 9, 1), NOW, "Europe/London") == 2
    october = summary.newest("2026-10")
    assert october.made_at == datetime(2026, 11, 2, 6, tzinfo=UTC)
    assert {one.group: one.suppressed for one in october.groups} == {"apprentices": True, "learners": False}
    assert all(figure.before is not None for figure in october.totals)
    assert sample_history.tell(date(2026, 9, 1), NOW, "Europe/London") == 2
    assert summary.newest("2026-10").revision == 1


@pytest.mark.django_db
def test_a_devices_numbers_go_on_after_those_that_are_there(device, organisation):
    written((3,), 1)
    numbers = sorted(Device.objects.values_list("number", flat=True))
    assert all(after == before + 1 for before, after in pairwise(numbers))


@pytest.mark.django_db
def test_it_names_only_what_the_nameable_list_names(organisation, tmp_path):
    written((1,), 1)
    compile_shipped(tmp_path)
    rules = Rules.open(tmp_path)
    for key in UsageKey.objects.exclude(name=""):
        verdict = rules.classify(key.kind, key.name)
        assert (verdict.nameable_as, key.category in verdict.categories) == (key.name, True), key.name
    rules.close()
