"""The sample is made up: forty devices, five groups, reserved names, and the same again from the same seed."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rules.compiler import compile_shipped
from rules.engine import Rules
from server import sample
from server.errors import SetUpError
from server.sample import Shape
from server.stage import DEMO_ENTRY

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def test_there_are_forty_devices_in_five_groups_with_names_that_say_sample():
    fleet = sample.devices()
    assert len(fleet) == len({device.name for device in fleet}) == 40
    assert {device.group for device in fleet} == set(sample.GROUPS)
    assert all(device.name.startswith("SAMPLE-") for device in fleet)
    accounts = [account for device in fleet for account in device.accounts]
    assert len(accounts) == len(set(accounts))
    assert all(account.startswith("sample-") for account in accounts)


def test_the_same_seed_makes_the_same_sample():
    fleet = sample.devices()
    assert sample.cases(fleet, NOW, random.Random(1)) == sample.cases(fleet, NOW, random.Random(1))
    days = [list(sample.uses(fleet[0], date(2026, 11, 20), random.Random(1))) for _ in range(2)]
    assert days[0] == days[1]


def test_cases_name_reserved_hosts_only_and_never_the_demonstrations():
    cases = sample.cases(sample.devices(), NOW, random.Random(1))
    assert len(cases) == sample.CASES
    assert all(case.entry.endswith(".example") and case.entry != DEMO_ENTRY for case in cases)


def test_use_names_only_what_the_nameable_list_names_in_a_category_that_may_be_told(tmp_path):
    compile_shipped(tmp_path)
    rules = Rules.open(tmp_path)
    for use in sample.uses(sample.devices()[0], date(2026, 11, 20), random.Random(1)):
        if use.category != "other":
            assert not rules.taxonomy.get(use.category).sensitive
        if use.name is not None:
            verdict = rules.classify("host", use.name)
            assert (verdict.nameable, use.category in verdict.categories) == (True, True), use.name
    rules.close()


def test_groups_have_as_many_devices_as_was_asked_each_with_one_person():
    fleet = Shape.of("20,30,7,3", None, 3).fleet()
    assert [sum(device.group == group for device in fleet) for group in sample.GROUPS] == [20, 30, 7, 3, 0]
    accounts = [account for device in fleet for account in device.accounts]
    assert len(set(accounts)) == len(accounts) == 60
    assert len({device.group for device in Shape.of(",".join("1" * 40), None, 1).fleet()}) == 40
    assert {device.group for device in Shape.of(None, 50, 1).fleet()} == {"learners"}


def test_a_history_ends_with_the_last_month_that_is_over_where_the_organisation_is():
    midnight = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    assert Shape((1,), 3).begins(midnight, ZoneInfo("Europe/London")) == date(2026, 7, 1)
    assert Shape((1,), 3).begins(midnight, ZoneInfo("Europe/Athens")) == date(2026, 8, 1)
    assert Shape((1,), 12).begins(datetime(2027, 1, 5, tzinfo=UTC), ZoneInfo("UTC")) == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("groups", "devices", "months", "told"),
    [
        ("20,x", None, 3, "a list of sizes like 20,30,7,3, not '20,x'"),
        ("", None, 3, "a list of sizes like 20,30,7,3, not ''"),
        ("20,0", None, 3, "each of at least one person, not 20,0"),
        ("20,-5", None, 3, "each of at least one person"),
        (",".join("1" * 41), None, 3, "1 to 40 groups"),
        (None, 0, 3, "each of at least one person, not 0"),
        ("20", 20, 3, "can't go together"),
        ("20", None, 0, "--months is 1 to 36, not 0"),
        ("20", None, 37, "--months is 1 to 36, not 37"),
        ("30001", None, 2, "30,001 people are too many: of 2 months there can be 30,000"),
        (None, 10**18, 1, "are too many"),
    ],
)
def test_a_history_that_cant_be_is_refused_in_a_sentence(groups, devices, months, told):
    with pytest.raises(SetUpError, match=told):
        Shape.of(groups, devices, months)


def test_of_a_longer_history_no_two_cases_began_at_once_and_all_lie_within():
    fleet = Shape((20, 30), 12).fleet()
    cases = sample.cases(fleet, NOW, random.Random(1), days=365, times=10)
    assert len({case.started for case in cases}) == len(cases) == 600
    assert all(timedelta() < NOW - case.started < timedelta(days=365) for case in cases)


def test_where_nobody_is_a_learner_the_cases_are_others():
    fleet = [device for device in sample.devices() if device.group == "staff"]
    assert len(sample.cases(fleet, NOW, random.Random(1))) == sample.CASES
