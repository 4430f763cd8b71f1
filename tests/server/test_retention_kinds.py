"""The table of kinds: every kind has a period within its bounds, reasons, and a way to be deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.config import parse
from server.errors import ConfigError
from server.retention import FILES
from server.retention_kinds import KINDS, by_id, period
from server.retention_rows import ROWS

OWN_RULES = {"usage", "cases", "accounts"}


def test_every_kind_is_there_once_with_a_default_within_its_bounds_and_why():
    assert len({kind.id for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert kind.least <= kind.days <= kind.most, kind.id
        assert kind.name, kind.id
        assert kind.since, kind.id
        assert kind.reason.endswith("."), kind.id
        assert kind.source, kind.id
        assert len(kind.id) <= 16, "as long as the log of deletions has room for"


def test_every_kind_is_deleted_in_exactly_one_way():
    ways = [*ROWS, *FILES, *OWN_RULES]
    assert sorted(ways) == sorted(kind.id for kind in KINDS)


def test_personal_totals_can_be_kept_for_less_time_and_never_for_more():
    assert by_id("usage").most == by_id("usage").days == 45


def test_the_organisation_chooses_within_bounds():
    chosen = parse("[retention]\ncases = 1095\n", "collector.toml").retention
    assert period(by_id("cases"), chosen) == timedelta(days=1095)
    assert period(by_id("people"), chosen) == timedelta(days=400)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("usage = 46", "from 10 to 45"),
        ("cases = 0", "from 90 to 9131"),
        ("cases = true", "a whole number of days"),
        ('cases = "long"', "a whole number of days"),
        ("case = 400", "did you mean 'cases'"),
        ("sessions = 4", "unknown key 'sessions'"),
    ],
)
def test_other_periods_are_refused_with_their_line(line, words):
    with pytest.raises(ConfigError) as refused:
        parse(f"[retention]\n{line}\n", "collector.toml")
    assert words in str(refused.value)
    assert "line 2" in str(refused.value)
