"""What policy puts out of scope is dropped before anything else sees it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.minimise import LONGEST_SECONDS, LOOK_AHEAD_SECONDS, minimise
from agent.observation import Observation
from rules import policy as policy_module
from rules.policy import Policy

IN_HOURS = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
EVENING = datetime(2026, 3, 4, 20, 0, tzinfo=UTC)


def test_without_rules_nothing_is_observed(seen):
    assert minimise(seen("bbc.co.uk"), None, "staff") is None


def test_without_anybody_to_seal_to_nothing_is_observed(bundle, office, seen):
    assert minimise(seen("bbc.co.uk"), bundle, "staff") is not None
    for left_out in (("recovery",), ("lead", "deputy", "partner_lead", "recovery")):
        unread = replace(bundle, recipients=office.listed(*left_out))
        assert minimise(seen("bbc.co.uk"), unread, "staff") is None


def test_nothing_from_before_the_start_date_is_observed(bundle, seen):
    assert minimise(seen("bbc.co.uk", datetime(2025, 12, 31, 12, 0, tzinfo=UTC)), bundle, "staff") is None


def test_excluded_hosts_are_dropped_with_all_below_them(bundle, seen):
    assert minimise(seen("payroll.example.org"), bundle, "staff") is None
    assert minimise(seen("www.payroll.example.org"), bundle, "staff") is None
    assert minimise(seen("notpayroll.example.org"), bundle, "staff") is not None


def test_private_time_is_dropped_or_left_to_the_judge_as_the_group_has_it(bundle, seen):
    assert minimise(seen("bbc.co.uk", EVENING), bundle, "staff") is None
    assert minimise(seen("bbc.co.uk", EVENING), bundle, "nobody_knows_this_group") is None
    kept = minimise(seen("bbc.co.uk", EVENING), bundle, "learners")
    assert (kept.urgent_only, kept.counted_seconds) == (True, 0)
    kept = minimise(seen("bbc.co.uk", EVENING), bundle, "partners")
    assert (kept.urgent_only, kept.counted_seconds) == (False, LOOK_AHEAD_SECONDS)


@pytest.mark.parametrize("group", ["staff", "learners"])
def test_time_is_counted_up_to_private_time_and_not_into_it(bundle, seen, group):
    last_minute = datetime(2026, 3, 4, 17, 58, 30, tzinfo=UTC)
    assert minimise(seen("bbc.co.uk", last_minute), bundle, group).counted_seconds == 90
    assert minimise(seen("linux:steam", last_minute, seconds=30.0), bundle, group).counted_seconds == 30
    assert minimise(seen("linux:steam", last_minute, seconds=300.0), bundle, group).counted_seconds == 90


@pytest.mark.parametrize(
    ("said", "taken"), [(-5.0, 0.0), (1e12, LONGEST_SECONDS), (math.inf, None), (math.nan, None), (12.5, 12.5)]
)
def test_a_length_that_no_interval_has_is_not_believed(bundle, seen, said, taken):
    assert minimise(seen("linux:steam", seconds=said), bundle, "staff").observation.seconds == taken


def test_an_account_name_that_json_cannot_hold_stops_nothing(bundle, seen):
    kept = minimise(seen("bbc.co.uk", person="j\udce9r\u00f4me"), bundle, "staff")
    assert kept.observation.person == "j?r\u00f4me"


def test_an_observation_has_no_room_for_a_path_a_query_or_a_title():
    """The canary of promise 1: whoever adds a field here has to change this line and say why.

    `said` and `identity` take closed words alone: how sure a gateway is of a name, and of whose phone it was. So does
    `browser`: the family of the browser that told it. `continues` is a yes or no: more time of a visit told before.
    """
    seen = ("device", "kind", "name", "started", "seconds", "person", "source")
    assert Observation.__struct_fields__ == (*seen, "said", "identity", "browser", "continues")


def test_until_the_start_date_nothing_is_collected_and_later_nothing_of_before_it(bundle, seen):
    shipped = Path(policy_module.__file__).with_name("policy.toml").read_text("utf-8")
    later = shipped.replace("start_date = 2026-01-01", "start_date = 2026-07-06")
    assert later != shipped
    bundle = replace(bundle, policy=Policy.parse(later, "policy.toml"))
    # In London 6 July begins at 23:00 UTC; learners' private time lets urgent things pass, a start date nothing.
    before = [datetime(2026, 7, 3, 12, 0, tzinfo=UTC), datetime(2026, 7, 5, 22, 59, 59, tzinfo=UTC)]
    for at in before:
        for group in ("staff", "learners", "partners"):
            for name in ("bbc.co.uk", "linux:steam"):
                assert minimise(seen(name, at), bundle, group) is None
    assert minimise(seen("bbc.co.uk", datetime(2026, 7, 5, 23, 0, tzinfo=UTC)), bundle, "learners") is not None
    assert minimise(seen("bbc.co.uk", datetime(2026, 7, 6, 9, 0, tzinfo=UTC)), bundle, "staff") is not None
    # An app that has been open since before the start is not counted either: when it began is what counts.
    assert minimise(seen("linux:steam", before[1], seconds=86_400.0), bundle, "learners") is None
