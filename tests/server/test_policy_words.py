"""A policy is said in words: what comes of each category, for whom, and what changed, never a sensitive site."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from rules import policy as policy_module
from rules.policy import EXCEPTION_REASONS, Policy
from rules.responses import REASONS
from server.policy_words import Change, by_response, changes, exceptions, groups

SHIPPED = Path(policy_module.__file__).with_name("policy.toml").read_text("utf-8")
EXCEPTIONS = """
[[exceptions]]
category = "weapons"
site = "armoury.example"
group = "learners"
reason = "course_content"
until = 2026-12-31

[[exceptions]]
category = "remote_control"
app = "linux:exe:anydesk"
response = "ignore"
reason = "job_role"
until = 2026-06-30

[[exceptions]]
category = "gambling"
response = "total"
reason = "research"
until = 2027-01-31
"""


def parsed(text: str) -> Policy:
    return Policy.parse(text, "policy.toml")


@pytest.fixture
def policy():
    return parsed(SHIPPED)


def said(policy):
    return {
        section.id: {category.name: category.beside for category in section.categories}
        for section in by_response(policy)
    }


def test_every_category_stands_under_what_comes_of_it(policy):
    found = said(policy)
    assert list(found) == ["urgent", "flag", "remind", "total", "ignore", "protected"]
    assert found["urgent"]["Suicide"] == ""
    assert found["flag"]["Gambling"] == ""
    assert found["remind"]["Games"] == "30 minutes a day"
    assert found["ignore"] == {"Looking for work": ""}
    assert set(found["protected"]) == {"Health", "Faith and belief", "Trade unions", "Help, support and advice"}
    names = {name for section in found.values() for name in section}
    assert names == {category.name for category in policy.taxonomy.categories}


def test_where_groups_differ_it_is_said_for_whom(policy):
    found = said(policy)
    assert found["flag"]["Dating"] == "Learners only"
    assert found["total"]["Dating"] == "Staff and Partner organisations only; part of “other”, as it is sensitive"
    assert found["remind"]["Social media and chat"] == (
        "Staff and Partner organisations 60 minutes a day, Learners 45 minutes a day"
    )


def test_private_time_is_said_for_each_group(policy):
    staff, learners, _ = groups(policy)
    assert (staff.name, staff.hours) == ("Staff", "Monday to Friday, 08:00 to 18:00")
    assert staff.private == "Nothing is collected"
    assert learners.private == "Nothing is collected but what is flagged at once"
    always = parsed(SHIPPED.replace('private_time = "urgent_only"', 'private_time = "none"'))
    assert groups(always)[1].private == "None: devices are watched at all hours"
    never = parsed(SHIPPED.replace('working_hours = ["Mon-Fri 08:00-18:00"]', "working_hours = []"))
    assert (groups(never)[0].hours, groups(never)[0].private) == ("none", "Nothing is collected")


def test_an_exception_is_said_with_its_reason_and_end_and_a_sensitive_site_is_not_named():
    found = exceptions(parsed(SHIPPED + EXCEPTIONS), date(2026, 11, 22))
    assert [(one.category, one.about, one.group, one.response, one.reason, one.ended) for one in found] == [
        ("Weapons", "one site", "Learners", "ignored", "part of a course", False),
        ("Gambling", "all of it", "everyone", "counted only", "research", False),
        ("Remote control", "linux:exe:anydesk", "everyone", "ignored", "needed for a job", True),
    ]


def test_every_reason_of_the_closed_list_has_words():
    assert set(REASONS) == set(EXCEPTION_REASONS)


def test_a_policy_says_nothing_otherwise_than_itself(policy):
    assert changes(policy, parsed(SHIPPED + "\n# a comment\n")) == ()


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("start_date = 2026-01-01", "start_date = 2026-02-01", ("Start date", "1 January 2026", "1 February 2026")),
        (
            'gambling = "flag"',
            'gambling = "total"',
            ("Gambling", "flagged, repeats within 60 minutes are one", "counted"),
        ),
        (
            'weapons = "flag"',
            'weapons = { response = "flag", urgency = "urgent" }',
            (
                "Weapons",
                "flagged, repeats within 60 minutes are one",
                "flagged at once, repeats within 15 minutes are one",
            ),
        ),
        (
            'dating = "flag"',
            'dating = "total"',
            (
                "Dating",
                "Staff, Partner organisations: counted; Learners: flagged, repeats within 60 minutes are one",
                "counted",
            ),
        ),
        (
            'private_time = "urgent_only"',
            'private_time = "drop_all"',
            (
                "Learners: private time",
                "outside Monday to Friday, 08:00 to 18:00, nothing is collected but what is flagged at once",
                "outside Monday to Friday, 08:00 to 18:00, nothing is collected",
            ),
        ),
        (
            "never_collect = []",
            'never_collect = ["payroll.example"]',
            ("Never collected", None, "payroll.example"),
        ),
        (
            "closed_days = []",
            'closed_days = []\nbrowsers = { private_windows = "watched" }',
            ("Private windows of browsers", "left out", "watched, where the browser can be asked"),
        ),
        ("closed_days = []", "closed_days = [2026-12-25]", ("Closed days", None, "25 December 2026")),
        (
            "curated = 2000",
            "curated = 3000",
            ("Pack curated", "acts, up to 2,000 entries", "acts, up to 3,000 entries"),
        ),
        ("curated = 2000", "", ("Pack curated", "acts, up to 2,000 entries", None)),
    ],
)
def test_each_change_is_said_in_words(old, new, change, policy):
    assert old in SHIPPED
    assert changes(policy, parsed(SHIPPED.replace(old, new, 1))) == (Change(*change),)


def test_that_names_which_programs_look_up_come_to_be_watched_is_said():
    before = SHIPPED + '\n[browsers]\nprivate_windows = "watched"\n'
    after = before + '\n[programs]\nlooked_up_names = "watched"\n'
    (change,) = changes(parsed(before), parsed(after))
    assert (change.about, change.before) == ("Names that any program of a laptop looks up", "left out")
    assert change.after is not None
    assert "never called a visit for certain" in change.after


def test_a_new_a_longer_and_a_lost_exception_are_changes_that_name_no_sensitive_site(policy):
    more = parsed(SHIPPED + EXCEPTIONS)
    new = changes(policy, more)
    assert [one.about for one in new] == [
        "Exception: Weapons, one site, Learners",
        "Exception: Remote control, linux:exe:anydesk, everyone",
        "Exception: Gambling, all of it, everyone",
    ]
    assert all(one.before is None for one in new)
    assert "armoury" not in repr(new)
    longer = changes(more, parsed(SHIPPED + EXCEPTIONS.replace("2026-12-31", "2027-03-31")))
    assert [(one.before, one.after) for one in longer] == [
        ("ignored, part of a course, until 31 December 2026", "ignored, part of a course, until 31 March 2027")
    ]
    assert all(one.after is None for one in changes(more, policy))


def test_the_first_policy_is_new_in_everything(policy):
    found = changes(None, policy)
    assert all(one.before is None for one in found)
    assert len(found) > len(policy.taxonomy.categories)
