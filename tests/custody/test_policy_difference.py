"""Holds the plain sentences about another policy to what the policy really does."""

from __future__ import annotations

from pathlib import Path

import pytest

import rules
from custody.policy_difference import line_by_line, of_policy
from rules.model import Taxonomy
from rules.policy import Policy

SHIPPED = (Path(rules.__file__).parent / "policy.toml").read_text()
TAXONOMY = (Path(rules.__file__).parent / "categories.toml").read_text()


def told(*changes, taxonomy=TAXONOMY):
    """Return the sections' sentences for the shipped policy with these replacements."""
    text = SHIPPED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    before = Policy.parse(SHIPPED, "policy.toml", Taxonomy.parse(TAXONOMY, "categories.toml"))
    after = Policy.parse(text, "policy.toml", Taxonomy.parse(taxonomy, "categories.toml"))
    return {section.heading: [str(line) for line in section.lines] for section in of_policy(before, after)}


MORE, LESS = "More is collected or flagged", "Less is collected or flagged"


@pytest.mark.parametrize(
    ("change", "heading", "sentence"),
    [
        (('gambling = "flag"', 'gambling = "total"'), LESS, "Gambling: counted, for everyone; before: flagged."),
        (
            ('remote_control = "total"', 'remote_control = "flag"'),
            MORE,
            "Remote control: flagged, for everyone; before: counted.",
        ),
        (('\ndating = "flag"', ""), LESS, "Dating: counted, for Learners; before: flagged."),
        (
            ("daily_minutes = 30", "daily_minutes = 20"),
            "Other changes",
            "Games: a reminder to the person after 20 minutes a day, nothing sent, for everyone; before: a reminder",
        ),
        (
            ('private_time = "urgent_only"', 'private_time = "drop_all"'),
            LESS,
            "Private time of Learners: nothing is collected;",
        ),
        (('private_time = "drop_all"', 'private_time = "none"'), MORE, "Private time of Staff: there is none"),
        (("08:00-18:00", "07:00-22:00"), MORE, "Working hours of Staff: Mon Tue Wed Thu Fri 07:00-22:00; before:"),
        (
            ("start_date = 2026-01-01", "start_date = 2027-01-01"),
            LESS,
            "Collecting begins on 1 January 2027; before: 1",
        ),
        (
            ("never_collect = []", 'never_collect = ["pay.example.org"]'),
            LESS,
            "pay.example.org is never collected; before:",
        ),
        (("closed_days = []", "closed_days = [2026-12-25]"), LESS, "25 December 2026 is private time all day;"),
        (
            ("urgent_window_minutes = 15", "urgent_window_minutes = 5"),
            "Other changes",
            "Repeats of something urgent are one",
        ),
        (('organisation = "Sample', 'organisation = "Another'), "Other changes", "The organisation: Another"),
        (
            ("curated = 2000", "curated = 9000"),
            MORE,
            "The pack curated acts with up to 9,000 entries; before: up to 2,000.",
        ),
        (
            ("curated = 2000", "curated = 2000\nut1_drugs = 50000"),
            MORE,
            "The pack ut1_drugs acts, with up to 50,000 entries;",
        ),
    ],
)
def test_each_change_is_one_plain_sentence_under_the_right_heading(change, heading, sentence):
    found = told(change)
    assert any(line.startswith(sentence) for line in found.get(heading, [])), found


def test_an_exception_and_a_gone_group_are_told():
    exception = (
        '[[exceptions]]\ncategory = "weapons"\ngroup = "learners"\nreason = "course_content"\nuntil = 2027-07-31\n'
    )
    found = told(("[groups.staff]", f"{exception}\n[groups.staff]"))
    assert found[LESS] == [
        "A new exception: Weapons, everything in it, for Learners: not kept, until 31 July 2027 (course_content)."
    ]
    at = SHIPPED.index("[groups.partners]")
    end = SHIPPED.index("#", at)
    found = told((SHIPPED[at:end], ""))
    assert found[LESS] == ["The group Partner organisations is gone: its devices collect nothing any more."]


def test_a_category_that_loses_its_protection_is_told_first():
    at = TAXONOMY.index("[faith]")
    changed = TAXONOMY[:at] + TAXONOMY[at:].replace("protected = true", "protected = false", 1)
    assert any("no longer protected" in line for line in told(taxonomy=changed)[MORE])


def test_nothing_changed_is_said_and_a_comment_is_only_a_line():
    assert told() == {"In words": ["Nothing changes for anybody."]}
    assert told(("# The first policy", "# A policy")) == {"In words": ["Nothing changes for anybody."]}


def test_the_first_policy_says_what_each_group_has():
    policy = Policy.parse(SHIPPED, "policy.toml")
    (section,) = of_policy(None, policy)
    text = "\n".join(map(str, section.lines))
    assert "Learners. Private time: only urgent categories are flagged" in text
    assert "Flagged to the safeguarding lead: Suicide" in text
    assert "Nothing is collected before 1 January 2026." in text


def test_every_changed_line_stands_there_as_now_and_from_now_on():
    lines = list(line_by_line(b"a = 1\nb = 2\nc = 3\n", b"a = 1\nb = 5\nc = 3\nd = \x1b[2K\n"))
    assert [(line.tone, line.text.strip()) for line in lines] == [
        ("now", "now:         b = 2"),
        ("then", "from now on: b = 5"),
        ("then", "from now on: d = ?[2K"),
    ]


WHOM, OTHER = "Other people come under a group's rules", "Other changes"


@pytest.mark.parametrize(
    ("change", "heading", "sentence"),
    [
        (
            ('name = "Learners"', 'name = "Learners"\naccounts = ["l-*@example.org", "LEARNERS\\\\*"]'),
            WHOM,
            "Whoever signs in as «l-*@example.org» or «LEARNERS\\*» has the rules of Learners, on whichever device;",
        ),
        (
            ('name = "Learners"', 'name = "Learners"\nstaff = true'),
            OTHER,
            "The data protection officer is told when a case of Learners is opened; before: not told.",
        ),
        (
            ('name = "Staff"', 'name = "Staff"\nstaff = false'),
            OTHER,
            "The data protection officer is no longer told when a case of Staff is opened; before: told.",
        ),
        (
            ("urgent_minutes = 60", "urgent_minutes = 1"),
            OTHER,
            "For the safeguarding lead, an urgent incident is overdue after 1 minute, any other after 3 days;",
        ),
    ],
)
def test_whom_a_group_means_whom_it_is_told_and_when_it_is_overdue_are_said(change, heading, sentence):
    sections = told(change)
    assert any(line.startswith(sentence) for line in sections[heading])
    assert [line for lines in sections.values() for line in lines if line.startswith("«")] == []


DOCUMENT = """
[[documents]]
id = "code"
title = "Code of conduct"
version = "3"
date = 2026-11-01
where = "https://example.org/code"
text = "Be kind."
groups = ["staff"]
"""


def test_what_people_are_asked_to_acknowledge_is_told_in_full_with_its_changes():
    taxonomy = Taxonomy.parse(TAXONOMY, "categories.toml")
    texts = (SHIPPED, SHIPPED + DOCUMENT, SHIPPED + DOCUMENT.replace('"3"', '"4"'))
    none, third, fourth = (Policy.parse(one, "policy.toml", taxonomy) for one in texts)
    words = "«Code of conduct», version 3 of 1 November 2026, for Staff, at https://example.org/code, with the text «Be"

    def said(old, new):
        (section,) = of_policy(old, new)
        assert section.heading == OTHER
        return [str(line) for line in section.lines]

    assert said(none, third)[0].startswith(f"People are asked to read and acknowledge {words}")
    assert said(third, fourth)[0].startswith("To be read and acknowledged: «Code of conduct», version 4 of")
    assert f"; before: {words}" in said(third, fourth)[0]
    assert said(third, none)[0].startswith(f"Nobody is asked any more to acknowledge {words}")
    (first,) = of_policy(None, third)
    assert any("Asked to be read and acknowledged: «Code of conduct»" in str(line) for line in first.lines)


def test_accounts_that_leave_a_group_are_told_too():
    text = SHIPPED.replace('name = "Learners"', 'name = "Learners"\naccounts = ["l-*"]')
    taxonomy = Taxonomy.parse(TAXONOMY, "categories.toml")
    before, after = (Policy.parse(one, "policy.toml", taxonomy) for one in (text, SHIPPED))
    (section,) = of_policy(before, after)
    assert section.heading == WHOM
    assert "no longer has the rules of Learners" in str(section.lines[0])
    gone = Policy.parse(text[: text.index("[groups.learners]")], "policy.toml", taxonomy)
    assert any(
        "no longer has the rules of Learners, but" in str(line) for one in of_policy(before, gone) for line in one.lines
    )


def test_whom_people_can_ask_is_told_with_who_was_named_before():
    taxonomy = Taxonomy.parse(TAXONOMY, "categories.toml")
    text = SHIPPED + '\n[contacts]\nsafeguarding_lead = "safe@example.org"\n'
    none, named = (Policy.parse(one, "policy.toml", taxonomy) for one in (SHIPPED, text))
    (section,) = of_policy(none, named)
    assert next(str(line) for line in section.lines) == (
        "Whom people can ask: the safeguarding lead: safe@example.org; before: nobody is named."
    )
    (whole,) = of_policy(None, named)
    assert "Whom people can ask, the safeguarding lead: safe@example.org." in [str(line) for line in whole.lines]


def test_private_windows_that_come_to_be_watched_are_told_first():
    taxonomy = Taxonomy.parse(TAXONOMY, "categories.toml")
    text = SHIPPED + '\n[browsers]\nprivate_windows = "watched"\n'
    before, after = (Policy.parse(one, "policy.toml", taxonomy) for one in (SHIPPED, text))
    (more,) = of_policy(before, after)
    assert (more.heading, more.lines[0].tone) == ("More is collected or flagged", "warning")
    assert str(more.lines[0]) == "Private windows of browsers are watched; before: left out."
    (less,) = of_policy(after, before)
    assert less.heading == "Less is collected or flagged"
    (whole,) = of_policy(None, after)
    assert "Private windows of browsers: watched." in [str(line) for line in whole.lines]


def test_names_that_programs_look_up_are_told_first_where_they_come_to_be_watched():
    taxonomy = Taxonomy.parse(TAXONOMY, "categories.toml")
    private = SHIPPED + '\n[browsers]\nprivate_windows = "watched"\n'
    text = private + '\n[programs]\nlooked_up_names = "watched"\n'
    before, after = (Policy.parse(one, "policy.toml", taxonomy) for one in (private, text))
    (more,) = of_policy(before, after)
    assert (more.heading, more.lines[0].tone) == ("More is collected or flagged", "warning")
    assert str(more.lines[0]) == "Names that any program of a laptop looks up are watched; before: left out."
    (less,) = of_policy(after, before)
    assert less.heading == "Less is collected or flagged"
    (whole,) = of_policy(None, after)
    assert "Names that any program of a laptop looks up: watched." in [str(line) for line in whole.lines]
