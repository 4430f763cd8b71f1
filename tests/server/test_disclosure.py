"""Promise 7: no figure, and no sum or difference of figures, rests on few people or mostly on one."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from html.parser import HTMLParser
from itertools import combinations
from typing import NamedTuple

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from server import erasure, month_use, subject_access, summary, summary_document, usage
from server.charts import number
from server.disclosure import TOGETHER, UNNAMED, Block, Use, blocks_of, is_safe, more, revised
from server.store.models import Device, Person, PersonMonth, UsageKey
from server.summary_formats import render

pytestmark = pytest.mark.more

GROUPS = ("staff", "learners", "partners")
THINGS = (("work", ""), ("work", "a.example"), ("work", "b.example"), ("games", ""))


def use(person, seconds, group="staff", category="work", name=""):
    return Use(person, group, "host", category, name, seconds)


@st.composite
def months(draw, most=40):
    """Use of up to fourteen people, each of one group, on up to four things."""
    people = draw(st.lists(st.sampled_from(GROUPS), min_size=1, max_size=14))
    seconds = st.one_of(st.just(0), st.integers(1, 100), st.integers(1, 100_000))
    found = []
    for person, group in enumerate(people):
        for category, name in draw(st.lists(st.sampled_from(THINGS), max_size=4, unique=True)):
            found.append(use(person, draw(seconds), group, category, name))
    return found[:most]


def rests_on_enough(contributions):
    """The rule, written again and otherwise."""
    people = defaultdict(int)
    for person, seconds in contributions:
        people[person] += seconds
    people = {person: seconds for person, seconds in people.items() if seconds}
    return len(people) >= 5 and all(Fraction(one, sum(people.values())) <= Fraction(4, 5) for one in people.values())


# --- the two rules ------------------------------------------------------------------------------------------------


def test_five_people_may_be_shown_and_four_may_not():
    assert is_safe(dict.fromkeys(range(5), 60))
    assert not is_safe(dict.fromkeys(range(4), 60))


def test_who_has_no_seconds_is_not_a_contributor():
    assert not is_safe({**dict.fromkeys(range(4), 60), 4: 0})


def test_one_person_with_four_fifths_may_be_in_a_figure_and_with_more_not():
    assert is_safe({0: 16_000, 1: 1000, 2: 1000, 3: 1000, 4: 1000})
    assert not is_safe({0: 16_001, 1: 1000, 2: 1000, 3: 1000, 4: 1000})


def test_nothing_at_all_is_not_shown():
    assert not is_safe({})


# --- cutting a month into blocks ----------------------------------------------------------------------------------


def test_a_small_group_is_withheld_and_the_others_stay():
    month = [use(n, 60, "staff") for n in range(20)] + [use(100 + n, 60, "partners") for n in range(3)]
    assert set(blocks_of(month)) == {Block("staff", "host", "work", UNNAMED)}


def test_small_groups_are_united_where_together_they_are_enough():
    month = [use(n, 60, GROUPS[n % 3]) for n in range(9)]
    assert set(blocks_of(month)) == {Block(TOGETHER, "host", "work", UNNAMED)}


def test_a_site_that_five_people_used_stands_apart_from_the_rest_of_its_category():
    month = [use(n, 60) for n in range(6)] + [use(n, 60, name="a.example") for n in range(5)]
    assert {block.name: sum(shares.values()) for block, shares in blocks_of(month).items()} == {
        "a.example": 300,
        "": 360,
    }


def test_a_site_is_given_up_where_the_rest_would_be_one_person():
    month = [use(9, 5000)] + [use(n, 60, name="a.example") for n in range(6)]
    assert blocks_of(month) == {}  # together, one of seven has over four fifths
    month = [use(9, 100)] + [use(n, 60, name="a.example") for n in range(6)]
    assert {block.name for block in blocks_of(month)} == {UNNAMED}


def test_the_smallest_site_is_given_up_first():
    month = (
        [use(9, 50)]
        + [use(n, 60, name="a.example") for n in range(6)]
        + [use(n, 90, name="b.example") for n in range(6)]
    )
    assert {block.name for block in blocks_of(month)} == {"b.example", UNNAMED}


# --- an attacker who tries ----------------------------------------------------------------------------------------


@given(months())
@settings(max_examples=300, deadline=None)
def test_every_block_rests_on_enough_people_and_nobody_s_seconds_are_in_two(month):
    blocks = blocks_of(month)
    for shares in blocks.values():
        assert rests_on_enough(shares.items())
    for person in {one.person for one in month}:
        inside = sum(shares.get(person, 0) for shares in blocks.values())
        assert inside <= sum(one.amount for one in month if one.person == person)


@given(months())
@settings(max_examples=150, deadline=None)
def test_no_sum_or_difference_of_figures_gives_away_few_people(month):
    """The attacker has every figure, may add and subtract as they like, and knows who used what, but not how long."""
    blocks = blocks_of(month)
    atoms = sorted({(one.person, one.group, one.category, one.name) for one in month if one.amount})
    basis = reduced([int(_holds(block, atom, blocks)) for atom in atoms] for block in blocks)
    for wanted in _tempting(atoms):
        if in_span(basis, [int(atom in wanted) for atom in atoms]):
            held = [one for one in month if (one.person, one.group, one.category, one.name) in wanted]
            assert rests_on_enough((one.person, one.amount) for one in held)


@given(months(), months())
@settings(max_examples=150, deadline=None)
def test_no_difference_of_two_versions_gives_away_few_people(month, late):
    before = blocks_of(month)
    after = revised(before, month + late)
    assert after.keys() == before.keys()
    added = [more(before[block], after[block]) for block in before]
    changed = [one for one in added if one]
    assert all(not more(after[block], before[block]) for block in before)
    for size in range(1, min(len(changed), 3) + 1):
        for some in combinations(changed, size):
            assert rests_on_enough(pair for one in some for pair in one.items())


@pytest.fixture
def officer(people):
    """The data protection officer, and a list of all who may turn up in these worlds."""
    for account in [f"p{person}" for person in range(14)]:
        Person.objects.create(key=account, account=account, name="N", changed_at=MADE)
    return people.dpo


@pytest.fixture
def long_days(organisation, monkeypatch):
    """A day of these worlds stands for many: it may have more hours than a day has."""
    monkeypatch.setattr(month_use, "DAY_MAX_SECONDS", 10**9)


class Asked(NamedTuple):
    """What people asked for before a version is made: totals erased, left out of figures, counted again."""

    erased: tuple[int, ...] = ()
    left_out: tuple[int, ...] = ()
    again: tuple[int, ...] = ()


@st.composite
def askings(draw):
    """What few or many of the fourteen people asked for."""
    some = st.lists(st.integers(0, 13), max_size=7, unique=True).map(tuple)
    return Asked(*(draw(st.one_of(st.just(()), some)) for _ in Asked._fields))


EIGHT = [use(person, 10 + person) for person in range(8)]


@pytest.mark.django_db
@given(months(), months(), months(), askings(), askings(), askings())
@example(EIGHT, [], [use(5, 7)], Asked(), Asked(left_out=(0, 1, 2, 3, 4)), Asked(again=(0, 1, 2, 3)))
@example(EIGHT[3:], EIGHT[:3] + EIGHT[4:6], [use(7, 9)], Asked(), Asked(), Asked(erased=(0, 1, 2, 4)))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_sums_or_differences_of_published_documents_give_away_few_people(
    long_days, officer, month, late, later, first, then, last
):
    """The attacker has every version of two months' summaries, of each group, in every format.

    They know who used what, when it came in, and who was erased or left out when, but not how long. What they can work
    out by adding and subtracting is what lies in the span of all figures; each such thing that they would want must
    rest on enough people, and nothing in it may rest on one or two.
    """
    with transaction.atomic():
        world = World(officer)
        documents = []
        for batch, asked in ((month, first), (late, then), (later, last)):
            world.asked(asked)
            world.comes_in("2026-10", batch)
            documents.append(summary.make("2026-10", MADE + timedelta(days=len(documents))))
            world.published()
        world.comes_in("2026-11", month)
        following = summary.make("2026-11", MADE + timedelta(days=40))
        transaction.set_rollback(True)
    for document in (*documents, following):
        no_format_says_more(document)
    assert {one.before for one in figures_of(following)} <= {None, *(one.hours for one in figures_of(documents[-1]))}
    atoms = world.atoms("2026-10")
    rows = world.rows(documents, atoms)
    basis = reduced(rows)
    for wanted in tempting_over_time(atoms):
        if in_span(basis, [int(atom in wanted) for atom in atoms]):
            assert rests_on_enough((atom[1], world.seconds[atom]) for atom in wanted), wanted
    for few in combinations(sorted({atom[1] for atom in atoms}), 2):
        others = [at for at, atom in enumerate(atoms) if atom[1] not in few]
        assert rank([row[at] for at in others] for row in rows) == len(basis), few


MADE = datetime(2026, 11, 2, 7, tzinfo=UTC)
PRIME = 2**61 - 1
TENTH = 360
"""Seconds of a tenth of an hour: so that what is rounded in a document is exact, and the attacker's sums are too."""


class World:
    """A collector with a device a group, and what came in when: atoms are (batch, person, group, category, name)."""

    def __init__(self, officer):
        self.seconds = {}
        self._group = {}
        self._batches = 0
        self._officer = officer
        self._requests = {}
        self._erased, self._left_out = set(), set()
        self._counted = []
        self._devices = {
            group: Device.objects.create(
                name=group,
                group=group,
                public_key=group.encode(),
                platform="Linux",
                enrolled_at=MADE - timedelta(days=90),
            )
            for group in GROUPS
        }

    def asked(self, asked):
        """Do what people asked for, as the officer does."""
        months = PersonMonth.objects.filter(account__in=[f"p{person}" for person in asked.erased])
        erasure.erase_again([row.person for row in months], MADE)
        self._erased.update(int(row.account[1:]) for row in months)
        for person in asked.left_out:
            if person not in self._requests:
                account = f"p{person}"
                request = subject_access.start(self._officer, account, "known", MADE.date(), MADE)
                self._requests[person] = request.pk
            if person not in self._left_out:
                erasure.restrict_use(self._officer, self._requests[person], MADE, restricted=True)
                self._left_out.add(person)
        for person in self._left_out & {*asked.again}:
            erasure.restrict_use(self._officer, self._requests[person], MADE, restricted=False)
            self._left_out.remove(person)

    def published(self):
        """Note what the collector has and counts at the time of a version."""
        self._counted.append({atom for atom in self.seconds if atom[1] not in self._erased | self._left_out})

    def comes_in(self, month, uses):
        """Store a batch of totals; who was in an earlier one stays in that one's group. Nothing comes of the erased."""
        self._batches += 1
        for one in uses:
            if one.person in self._erased and month == "2026-10":
                continue
            if one.person in self._requests:  # their group is decided once they count, perhaps much later
                one = one._replace(group=GROUPS[one.person % 3])
            account = f"p{one.person}"
            row, _ = PersonMonth.objects.get_or_create(month=month, account=account)
            key, _ = UsageKey.objects.get_or_create(kind="host", category=one.category, name=one.name)
            day = int(month.replace("-", "")) * 100 + self._batches
            seconds = one.amount * TENTH
            usage.write([(row.pk, self._devices[one.group].number, day, key.pk, seconds, 1)])
            if seconds:
                group = self._group.setdefault((month, one.person), one.group)
                self.seconds[self._batches, one.person, group, one.category, one.name] = seconds

    def atoms(self, month):
        return sorted(atom for atom in self.seconds if (month, atom[1]) in self._group and atom[0] <= 3)

    def rows(self, documents, atoms):
        """What each figure of each version holds, found by its number: what it held before, or what was there then."""
        rows, held = [], {}
        for document, counted in zip(documents, self._counted, strict=True):
            cells = cells_of(document)
            shown = {(group.group, one.category, one.name) for group in document.groups for one in group.figures}
            both = {(TOGETHER, one.category, UNNAMED) for one in document.together}
            for cell, hours in cells.items():
                there = {atom for atom in counted if cell_of(atom, shown | both) == cell}
                before = held.get(cell, set())
                fitting = [some for some in (before, before | there, there) if self._hours(some) == hours]
                assert fitting, (cell, hours, "is no sum of whole batches")
                held[cell] = fitting[0]
                rows.append([int(atom in held[cell]) for atom in atoms])
            for group in document.groups:
                own = defaultdict(float)
                for one in group.figures:
                    own[one.category] += one.hours
                assert {one.category: one.hours for one in group.categories} == pytest.approx(own)
            sums = defaultdict(float)
            for (_, category, _), hours in cells.items():
                sums[category] += hours
            assert {one.category: one.hours for one in document.totals} == pytest.approx(sums)
        return rows

    def _hours(self, atoms):
        return round(sum(self.seconds[atom] for atom in atoms) / 3600, 1)


def cells_of(document):
    own = {(group.group, one.category, one.name): one.hours for group in document.groups for one in group.figures}
    return own | {(TOGETHER, one.category, UNNAMED): one.hours for one in document.together}


def cell_of(atom, shown):
    _, _, group, category, name = atom
    places = ((group, category, name), (group, category, UNNAMED), (TOGETHER, category, UNNAMED))
    return next((place for place in places if place in shown), None)


def figures_of(document):
    return [
        *(one for group in document.groups for one in (*group.figures, *group.categories)),
        *document.together,
        *document.totals,
    ]


def no_format_says_more(document):
    """Whatever is read as CSV, as a page, or of one group alone, is a number that the whole document has."""
    assert summary_document.read(render(document, "json")) == document
    known = {one.hours for one in (*figures_of(document), *document.top)}
    known |= {one.before for one in figures_of(document)} | {one.year_before for one in figures_of(document)}
    words = {"–", *(number(one) for one in known if one is not None)}
    for group in (None, *(one.group for one in document.groups)):
        told = csv.DictReader(io.StringIO(render(document, "csv", group).decode("utf-8-sig")))
        values = [row["value"] for row in told if row["about"].startswith("hours") and row["value"] != "withheld"]
        assert {float(value) for value in values} <= known
        page = Page()
        page.feed(render(document, "html", group).decode())
        assert set(page.hours) <= words


class Page(HTMLParser):
    """What a page says in the columns of hours."""

    def __init__(self):
        super().__init__()
        self.hours = []
        self._in = ""

    def handle_starttag(self, tag, attrs):
        if tag == "td":
            self._in = dict(attrs).get("data-label", "")

    def handle_endtag(self, tag):
        if tag == "td":
            self._in = ""

    def handle_data(self, data):
        if data.strip() and self._in in {"Hours", "A year before", "September 2026", "October 2026"}:
            self.hours.append(data.strip())


def tempting_over_time(atoms):
    """What an attacker would want: as in one report, and each of it as it came in late."""
    sets = defaultdict(set)
    for atom in atoms:
        batch, person, group, category, name = atom
        for key in (
            (person,),
            (group,),
            (category, ""),
            (category, name, 1),
            (group, category),
            (group, category, name),
            (person, category),
        ):
            for when in ("ever", batch, f"since {batch > 1}", f"until {batch < 3}"):
                sets[key, when].add(atom)
    return list(sets.values())


def test_late_totals_of_four_people_wait_and_of_five_are_shown():
    month = [use(n, 600) for n in range(8)]
    before = blocks_of(month)
    four = revised(before, month + [use(n, 60) for n in range(4)])
    assert four == before
    five = revised(before, month + [use(n, 60) for n in range(5)])
    assert [sum(shares.values()) for shares in five.values()] == [8 * 600 + 300]


def test_a_late_site_is_counted_with_the_rest_of_its_category_and_makes_no_new_figure():
    month = [use(n, 600) for n in range(8)]
    after = revised(blocks_of(month), month + [use(n, 60, name="a.example") for n in range(8)])
    assert {block: sum(shares.values()) for block, shares in after.items()} == {
        Block("staff", "host", "work", ""): 5280
    }


def test_a_group_that_was_withheld_stays_withheld_when_late_data_come():
    month = [use(n, 600) for n in range(8)] + [use(20, 600, "partners")]
    after = revised(blocks_of(month), month + [use(20 + n, 600, "partners") for n in range(9)])
    assert {block.group for block in after} == {"staff"}


def test_the_attacker_of_these_tests_finds_what_a_careless_report_gives_away():
    month = [use(n, 60) for n in range(6)] + [use(9, 60, "partners")]
    atoms = sorted({(one.person, one.group, one.category, one.name) for one in month})
    careless = [[1] * len(atoms), [int(atom[1] == "staff") for atom in atoms]]  # a total, and one of its two groups
    assert in_span(reduced(careless), [int(atom[1] == "partners") for atom in atoms])


def _holds(block, atom, blocks):
    _, group, category, name = atom
    if category != block.category:
        return False
    if block.group == TOGETHER:
        return not any(one.group == group and one.category == category for one in blocks)
    if block.group != group:
        return False
    apart = {one.name for one in blocks if one.group == group and one.category == category} - {UNNAMED}
    return name == block.name if block.name else name not in apart


def _tempting(atoms):
    """What an attacker would want: a person, a group, a category, a site, a group's category, and those withheld."""
    sets = defaultdict(set)
    for atom in atoms:
        person, group, category, name = atom
        for key in (
            (person,),
            (group,),
            (category, ""),
            (category, name, 1),
            (group, category),
            (group, category, name),
            (person, category),
        ):
            sets[key].add(atom)
    return list(sets.values())


def reduced(rows):
    """The rows brought to a triangle (Gauss, exactly), each with its pivot."""
    basis = []
    for row in rows:
        row = _less(basis, row)
        pivot = next((at for at, value in enumerate(row) if value), None)
        if pivot is not None:
            basis.append((pivot, row))
    return basis


def rank(rows):
    """How many of the rows are independent: with remainders of a large prime, which is faster than fractions."""
    left, found = [list(row) for row in rows], 0
    for at in range(len(left[0]) if left else 0):
        pivot = next((row for row in left if row[at]), None)
        if pivot is None:
            continue
        left.remove(pivot)
        found += 1
        inverse = pow(pivot[at], -1, PRIME)
        for at_row, row in enumerate(left):
            if row[at]:
                factor = row[at] * inverse % PRIME
                left[at_row] = [(value - factor * less) % PRIME for value, less in zip(row, pivot, strict=True)]
    return found


def in_span(basis, target):
    """Whether the target is a linear combination of the rows that were reduced."""
    return not any(_less(basis, target))


def _less(basis, row):
    row = [Fraction(value) for value in row]
    for pivot, other in basis:
        if row[pivot]:
            factor = row[pivot] / other[pivot]
            row = [value - factor * less for value, less in zip(row, other, strict=True)]
    return row
