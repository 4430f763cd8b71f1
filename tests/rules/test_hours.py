"""Working hours are read as people write them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.hours import Period, describe, parse_period

MONDAY = datetime(2026, 11, 23)  # noqa: DTZ001 (local time is what a period is asked about)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("Mon-Fri 08:00-18:00", Period((0, 1, 2, 3, 4), 480, 1080)),
        ("Sat 9:30-12:00", Period((5,), 570, 720)),
        ("monday,WED , fri 08:00 - 24:00", Period((0, 2, 4), 480, 1440)),
        ("Sat-Mon 22:00-06:00", Period((0, 5, 6), 1320, 360)),
    ],
)
def test_days_and_hours_are_understood(text: str, period: Period) -> None:
    assert parse_period(text) == period


@pytest.mark.parametrize("text", ["", "Mon-Fri", "Mun 08:00-18:00", "Mon 25:00-26:00", "Mon 08:60-09:00", "Mon 8-18",
                                  "Mon 24:00-24:00", "Mon- 08:00-18:00"])  # fmt: skip
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|is not|can't start"):
        parse_period(text)


def test_a_period_begins_with_its_first_minute_and_ends_before_its_last() -> None:
    period = parse_period("Mon-Fri 08:00-18:00")
    assert not period.holds(MONDAY.replace(hour=7, minute=59))
    assert period.holds(MONDAY.replace(hour=8))
    assert period.holds(MONDAY.replace(hour=17, minute=59))
    assert not period.holds(MONDAY.replace(hour=18))
    assert not period.holds(MONDAY.replace(hour=12) + timedelta(days=5))


def test_a_period_past_midnight_belongs_to_the_day_on_which_it_began() -> None:
    period = parse_period("Mon 22:00-06:00")
    assert period.holds(MONDAY.replace(hour=23))
    assert period.holds(MONDAY.replace(hour=5) + timedelta(days=1))
    assert not period.holds(MONDAY.replace(hour=5))
    assert not period.holds(MONDAY.replace(hour=23) + timedelta(days=1))


def test_the_day_on_which_working_time_began_is_known() -> None:
    night = parse_period("Mon 22:00-06:00")
    assert night.began(MONDAY.replace(hour=23)) == MONDAY.date()
    assert night.began(MONDAY.replace(hour=5) + timedelta(days=1)) == MONDAY.date()
    assert night.began(MONDAY.replace(hour=12)) is None
    round_the_clock = parse_period("Mon,Tue 08:00-08:00")
    assert round_the_clock.began(MONDAY.replace(hour=7) + timedelta(days=1)) == MONDAY.date()
    assert round_the_clock.began(MONDAY.replace(hour=8) + timedelta(days=1)) == MONDAY.date() + timedelta(days=1)


def test_periods_are_said_in_words() -> None:
    periods = [parse_period(text) for text in ("Mon-Fri 08:00-18:00", "Sat,Sun 09:30-12:00", "Fri 22:00-06:00")]
    assert describe(periods) == (
        "Monday to Friday, 08:00 to 18:00; Saturday and Sunday, 09:30 to 12:00; Friday, 22:00 to 06:00 the next day"
    )
    assert describe(()) == ""


@given(st.text())
def test_no_text_makes_reading_fail_but_by_a_refusal(text: str) -> None:
    try:
        parse_period(text)
    except ValueError as refused:
        assert str(refused)  # noqa: PT017 (both ways out are right)
