"""The sample is made up: forty devices, five groups, reserved names, and the same again from the same seed."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

from rules.compiler import compile_shipped
from rules.engine import Rules
from server import sample
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
