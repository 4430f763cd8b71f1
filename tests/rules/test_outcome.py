"""What a name leads to is what the agent would do: scope first, then the gravest of its categories."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from rules.model import Match, Taxonomy, Verdict
from rules.outcome import weigh, what_happens
from rules.policy import Policy

TEXT = """organisation = "Made Organisation"
timezone = "Europe/London"
start_date = 2026-03-02
working_hours = ["Mon-Fri 08:00-18:00"]
never_collect = ["payroll.example"]

[categories]
gambling = "flag"
suicide = "flag"
games = { response = "remind", daily_minutes = 20 }
job_search = "ignore"

[groups.staff]
name = "Staff"
private_time = "drop_all"

[groups.learners]
name = "Learners"
private_time = "urgent_only"
"""
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
EVENING = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def policy(taxonomy: Taxonomy) -> Policy:
    return Policy.parse(TEXT, "made.toml", taxonomy)


def verdict(*categories: str, name: str = "a.example", protected: bool = False) -> Verdict:
    matches = tuple(Match(category, name, ("list",)) for category in categories)
    return Verdict("host", name, categories, name if matches else None, matches, protected=protected)


def test_background_traffic_counts_apart_unless_it_is_flagged(policy: Policy) -> None:
    def effect(*categories: str) -> str:
        about = msgspec.structs.replace(verdict(*categories), background=True)
        return what_happens(about, policy, "staff", NOON).effect

    assert [effect("gambling"), effect("games"), effect()] == ["incident", "background", "background"]


@pytest.mark.parametrize(
    ("categories", "effect"),
    [
        (("gambling",), "incident"),
        (("games",), "reminder"),
        (("news",), "counted"),
        (("job_search",), "other"),
        ((), "other"),
    ],
)
def test_in_working_hours_the_rule_says_what_happens(policy: Policy, categories: tuple[str, ...], effect: str) -> None:
    assert what_happens(verdict(*categories), policy, "staff", NOON).effect == effect


def test_of_several_categories_the_gravest_counts_and_an_urgent_flag_is_graver_than_any(policy: Policy) -> None:
    weighed = weigh(verdict("games", "gambling", "suicide", "news"), policy, "staff", NOON)
    assert weighed is not None
    assert weighed.category == "suicide"
    weighed = weigh(verdict("news", "games", "gambling"), policy, "staff", NOON)
    assert weighed is not None
    assert weighed.category == "gambling"


def test_private_time_drops_all_or_leaves_what_is_urgent(policy: Policy) -> None:
    for categories in ((), ("gambling",), ("games",), ("suicide",)):
        outcome = what_happens(verdict(*categories), policy, "staff", EVENING)
        assert (outcome.effect, outcome.cause) == ("nothing", "private_time")
        assert outcome.lines == ('made.toml line 15: private_time = "drop_all"; hours: made.toml line 4',)
    for categories in ((), ("gambling",), ("games",)):
        assert what_happens(verdict(*categories), policy, "learners", EVENING).effect == "nothing"
    assert what_happens(verdict("suicide"), policy, "learners", EVENING).effect == "incident"


def test_before_the_start_and_for_what_is_never_collected_nothing_happens_whatever_the_category(
    policy: Policy,
) -> None:
    early = what_happens(verdict("suicide"), policy, "learners", datetime(2026, 3, 1, 23, 59, tzinfo=UTC))
    assert (early.effect, early.cause, early.lines) == ("nothing", "not_started", ("made.toml line 3",))
    never = what_happens(verdict("suicide", name="www.payroll.example"), policy, "learners", NOON)
    assert (never.effect, never.cause, never.lines) == ("nothing", "never_collected", ("made.toml line 5",))


def test_private_time_that_is_not_said_is_told_with_the_line_of_its_group(taxonomy: Taxonomy) -> None:
    silent = Policy.parse(TEXT.replace('private_time = "drop_all"\n', ""), "made.toml", taxonomy)
    outcome = what_happens(verdict("gambling"), silent, "staff", EVENING)
    assert (outcome.effect, outcome.cause) == ("nothing", "private_time")
    assert outcome.lines[0].startswith('made.toml line 13: private_time = "drop_all" where nothing is said; hours: ')


def test_a_group_that_the_policy_does_not_name_has_private_time_always(policy: Policy) -> None:
    outcome = what_happens(verdict("suicide"), policy, "visitors", NOON)
    assert (outcome.effect, outcome.private_time) == ("nothing", "drop_all")
    assert "names no group visitors" in outcome.lines[0]


def test_what_is_protected_is_never_flagged_even_by_a_policy_made_by_hand(policy: Policy) -> None:
    assert weigh(verdict("gambling", protected=True), policy, "staff", NOON) is None
