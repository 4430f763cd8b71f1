"""A policy is read strictly, decides the same each time, and can't flag anybody for seeking help."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import policy as policy_module
from rules.errors import PolicyError, TaxonomyError
from rules.model import Taxonomy
from rules.policy import Policy

SHIPPED = (Path(policy_module.__file__).parent / "policy.toml").read_text("utf-8")
TEXT = """organisation = "Made Organisation"
timezone = "Europe/London"
start_date = 2026-03-29
working_hours = ["Mon-Fri 08:00-18:00"]
closed_days = [2026-12-25]
never_collect = ["Payroll.example"]
daily_minutes = 50

[categories]
gambling = "flag"
games = { response = "remind", daily_minutes = 20 }
shopping = "remind"
drugs = { response = "flag", urgency = "urgent", window_minutes = 5 }

[groups.staff]
name = "Staff"
private_time = "drop_all"

[groups.learners]
name = "Learners"
private_time = "urgent_only"
working_hours = ["Mon-Sun 09:00-17:00"]

[groups.learners.categories]
gambling = "total"

[groups.kiosk]
name = "Shared machines"
private_time = "none"

[[exceptions]]
category = "gambling"
site = "casino.example"
group = "staff"
reason = "course_content"
until = 2026-12-31

[[exceptions]]
category = "drugs"
response = "total"
reason = "job_role"
until = 2026-06-30
"""
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
EVENING = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def policy(taxonomy: Taxonomy) -> Policy:
    return Policy.parse(TEXT, "made.toml", taxonomy)


def test_the_shipped_policy_is_understood_and_names_its_groups(taxonomy: Taxonomy) -> None:
    shipped = Policy.parse(SHIPPED, "policy.toml", taxonomy)
    assert shipped.group_names == ("staff", "learners", "partners")
    assert shipped.start == date(2026, 1, 1)
    assert shipped.private_time("staff", EVENING) == "drop_all"
    assert shipped.private_time("learners", EVENING) == "urgent_only"
    used = {shipped.decide(category.id, "staff", NOON).response for category in taxonomy.categories}
    assert used == {"flag", "remind", "total", "ignore"}


def test_the_decision_says_which_line_made_it(policy: Policy) -> None:
    decision = policy.decide("gambling", "kiosk", NOON)
    assert (decision.response, decision.urgent, decision.window_seconds) == ("flag", False, 3600)
    assert decision.line == 'made.toml line 10: gambling = "flag" for all groups'
    assert policy.decide("gambling", "learners", NOON).line == 'made.toml line 25: gambling = "total" for learners'
    assert policy.decide("news", "staff", NOON).line.startswith("categories.toml: news is 'total'")


def test_urgency_window_and_minutes_can_be_set(policy: Policy) -> None:
    drugs = policy.decide("drugs", "staff", NOON)
    assert (drugs.urgent, drugs.window_seconds, drugs.daily_minutes) == (True, 300, None)
    assert policy.decide("suicide", "staff", NOON).window_seconds == 15 * 60
    assert policy.decide("games", "staff", NOON).daily_minutes == 20
    assert policy.decide("shopping", "staff", NOON).daily_minutes == 50


def test_a_group_that_the_policy_does_not_name_has_the_rules_of_all_and_its_private_time_is_dropped(
    policy: Policy,
) -> None:
    assert policy.decide("gambling", "unknown", NOON).response == "flag"
    assert policy.private_time("unknown", NOON) == "drop_all"


def test_an_exception_softens_one_site_for_one_group_until_the_end_of_its_day(policy: Policy) -> None:
    assert policy.decide("gambling", "staff", NOON, "www.casino.example").response == "ignore"
    assert policy.decide("gambling", "staff", NOON, "other.example").response == "flag"
    assert policy.decide("gambling", "staff", NOON).response == "flag"
    assert policy.decide("gambling", "kiosk", NOON, "casino.example").response == "flag"
    assert policy.decide("drugs", "staff", datetime(2026, 6, 30, 22, 59, tzinfo=UTC)).response == "total"
    assert policy.decide("drugs", "staff", datetime(2026, 6, 30, 23, 1, tzinfo=UTC)).response == "flag"


def test_private_time_is_what_is_outside_working_hours_in_local_time(policy: Policy) -> None:
    summer_evening = datetime(2026, 7, 1, 17, 30, tzinfo=UTC)  # 18:30 in London
    assert policy.private_time("staff", NOON) == "none"
    assert policy.private_time("staff", EVENING) == "drop_all"
    assert policy.private_time("staff", summer_evening) == "drop_all"
    assert policy.private_time("learners", EVENING) == "urgent_only"
    assert policy.private_time("kiosk", EVENING) == "none"
    assert policy.private_time("staff", datetime(2026, 12, 25, 12, 0, tzinfo=UTC)) == "drop_all"


def test_nothing_starts_before_the_start_dates_local_midnight(policy: Policy) -> None:
    assert not policy.started(datetime(2026, 3, 28, 23, 59, tzinfo=UTC))
    assert policy.started(datetime(2026, 3, 29, 0, 0, tzinfo=UTC))


def test_the_day_is_the_organisations_own(policy: Policy) -> None:
    assert policy.local_day(datetime(2026, 7, 1, 23, 30, tzinfo=UTC)) == date(2026, 7, 2)


def test_a_site_never_collected_covers_what_is_below_it(policy: Policy) -> None:
    assert policy.excluded("payroll.example")
    assert policy.excluded("www.payroll.example")
    assert not policy.excluded("notpayroll.example")


def test_a_time_without_a_zone_is_a_fault_of_the_caller(policy: Policy) -> None:
    with pytest.raises(ValueError, match="aware"):
        policy.private_time("staff", NOON.replace(tzinfo=None))


def test_an_unknown_category_is_refused(policy: Policy) -> None:
    with pytest.raises(TaxonomyError, match="did you mean 'gambling'"):
        policy.decide("gambing", "staff", NOON)


@pytest.mark.parametrize(
    ("old", "new", "line", "problem", "nearest"),
    [
        ("organisation =", "organization =", 1, "unknown key 'organization'", "organisation"),
        ("Europe/London", "Europe/Londn", 2, "no time zone", None),
        ("2026-03-29", '"2026-03-29"', 3, "expected a date without quotes", None),
        ("start_date = 2026-03-29\n", "", None, "start_date is missing", None),
        ("Mon-Fri 08", "Mon-Fry 08", 4, "'Fry' is not a day", None),
        ("[2026-12-25]", "[25]", 5, "expected dates", None),
        ("Payroll.example", "pay roll", 6, "a space in the name", None),
        ("Payroll.example", "payroll", 6, "expected a site", None),
        ("daily_minutes = 50", "daily_minutes = -1", 7, "expected a number of minutes", None),
        ("daily_minutes = 50", "daily_minutes = true", 7, "expected a number of minutes", None),
        ('gambling = "flag"', 'gambing = "flag"', 10, "no category is called 'gambing'", "gambling"),
        ('gambling = "flag"', 'gambling = "flagg"', 10, "expected one of flag, remind", "flag"),
        ('gambling = "flag"', 'health = "flag"', 10, "health is protected", None),
        ('gambling = "flag"', 'union = "remind"', 10, "union is protected", None),
        ('gambling = "flag"', 'gambling = { response = "flag", daily_minutes = 3 }', 10, "means something only", None),
        ("daily_minutes = 20", "daily_minuts = 20", 11, "unknown key 'daily_minuts'", "daily_minutes"),
        ('urgency = "urgent"', 'urgency = "high"', 13, "expected one of urgent, routine", None),
        ('private_time = "drop_all"', 'private_time = "drop"', 17, "expected one of none, drop_all", "drop_all"),
        ('name = "Staff"', "name = 3", 16, "expected a text", None),
        ('name = "Staff"', 'name = "Staff"\nhours = []', 17, "unknown key 'hours' in", "working_hours"),
        ('group = "staff"', 'group = "staf"', 34, "expected one of staff, learners, kiosk", "staff"),
        ('"course_content"', '"because of J. Smith"', 35, "expected one of course_content", None),
        ("until = 2026-12-31\n", "", 31, "until is missing", None),
        ('response = "total"', 'response = "flag"', 40, "expected one of ignore, total, remind", None),
        ("[groups.staff]", "[groups.staff", 15, "not TOML", None),
        ("working_hours = [\"Mon-Fri 08:00-18:00\"]\n", "", 14, "working_hours is missing", None),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_file_line_expectation_and_nearest_key(
    old: str, new: str, line: int | None, problem: str, nearest: str | None, taxonomy: Taxonomy
) -> None:
    assert old in TEXT
    with pytest.raises(PolicyError) as refused:
        Policy.parse(TEXT.replace(old, new, 1), "made.toml", taxonomy)
    error = refused.value
    assert problem in error.problem
    assert (error.file_name, error.line) == ("made.toml", line)
    if nearest is not None:
        assert error.nearest == nearest
        assert f"did you mean {nearest!r}?" in str(error)
    assert "\n" not in str(error)


def test_a_policy_without_groups_is_refused(taxonomy: Taxonomy) -> None:
    with pytest.raises(PolicyError, match="no group is described"):
        Policy.parse(TEXT.partition("[categories]")[0], "made.toml", taxonomy)


VALUE = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.text(max_size=8), st.just("flag"), st.just("staff")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(
        ["response", "name", "private_time", "categories", "gambling", "site", "until"]), inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip


def _inline(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0xD800 else "x" for c in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    assert isinstance(value, dict)
    return "{" + ", ".join(f"{key} = {_inline(inner)}" for key, inner in value.items()) + "}"


@given(st.sampled_from(sorted(tomllib.loads(TEXT))), VALUE)
def test_no_value_anywhere_makes_reading_fail_but_by_a_refusal(taxonomy: Taxonomy, key: str, value: object) -> None:
    others = "".join(
        f"{name} = {text}\n"
        for name, text in (
            ("organisation", '"x"'),
            ("timezone", '"UTC"'),
            ("start_date", "2026-01-01"),
            ("working_hours", '["Mon-Fri 08:00-18:00"]'),
            ("groups", '{staff = {name = "Staff", private_time = "none"}}'),
        )
        if name != key
    )
    try:
        Policy.parse(f"{key} = {_inline(value)}\n{others}", "made.toml", taxonomy)
    except PolicyError as refused:
        assert str(refused).startswith("made.toml")  # noqa: PT017 (both ways out are right)
