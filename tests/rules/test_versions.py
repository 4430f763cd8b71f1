"""The format of a pack or policy can be told without reading it, and a policy of another one is refused in one line."""

from __future__ import annotations

import pytest

from rules import layout
from rules.compiler import compile_shipped
from rules.errors import PolicyError
from rules.policy import Policy
from rules.versions import PACK_FORMATS, POLICY_FORMATS, pack_format, policy_format


def test_the_format_of_a_pack_is_that_which_its_reader_demands(tmp_path):
    compile_shipped(tmp_path)
    data = (tmp_path / "protected.pack").read_bytes()
    assert pack_format(data) == layout.VERSION
    assert layout.VERSION in PACK_FORMATS
    assert pack_format(data[:9]) is None
    assert pack_format(b"x" * 100) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("", 1), ("format = 1", 1), ("format = 7", 7), ("format = true", None), ("format = 'x'", None), ("[", None)],
)
def test_the_format_of_a_policy_is_the_first_where_it_says_none(text, number):
    assert policy_format(text) == number


POLICY = """
organisation = "Test"
timezone = "Europe/London"
start_date = 2026-01-01
[groups.staff]
name = "Staff"
private_time = "none"
"""


def test_a_policy_may_say_the_format_that_is_read():
    assert Policy.parse(f"format = {POLICY_FORMATS[0]}\n{POLICY}", "policy.toml") is not None


@pytest.mark.parametrize("said", ["2", "0", "true", "'1'"])
def test_a_policy_of_another_format_is_refused_by_its_line_before_anything_else(said):
    with pytest.raises(PolicyError) as refused:
        Policy.parse(f"# a comment\nformat = {said}\nnever_heard_of = 1\n{POLICY}", "policy.toml")
    assert str(refused.value).startswith("policy.toml line 2: format: this Fairwatch reads policies of format 1")
