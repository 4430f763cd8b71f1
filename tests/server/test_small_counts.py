"""Fewer than five cases are never told, not even by subtraction."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.small_counts import may_show

PARTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 12), min_size=1)


def test_parts_of_five_and_more_are_told():
    assert may_show({"urgent": 5, "routine": 20}).parts == {"urgent": 5, "routine": 20}


def test_a_part_under_five_takes_the_smallest_other_part_with_it():
    told = may_show({"urgent": 3, "routine": 20, "watch": 9})
    assert (told.total, told.parts) == (32, {"urgent": None, "routine": 20, "watch": None})


def test_two_small_parts_that_make_five_need_no_company():
    assert may_show({"a": 3, "b": 2, "c": 20}).parts == {"a": None, "b": None, "c": 20}


def test_none_at_all_is_not_told_either():
    assert may_show({"urgent": 0, "routine": 20}).parts == {"urgent": None, "routine": None}


def test_a_small_total_is_withheld_with_all_its_parts():
    told = may_show({"urgent": 1, "routine": 3})
    assert (told.total, told.parts) == (None, {"urgent": None, "routine": None})


@given(PARTS)
def test_nothing_under_five_can_be_had_by_subtraction(parts):
    told = may_show(parts)
    if told.total is None:
        assert all(count is None for count in told.parts.values())
        assert sum(parts.values()) < 5
        return
    shown = {part: count for part, count in told.parts.items() if count is not None}
    assert told.total == sum(parts.values())
    assert all(count >= 5 and count == parts[part] for part, count in shown.items())
    withheld = told.parts.keys() - shown.keys()
    left = told.total - sum(shown.values())
    assert len(withheld) != 1
    assert not withheld or left >= 5


@given(PARTS)
def test_the_order_of_the_parts_changes_nothing(parts):
    assert may_show(dict(reversed(parts.items()))) == may_show(parts)
