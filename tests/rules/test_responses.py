"""What comes of each kind of use is said for one group, and no exception tells a sensitive site."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from rules import policy as policy_module
from rules.policy import Policy
from rules.responses import day_words, exceptions_for, for_group, private_time

SHIPPED = Path(policy_module.__file__).with_name("policy.toml").read_text("utf-8")
EXCEPTIONS = """
[[exceptions]]
category = "weapons"
site = "armoury.example"
group = "learners"
response = "ignore"
reason = "course_content"
until = 2026-12-31

[[exceptions]]
category = "gambling"
response = "total"
reason = "research"
until = 2026-06-30
"""


def parsed(text: str = SHIPPED) -> Policy:
    return Policy.parse(text, "policy.toml")


def test_each_category_stands_once_under_what_comes_of_it_for_the_group():
    policy = parsed()
    found = {one.title: one.categories for one in for_group(policy, "learners")}
    assert found["Reminded"][0] == "Social media and chat (45 minutes a day)"
    assert "Dating" in found["Flagged"]
    assert "Dating (as part of “other”)" in {one.title: one.categories for one in for_group(policy, "staff")}["Counted"]
    assert sum(map(len, found.values())) == len(policy.taxonomy.categories)
    assert "Trade unions" in found["Protected"]


def test_exceptions_are_those_that_hold_for_the_group_on_the_day():
    policy = parsed(SHIPPED + EXCEPTIONS)
    weapons = "Weapons, one site: ignored, as part of a course, until 31 December 2026."
    gambling = "Gambling, all of it: counted only, as research, until 30 June 2026."
    assert exceptions_for(policy, "learners", date(2026, 6, 30)) == (weapons, gambling)
    assert exceptions_for(policy, "learners", date(2026, 7, 1)) == (weapons,)
    assert exceptions_for(policy, "staff", date(2026, 7, 1)) == ()


def test_private_time_and_days_are_said_in_words():
    policy = parsed()
    assert [private_time(group) for group in policy.groups][1] == (
        "outside Monday to Friday, 08:00 to 18:00, nothing is collected but what is flagged at once"
    )
    assert day_words(date(2026, 3, 4)) == "4 March 2026"
