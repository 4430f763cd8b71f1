"""Fewer than five cases are never told, not even by subtraction."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.small_counts import may_follow, may_show, name_large
from server.summary_document import Named

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""On a loaded machine the first example of a process takes seconds; it says nothing of what is tested."""

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
@UNHURRIED
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
@UNHURRIED
def test_the_order_of_the_parts_changes_nothing(parts):
    assert may_show(dict(reversed(parts.items()))) == may_show(parts)


def test_kinds_of_five_and_more_are_named_and_all_others_are_one_line():
    assert name_large({"drugs": 8, "gambling": 7, "self_harm": 3, "terror": 2}) == Named(
        20, {"drugs": 8, "gambling": 7}, 5
    )
    assert name_large({"drugs": 5}) == Named(5, {"drugs": 5}, 0)


def test_a_line_of_others_under_five_takes_the_smallest_named_kind_in():
    assert name_large({"drugs": 8, "gambling": 6, "self_harm": 1}) == Named(15, {"drugs": 8}, 7)
    assert name_large({"drugs": 8, "gambling": 6, "self_harm": 1}, "gambling") == Named(15, {"gambling": 6}, 9)
    assert name_large({"drugs": 5, "self_harm": 1}) == Named(6, {}, 6)


def test_of_a_total_under_five_nothing_is_told_and_no_zero_either():
    assert name_large({"drugs": 4}) == name_large({}) == Named(None, {}, 0)
    assert name_large({"drugs": 6, "gambling": 0}) == Named(6, {"drugs": 6}, 0)


@given(PARTS)
@UNHURRIED
def test_no_named_count_and_no_rest_is_one_to_four(parts):
    told = name_large(parts)
    assert told.total is None or told.total == sum(parts.values()) == sum(told.parts.values()) + told.rest
    assert all(count >= 5 for count in told.parts.values())
    assert told.rest == 0 or told.rest >= 5


@pytest.mark.parametrize(
    ("now", "follows"),
    [
        (Named(21, {"a": 10, "b": 5}, 6), True),  # the same
        (Named(21, {"a": 5, "b": 10}, 6), True),
        (Named(21, {"a": 9, "b": 6}, 6), False),
        (Named(21, {"a": 5, "b": 11}, 5), False),  # what stands together is one fewer
        (Named(21, {"a": 10, "b": 5, "c": 6}, 0), True),  # the six are named now
        (Named(21, {"a": 10}, 11), True),
        (Named(22, {"a": 10, "b": 5}, 7), False),
        (Named(None, {}, 0), False),
    ],
)
def test_a_later_count_follows_where_the_difference_tells_of_five_cases_or_none(now, follows):
    assert may_follow(Named(21, {"a": 10, "b": 5}, 6), now) == follows
