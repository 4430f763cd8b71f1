"""`[training]` in collector.toml says what is expected; anything else there is refused by name and line."""

from __future__ import annotations

import pytest

from server import config
from server.errors import ConfigError


def test_without_a_section_safeguarding_and_prevent_are_expected_each_year():
    usual = config.parse("", "collector.toml").training
    assert (usual.courses, usual.groups, usual.every_months) == (("Safeguarding", "Prevent"), (), 12)


def test_courses_groups_and_months_can_be_chosen():
    text = '[training]\ncourses = ["Online safety"]\ngroups = ["staff", "volunteers"]\nevery_months = 24\n'
    chosen = config.parse(text, "collector.toml").training
    assert (chosen.courses, chosen.groups, chosen.every_months) == (("Online safety",), ("staff", "volunteers"), 24)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("course = []", "line 2: unknown key 'course'; known are courses, groups, every_months .*'courses'"),
        ("every_months = 0", "line 2: every_months must be a whole number of months from 1 to 120"),
        ("every_months = true", "line 2: every_months must be"),
        ('courses = "Prevent"', "line 2: courses must be a list of courses"),
        ('groups = [" "]', "line 2: groups must be a list of groups"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(line, words):
    with pytest.raises(ConfigError, match=words):
        config.parse(f"[training]\n{line}\n", "collector.toml")
