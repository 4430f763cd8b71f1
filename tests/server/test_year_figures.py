"""Promise 7 over a year: nothing is in its figures that the months' published summaries do not tell."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server import summary_document as doc
from server import year_figures
from server.year_document import Told, YearFigures
from tests.server.months import YEAR, figure, incidents, month, year

LATER = datetime(2026, 11, 9, tzinfo=UTC)
counts = st.one_of(st.none(), st.integers(5, 40))
hours = st.integers(1, 9000).map(lambda tenths: tenths / 10)


@st.composite
def summaries(draw):
    """Up to thirteen months, each with what it tells and what it withholds."""
    found = []
    for name in draw(st.lists(st.sampled_from([*YEAR, "2026-11"]), unique=True)):
        urgent = draw(counts)
        told = [figure(one, draw(hours)) for one in draw(st.lists(st.sampled_from(["news", "games"]), unique=True))]
        named = draw(st.dictionaries(st.sampled_from(["drugs", "gambling"]), st.integers(5, 20)))
        rest = draw(st.sampled_from([0, 5, 9]))
        total = sum(named.values()) + rest or None
        sealed = doc.Sealed({"all": doc.Named(total, named, rest)}, doc.Named(total, {}, total or 0), LATER)
        found.append(
            month(
                name,
                totals=tuple(told),
                groups=(doc.Group("staff", "Staff", not told, tuple(told)),),
                incidents=incidents(urgent, draw(counts) if urgent is not None else None),
                sealed=draw(st.sampled_from([None, sealed])),
            )
        )
    return found


def told(figures):
    """Every number of cases and hours in a year's figures, under a name."""
    found = {("received",): figures.cases.received.cases}
    for table in ("categories", "outcomes"):
        found |= {(table, part): one.cases for part, one in getattr(figures.cases, table).parts.items()}
        found[table, ""] = getattr(figures.cases, table).others.cases
    found |= {("use", one.category): one.hours for one in figures.use}
    return found | {("group", one.group): one.hours for one in figures.groups}


@given(summaries())
@settings(max_examples=100, deadline=None)
def test_each_number_is_the_sum_of_what_the_months_tell_and_nothing_stands_for_what_they_withhold(some):
    whole = told(year_figures.of(some, YEAR))
    alone = [told(year_figures.of([one], [one.month])) for one in some]
    for name, number in whole.items():
        assert number == pytest.approx(sum(one.get(name, 0) for one in alone), abs=0.06)
    for one, numbers in zip(some, alone, strict=True):
        assert numbers["received",] == (one.incidents.urgency.total or 0)
        assert {name: hours for (kind, *name), hours in numbers.items() if kind == "use" for name in name} == {
            each.category: each.hours for each in one.totals
        }


@given(summaries())
@settings(max_examples=100, deadline=None)
def test_two_years_that_overlap_differ_by_what_their_own_months_tell(some):
    """The attacker has both reviews and every month, and subtracts: what is left is what single months tell anyway."""
    by_month = {one.month: one for one in some}
    first, second = (
        year_figures.of([by_month[name] for name in window if name in by_month], window)
        for window in (YEAR, (*YEAR[1:], "2026-11"))
    )
    ends = [by_month[name].incidents.urgency.total or 0 if name in by_month else 0 for name in ("2026-11", YEAR[0])]
    assert second.cases.received.cases - first.cases.received.cases == ends[0] - ends[1]


def test_what_is_made_from_documents_alone_is_the_same_whatever_lies_behind_them():
    # The only way in: published documents. Whoever adds another argument has to think of this promise.
    assert year_figures.of.__code__.co_varnames[: year_figures.of.__code__.co_argcount] == ("summaries", "months")
    assert {name for name in vars(year_figures) if "models" in name or name == "store"} == set()


def test_months_without_a_summary_are_named_and_the_others_stand_side_by_side():
    figures = year_figures.of(year()[2:], YEAR)
    assert figures.missing == ("2025-11", "2025-12")
    assert [one.month for one in figures.months] == list(YEAR[2:])
    first = figures.months[0]
    assert (first.enrolled, first.reported, first.hours, first.version) == (22, 21, 49.9, 2)
    assert isinstance(msgspec.json.decode(msgspec.json.encode(figures), type=YearFigures), YearFigures)


def test_a_small_month_is_counted_as_one_and_never_added():
    figures = year_figures.of([*year()[:10], month("2026-09", incidents=incidents(None, None))], YEAR)
    assert (figures.cases.received, figures.cases.few) == (Told(140, 10), 1)


def test_sites_groups_and_gaps_say_in_how_many_months():
    figures = year_figures.of([*year()[:11], month("2026-10", groups=(), totals=(), sealed=None)], YEAR)
    assert [(one.name, one.hours, one.months) for one in figures.sites] == [("bbc.co.uk", 104.5, 11)]
    assert [(one.group, one.hours, one.months) for one in figures.groups] == [
        ("learners", 548.9, 11),
        ("staff", 0.0, 0),
    ]
    assert [(one.months, one.devices) for one in figures.blind] == [(12, 2)]
    assert figures.months[-1].hours is None
    assert (figures.cases.awaiting, figures.cases.counted) == (1, 11)


def test_urgent_and_routine_tables_of_a_month_count_as_one_month():
    apart = {"urgent": doc.Named(6, {"drugs": 6}, 0), "routine": doc.Named(8, {"drugs": 8}, 0)}
    sealed = doc.Sealed(apart, doc.Named(14, {}, 14), LATER)
    cases = year_figures.of([month("2026-10", sealed=sealed)], YEAR).cases
    assert cases.categories.parts == {"drugs": Told(14, 1)}
    assert cases.outcomes.others == Told(14, 1)
