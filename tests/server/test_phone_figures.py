"""Phones in a month's summary: likely visits, apart from hours, by the same rules, in every form."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import summary, summary_scope, usage
from server.disclosure import Use, blocks_of
from server.month_use import PHONE_KINDS
from server.store.models import Device, Person, PersonMonth, UsageKey
from server.summary_document import PhoneGroup, Phones, Visits
from server.summary_formats import render
from server.summary_words import shown

MADE = datetime(2026, 11, 2, 7, tzinfo=UTC)
LATER = datetime(2026, 11, 9, 7, tzinfo=UTC)


@pytest.fixture
def used(organisation):
    """`used(category, people, visits, ...)`: persons p0, p1, ... on a phone of theirs (or a laptop) in October."""
    Device.objects.update(enrolled_at=datetime(2026, 9, 1, tzinfo=UTC))

    def device(group, *, laptop):
        made = Device(
            id=uuid4(), name="one", group=group, public_key=uuid4().bytes * 2 if laptop else None, platform="ios",
            enrolled_at=datetime(2026, 9, 1, tzinfo=UTC),
        )  # fmt: skip
        made.save(force_insert=True)
        return made.number

    def write(
        category, people, visits, *, name="", group="learners", kind="host", laptop=False, seconds=0, day=15, first=0
    ):
        key, _ = UsageKey.objects.get_or_create(kind=kind, category=category, name=name)
        for number in range(first, first + people):
            account = f"p{number}"
            Person.objects.get_or_create(key=account, defaults={"account": account, "name": "N", "changed_at": MADE})
            row, _ = PersonMonth.objects.get_or_create(month="2026-10", account=account)
            at = device(group, laptop=laptop)
            usage.write([(row.pk, at, 20261000 + day, key.pk, seconds, visits)])

    return write


def visits(found):
    return {(one.kind, one.category, one.name): one.visits for one in found}


@pytest.mark.django_db
def test_likely_visits_of_five_people_are_told_and_never_as_hours(used):
    used("social_networking", 6, 40)
    used("social_networking", 6, 7, name="service:tiktok", kind="app")
    made = summary.make("2026-10", MADE)
    [group] = made.phones.groups
    assert (group.group, group.suppressed) == ("learners", False)
    assert visits(group.figures) == {
        ("host", "social_networking", ""): 240,
        ("app", "social_networking", "service:tiktok"): 42,
    }
    assert visits(made.phones.totals) == {("host", "social_networking", ""): 240, ("app", "social_networking", ""): 42}
    assert made.phones.enrolled == {"learners": 12}
    assert (made.totals, [one.figures for one in made.groups if one.group == "learners"]) == ((), [()])


@pytest.mark.django_db
def test_four_people_or_one_over_four_fifths_are_withheld_and_the_group_is_named(used):
    used("games", 4, 40)
    used("news", 5, 1, group="staff")
    used("news", 1, 100, group="staff")
    made = summary.make("2026-10", MADE)
    assert [(one.group, one.suppressed, one.figures) for one in made.phones.groups] == [
        ("learners", True, ()),
        ("staff", True, ()),
    ]
    assert made.phones.totals == ()
    assert "40" not in render(made, "csv").decode()


@pytest.mark.django_db
def test_groups_of_too_few_people_each_are_told_together(used):
    for number, group in enumerate(("staff", "learners", "partners")):
        used("games", 2, 10, group=group, day=15, first=number * 2)
    made = summary.make("2026-10", MADE)
    assert visits(made.phones.together) == {("host", "games", ""): 60}
    assert visits(made.phones.totals) == {("host", "games", ""): 60}
    assert all(one.suppressed for one in made.phones.groups)


@pytest.mark.django_db
def test_hours_that_a_gateway_claims_for_a_phone_count_as_nothing_and_visits_of_laptops_are_none_of_a_phone(used):
    used("games", 6, 3, seconds=50_000)
    used("news", 6, 90, laptop=True, seconds=3600)
    made = summary.make("2026-10", MADE)
    assert visits(made.phones.totals) == {("host", "games", ""): 18}
    assert {(one.category, one.hours) for one in made.totals} == {("news", 6.0)}


@pytest.mark.django_db
def test_what_phones_do_by_themselves_is_in_no_figure(used):
    used("background", 6, 900)
    assert summary.make("2026-10", MADE).phones.totals == ()


@pytest.mark.django_db
def test_without_phones_there_is_no_word_of_them(used):
    used("news", 6, 90, laptop=True, seconds=3600)
    made = summary.make("2026-10", MADE)
    assert made.phones is None
    assert b"likely visits" not in render(made, "html")
    assert "phone" not in render(made, "csv").decode()


@pytest.mark.django_db
def test_late_visits_change_a_figure_only_where_five_people_changed_it(used):
    used("news", 6, 10)
    first = summary.make("2026-10", MADE)
    used("news", 4, 5, day=20)
    assert summary.make("2026-10", LATER) == first
    used("news", 6, 1, day=21)
    later = summary.make("2026-10", LATER)
    assert (later.revision, visits(later.phones.totals)) == (2, {("host", "news", ""): 86})


@pytest.mark.django_db
def test_each_form_says_the_same_and_one_group_alone_is_shown_its_own(used):
    used("news", 6, 10)
    used("games", 7, 10, group="staff", first=10)
    made = summary.make("2026-10", MADE)
    told = list(csv.DictReader(io.StringIO(render(made, "csv").decode("utf-8-sig"))))
    assert {
        (one["group"], one["category"], one["value"]) for one in told if one["about"] == "likely visits by phone"
    } == {
        ("learners", "news", "60"),
        ("staff", "games", "70"),
    }
    page = render(made, "html").decode()
    assert "likely visits" in page
    assert ">60<" in page
    own = summary_scope.of_group(made, "staff")
    assert own.phones == Phones(
        {"staff": 7}, (PhoneGroup("staff", "Staff", False, (Visits("host", "games", "", 70),)),)
    )
    assert ">60<" not in render(own, "html").decode()
    assert summary_scope.of_partner(made, ["nobody"]).phones is None


@pytest.mark.django_db
def test_an_app_is_named_as_people_know_it(used):
    used("social_networking", 6, 7, name="service:tiktok", kind="app")
    tables = shown(summary.make("2026-10", MADE)).phones
    assert any(row[0].startswith("TikTok (likely app use): ") for table in tables for row in table.rows)
    assert not any("service:" in cell for table in tables for row in table.rows for cell in row)


USES = st.lists(
    st.builds(
        Use,
        st.integers(1, 9),
        st.just("staff"),
        st.sampled_from(["host", "app", *PHONE_KINDS.values()]),
        st.sampled_from(["work", "games"]),
        st.sampled_from(["", "a.example"]),
        st.integers(0, 1000),
    ),
    max_size=60,
)


@given(USES)
def test_what_is_shown_of_hours_and_of_visits_depends_on_nothing_of_the_other(uses):
    phones = [one for one in uses if one.kind in PHONE_KINDS.values()]
    hours = [one for one in uses if one not in phones]
    assert blocks_of(uses) == blocks_of(hours) | blocks_of(phones)
