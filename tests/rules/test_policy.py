"""A policy is read strictly, decides the same each time, and can't flag anybody for seeking help."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
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


def test_an_exception_for_an_app_is_about_that_app_alone(taxonomy: Taxonomy) -> None:
    text = TEXT.replace('site = "casino.example"', 'app = "linux:com.example.casino"')
    policy = Policy.parse(text, "made.toml", taxonomy)
    assert policy.decide("gambling", "staff", NOON, "linux:com.example.casino").response == "ignore"
    assert policy.decide("gambling", "staff", NOON, "linux:exe:casino").response == "flag"
    assert policy.decide("gambling", "staff", NOON, "example.casino").response == "flag"


def test_an_exception_for_a_program_holds_whoever_signed_it(taxonomy: Taxonomy) -> None:
    text = TEXT.replace('site = "casino.example"', 'app = "windows:exe:Casino.exe"')
    policy = Policy.parse(text, "made.toml", taxonomy)
    assert policy.decide("gambling", "staff", NOON, "windows:made games ltd:casino.exe").response == "ignore"
    assert policy.decide("gambling", "staff", NOON, "windows:made games ltd:other.exe").response == "flag"


def test_an_exception_for_a_site_never_speaks_of_an_app_that_is_named_alike(policy: Policy) -> None:
    assert policy.decide("gambling", "staff", NOON, "linux:www.casino.example").response == "flag"


def test_of_several_exceptions_the_narrowest_counts_whatever_their_order(taxonomy: Taxonomy) -> None:
    wide = '[[exceptions]]\ncategory = "weapons"\nresponse = "total"\nreason = "research"\nuntil = 2026-12-31\n'
    group = wide.replace('"total"', '"remind"').replace("until", 'group = "kiosk"\nuntil')
    site = wide.replace('"total"', '"ignore"').replace("until", 'site = "museum.example"\nuntil')
    for parts in ((wide, group, site), (site, group, wide)):
        policy = Policy.parse(TEXT + "\n" + "\n".join(parts), "made.toml", taxonomy)
        assert policy.decide("weapons", "staff", NOON).response == "total"
        assert policy.decide("weapons", "kiosk", NOON).response == "remind"
        assert policy.decide("weapons", "kiosk", NOON, "www.museum.example").response == "ignore"


def test_an_exception_never_makes_a_response_harsher(taxonomy: Taxonomy) -> None:
    text = (
        TEXT
        + '\n[[exceptions]]\ncategory = "job_search"\nresponse = "remind"\nreason = "research"\nuntil = 2026-12-31\n'
    )
    decision = Policy.parse(text, "made.toml", taxonomy).decide("job_search", "staff", NOON)
    assert decision.response == "ignore"
    assert "exception" not in decision.line


def test_what_a_groups_line_leaves_out_is_taken_from_the_line_for_all(taxonomy: Taxonomy) -> None:
    own = 'drugs = { window_minutes = 9 }\ngames = { response = "remind" }\ngambling = "total"'
    policy = Policy.parse(TEXT.replace('gambling = "total"', own), "made.toml", taxonomy)
    drugs = policy.decide("drugs", "learners", datetime(2026, 11, 24, tzinfo=UTC))
    assert (drugs.response, drugs.urgent, drugs.window_seconds) == ("flag", True, 540)
    assert drugs.line == 'made.toml lines 13 and 25: drugs = "flag" for learners'
    assert policy.decide("games", "learners", NOON).daily_minutes == 20
    assert policy.decide("gambling", "learners", NOON).line == 'made.toml line 27: gambling = "total" for learners'


def test_a_category_that_a_group_softens_keeps_no_minutes_of_a_reminder(taxonomy: Taxonomy) -> None:
    policy = Policy.parse(TEXT.replace('gambling = "total"', 'games = "total"'), "made.toml", taxonomy)
    assert policy.decide("games", "learners", NOON).daily_minutes is None


def test_a_pack_acts_where_it_is_named_and_has_not_outgrown_what_was_signed(taxonomy: Taxonomy) -> None:
    text = TEXT.replace("[categories]", "[packs]\ncurated = 2000\nut1_gambling = 5\n\n[categories]", 1)
    policy = Policy.parse(text, "made.toml", taxonomy)
    assert policy.acts("curated", 2000)
    assert not policy.acts("curated", 2001)
    assert policy.acts("ut1_gambling", 1)
    assert not policy.acts("ut1_adult", 1)
    assert not Policy.parse(TEXT, "made.toml", taxonomy).acts("curated", 1)
    assert Policy.parse(SHIPPED, "policy.toml", taxonomy).acts("curated", 1500)


@pytest.mark.parametrize(
    ("line", "problem", "nearest"),
    [
        ('curated = "yes"', "expected the greatest number of entries", None),
        ("curated = 0", "expected the greatest number of entries", None),
        ("curated = true", "expected the greatest number of entries", None),
        ('"curated.pack" = 5', "expected a pack's id", "curated"),
        ('"packs/curated.pack" = 5', "expected a pack's id", "curated"),
        ("UT1-Gambling = 5", "expected a pack's id", "ut1_gambling"),
        ("protected = 5", "always acts; leave it out", None),
        ("nameable = 5", "always acts; leave it out", None),
    ],
)
def test_a_pack_is_named_by_its_id_and_a_number(
    line: str, problem: str, nearest: str | None, taxonomy: Taxonomy
) -> None:
    with pytest.raises(PolicyError) as refused:
        Policy.parse(TEXT.replace("[categories]", f"[packs]\n{line}\n\n[categories]", 1), "made.toml", taxonomy)
    assert problem in refused.value.problem
    assert (refused.value.line, refused.value.nearest) == (10, nearest)


@pytest.mark.parametrize(
    ("addition", "problem"),
    [
        ('category = "health"\nresponse = "remind"', "health is protected and never flagged"),
        ('category = "weapons"\nsite = "a.example"\napp = "linux:a"', "a site or an app, not both"),
        ('category = "weapons"\napp = "linx:a"', "expected an app identity"),
        ('category = "weapons"\napp = 5', "expected an app identity"),
        ('category = "drugs"', "about the same as the one on line 38"),
        ('category = "weapons"\nperson = "J. Smith"', "unknown key 'person'"),
    ],
)
def test_an_exception_that_means_nothing_or_names_a_person_is_refused(
    addition: str, problem: str, taxonomy: Taxonomy
) -> None:
    text = f'{TEXT}\n[[exceptions]]\n{addition}\nreason = "research"\nuntil = 2026-12-31\n'
    with pytest.raises(PolicyError) as refused:
        Policy.parse(text, "made.toml", taxonomy)
    assert problem in refused.value.problem
    assert refused.value.line is not None
    assert refused.value.line > 42


def test_a_groups_id_is_as_devices_are_enrolled_under_it(taxonomy: Taxonomy) -> None:
    with pytest.raises(PolicyError, match="expected a group's id") as refused:
        Policy.parse(TEXT.replace("[groups.kiosk]", '[groups."Kiosk machines"]'), "made.toml", taxonomy)
    assert (refused.value.line, refused.value.nearest) == (27, "kiosk_machines")


def test_working_hours_are_kept_on_the_wall_clock_when_the_clocks_change(policy: Policy) -> None:
    # London: winter time to 28 March 2026, summer time from the 29th; learners work every day from 09:00 to 17:00.
    for day, first_hour in ((28, 9), (29, 8)):
        morning = datetime(2026, 3, day, first_hour, 0, tzinfo=UTC)
        assert policy.private_time("learners", morning) == "none"
        assert policy.private_time("learners", morning.replace(hour=first_hour - 1, minute=59)) == "urgent_only"
    for day, last_hour in ((24, 16), (25, 17)):
        evening = datetime(2026, 10, day, last_hour, 0, tzinfo=UTC)
        assert policy.private_time("learners", evening) == "urgent_only"
        assert policy.private_time("learners", evening.replace(hour=last_hour - 1, minute=59)) == "none"


def test_a_nights_work_over_a_change_of_clocks_has_no_hole_and_no_double_end(taxonomy: Taxonomy) -> None:
    text = TEXT.replace("Mon-Sun 09:00-17:00", "Sat 22:00-06:00")
    policy = Policy.parse(text, "made.toml", taxonomy)
    for evening, hours in (
        (datetime(2026, 3, 28, 22, 0, tzinfo=UTC), 7),
        (datetime(2026, 10, 24, 21, 0, tzinfo=UTC), 9),
    ):
        minutes = [evening + timedelta(minutes=minute) for minute in range(-60, 11 * 60)]
        working = [at for at in minutes if policy.private_time("learners", at) == "none"]
        assert len(working) == hours * 60
        assert working[0] == evening
        assert working[-1] - working[0] == timedelta(minutes=hours * 60 - 1)


def test_a_night_that_would_have_begun_on_a_closed_day_is_private_and_one_into_it_ends_at_midnight(
    taxonomy: Taxonomy,
) -> None:
    text = TEXT.replace("Mon-Sun 09:00-17:00", "Mon-Sun 22:00-06:00")
    policy = Policy.parse(text, "made.toml", taxonomy)
    assert policy.private_time("learners", datetime(2026, 12, 24, 23, 59, tzinfo=UTC)) == "none"
    assert policy.private_time("learners", datetime(2026, 12, 25, 0, 0, tzinfo=UTC)) == "urgent_only"
    assert policy.private_time("learners", datetime(2026, 12, 25, 23, 0, tzinfo=UTC)) == "urgent_only"
    assert policy.private_time("learners", datetime(2026, 12, 26, 2, 0, tzinfo=UTC)) == "urgent_only"
    assert policy.private_time("learners", datetime(2026, 12, 26, 22, 0, tzinfo=UTC)) == "none"


def test_a_closed_day_is_private_all_day_on_the_organisations_calendar(taxonomy: Taxonomy) -> None:
    text = TEXT.replace("[2026-12-25]", "[2026-07-02]").replace("Mon-Sun 09:00-17:00", "Mon-Sun 00:00-24:00")
    policy = Policy.parse(text, "made.toml", taxonomy)
    midnight = datetime(2026, 7, 1, 23, 0, tzinfo=UTC)  # in London
    for at, private in ((midnight - timedelta(seconds=1), "none"), (midnight, "urgent_only"),
                        (midnight + timedelta(hours=24, seconds=-1), "urgent_only"),
                        (midnight + timedelta(hours=24), "none")):  # fmt: skip
        assert policy.private_time("learners", at) == private


def test_the_start_is_an_instant(policy: Policy) -> None:
    assert policy.begins == datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    assert policy.started(policy.begins)
    assert not policy.started(policy.begins - timedelta(seconds=1))


def test_a_key_is_found_by_line_or_else_its_table_is(policy: Policy) -> None:
    assert policy.where("start_date") == "made.toml line 3"
    assert policy.where("groups", "learners", "private_time") == "made.toml line 21"
    assert policy.where("groups", "staff", "working_hours") == "made.toml line 15"
    assert policy.where("routine_window_minutes") == "made.toml"


def test_reminding_is_the_default_for_social_media_games_shopping_and_streaming(taxonomy: Taxonomy) -> None:
    named = 'games = { response = "remind", daily_minutes = 20 }\nshopping = "remind"\n'
    silent = Policy.parse(TEXT.replace(named, ""), "made.toml", taxonomy)
    shipped = Policy.parse(SHIPPED, "policy.toml", taxonomy)
    for policy in (silent, shipped):
        for category in ("social_networking", "games", "shopping", "streaming"):
            decision = policy.decide(category, "staff", NOON)
            assert decision.response == "remind"
            assert decision.daily_minutes is not None


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


def test_private_time_that_is_not_said_is_that_of_staff_or_learners_and_else_the_most_private(
    taxonomy: Taxonomy,
) -> None:
    text = "\n".join(line for line in TEXT.splitlines() if not line.startswith("private_time"))
    policy = Policy.parse(text, "made.toml", taxonomy)
    found = {group.id: group.private_time for group in policy.groups}
    assert found == {"staff": "drop_all", "learners": "urgent_only", "kiosk": "drop_all"}


def _with_accounts(staff: str, learners: str, taxonomy: Taxonomy) -> Policy:
    text = TEXT.replace('name = "Staff"', f'name = "Staff"\naccounts = {staff}')
    text = text.replace('name = "Learners"', f'name = "Learners"\naccounts = {learners}')
    return Policy.parse(text, "made.toml", taxonomy)


def test_a_persons_group_is_the_one_whose_pattern_means_their_account(taxonomy: Taxonomy) -> None:
    policy = _with_accounts('["s-*@example.org", "STAFF\\\\*"]', '["l-*@example.org"]', taxonomy)
    assert policy.group_of("L-Anna@example.org") == "learners"
    assert policy.group_of("staff\\ben") == "staff"
    assert policy.group_of("carol") is None
    assert Policy.parse(TEXT, "made.toml", taxonomy).group_of("l-anna@example.org") is None


@pytest.mark.parametrize(
    ("staff", "learners", "line", "words"),
    [
        ('["*@example.org"]', '["l-*@example.org"]', 22, "may mean the same account as .*of staff on line 17"),
        ("[]", '["jane@example.org"]', 22, "jane@example.org.*a policy names nobody"),
        ("[]", "[3]", 22, "expected a pattern"),
        ('"l-*"', "[]", 17, "expected a list of account patterns"),
        ("[" + ", ".join(f'"{number}-*"' for number in range(51)) + "]", "[]", 17, "at most 50 patterns; found 51"),
    ],
)
def test_patterns_that_name_a_person_or_meet_another_groups_are_refused_with_their_line(
    staff: str, learners: str, line: int, words: str, taxonomy: Taxonomy
) -> None:
    with pytest.raises(PolicyError, match=f"made.toml line {line}: accounts: .*{words}".replace("*", "*")):
        _with_accounts(staff, learners, taxonomy)


def test_staff_is_the_group_of_that_name_unless_the_policy_says_otherwise(taxonomy: Taxonomy) -> None:
    staff = [group.id for group in Policy.parse(TEXT, "made.toml", taxonomy).groups if group.staff]
    assert staff == ["staff"]
    text = TEXT.replace('name = "Staff"', 'name = "Staff"\nstaff = false')
    text = text.replace('name = "Learners"', 'name = "Learners"\nstaff = true')
    assert [group.id for group in Policy.parse(text, "made.toml", taxonomy).groups if group.staff] == ["learners"]
    with pytest.raises(PolicyError, match="staff: expected true or false; found 'yes'"):
        Policy.parse(TEXT.replace('name = "Staff"', 'name = "Staff"\nstaff = "yes"'), "made.toml", taxonomy)


def test_review_times_are_the_policys_and_have_usual_ones(taxonomy: Taxonomy) -> None:
    usual = Policy.parse(TEXT, "made.toml", taxonomy).review
    assert (usual.urgent_minutes, usual.routine_days) == (60, 3)
    said = Policy.parse(TEXT + "\n[review]\nurgent_minutes = 20\n", "made.toml", taxonomy).review
    assert (said.urgent_minutes, said.routine_days) == (20, 3)


def test_whom_people_can_ask_is_the_policys_and_nobody_where_it_names_none(taxonomy: Taxonomy) -> None:
    assert Policy.parse(TEXT, "made.toml", taxonomy).contacts.data_protection_officer == ""
    contacts = 'safeguarding_lead = "safe@example.org"'
    said = Policy.parse(f"{TEXT}\n[contacts]\n{contacts}\n", "made.toml", taxonomy).contacts
    assert (said.safeguarding_lead, said.data_protection_officer) == ("safe@example.org", "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('safeguarding_lead = ""', "at most 200 characters on one line; found ''"),
        ("safeguarding_lead = 1", "on one line; found '1'"),
        (f'data_protection_officer = "{"a" * 201}"', "at most 200 characters"),
        ('safeguarding_lead = "a\\nb"', "on one line"),
        ('lead = "a"', "unknown key 'lead'"),
    ],
)
def test_odd_contacts_are_refused(line: str, words: str, taxonomy: Taxonomy) -> None:
    with pytest.raises(PolicyError, match=words):
        Policy.parse(f"{TEXT}\n[contacts]\n{line}\n", "made.toml", taxonomy)


def test_names_that_programs_look_up_are_left_out_unless_private_windows_are_watched_as_well(
    taxonomy: Taxonomy,
) -> None:
    assert Policy.parse(TEXT, "made.toml", taxonomy).programs.looked_up_names == "left_out"
    programs, browsers = '[programs]\nlooked_up_names = "watched"\n', '[browsers]\nprivate_windows = "watched"\n'
    both = Policy.parse(f"{TEXT}\n{browsers}{programs}", "made.toml", taxonomy)
    assert both.programs.looked_up_names == "watched"
    with pytest.raises(PolicyError, match=r"line \d+: looked_up_names: \"watched\" sees names of private windows"):
        Policy.parse(f"{TEXT}\n{programs}", "made.toml", taxonomy)
    with pytest.raises(PolicyError, match="left_out, watched"):
        Policy.parse(f"{TEXT}\n[programs]\nlooked_up_names = true\n", "made.toml", taxonomy)
    with pytest.raises(PolicyError, match="unknown key 'names'"):
        Policy.parse(f"{TEXT}\n[programs]\nnames = 1\n", "made.toml", taxonomy)


def test_private_windows_are_left_out_unless_the_policy_has_them_watched(taxonomy: Taxonomy) -> None:
    assert Policy.parse(TEXT, "made.toml", taxonomy).browsers.private_windows == "left_out"
    watched = Policy.parse(f'{TEXT}\n[browsers]\nprivate_windows = "watched"\n', "made.toml", taxonomy)
    assert watched.browsers.private_windows == "watched"
    for line in ('private_windows = "all"', "private_windows = true"):
        with pytest.raises(PolicyError, match="left_out, watched"):
            Policy.parse(f"{TEXT}\n[browsers]\n{line}\n", "made.toml", taxonomy)
    with pytest.raises(PolicyError, match="unknown key 'windows'"):
        Policy.parse(f"{TEXT}\n[browsers]\nwindows = 1\n", "made.toml", taxonomy)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("urgent_minutes = 0", "from 1 to 1440; found 0"),
        ("urgent_minutes = true", "found True"),
        ("routine_days = 32", "from 1 to 31; found 32"),
        ("routine_days = 1.5", "found 1.5"),
        ("urgent_hours = 1", "unknown key 'urgent_hours'"),
    ],
)
def test_odd_review_times_are_refused(line: str, words: str, taxonomy: Taxonomy) -> None:
    with pytest.raises(PolicyError, match=words):
        Policy.parse(f"{TEXT}\n[review]\n{line}\n", "made.toml", taxonomy)
