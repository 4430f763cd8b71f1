"""Who is due follows from the newest date, what is expected of the group, and who is still here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings

from server import training
from server.store.models import Person, TrainingRecord
from server.training_file import folded
from server.training_settings import TrainingSettings

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
TODAY = NOW.date()


def person(account, group="staff", **more):
    return Person.objects.create(
        account=account, key=account.casefold(), name=account.title(), group=group, changed_at=NOW, **more
    )


def done(account, course, done_on, due_on=None):
    TrainingRecord.objects.create(
        account=account,
        key=account.casefold(),
        course=course,
        course_key=folded(course),
        done_on=done_on,
        due_on=due_on,
    )


def states(**more):
    return {(one.account, one.course): one.state for one in training.register(TODAY, **more).standings}


def test_each_state_begins_on_its_day(database):
    for account, due_on in (
        ("late", TODAY - timedelta(days=1)),
        ("today", TODAY),
        ("month", TODAY + timedelta(days=30)),
        ("later", TODAY + timedelta(days=31)),
    ):
        person(account, group="learners")
        done(account, "Prevent", date(2025, 1, 1), due_on)
    found = {account: state for (account, _), state in states().items()}
    assert found == {"late": "overdue", "today": "soon", "month": "soon", "later": "in_date"}
    assert [one.account for one in training.register(TODAY).due] == ["late", "today", "month"]


def test_staff_without_a_date_are_listed_and_others_are_not(database):
    person("sam")
    person("lee", group="learners")
    done("sam", "SAFEGUARDING", TODAY - timedelta(days=10))
    assert states() == {("sam", "Safeguarding"): "in_date", ("sam", "Prevent"): "missing"}


def test_a_short_refresher_does_not_end_a_longer_certificate(database):
    done("sam", "Prevent", date(2025, 3, 1), date(2028, 3, 1))
    done("sam", "Prevent", date(2025, 9, 1))
    (one,) = training.register(TODAY).standings
    assert (one.done_on, one.due_on, one.state, one.listed) == (date(2025, 9, 1), date(2028, 3, 1), "in_date", False)


def test_dates_find_their_person_under_another_form_of_the_account(database):
    person("anna@example.org", group="learners")
    done("Anna@Example.org", "Prevent", TODAY)
    done("anna", "Prevent", date(2020, 1, 1))
    (one,) = training.register(TODAY).standings
    assert (one.account, one.done_on, one.listed) == ("anna@example.org", TODAY, True)


def test_who_has_left_is_due_for_nothing(database):
    person("gone", gone_at=NOW)
    person("left", leaves_on=TODAY - timedelta(days=1))
    person("leaving", leaves_on=TODAY)
    for account in ("gone", "left", "leaving"):
        done(account, "Prevent", date(2020, 1, 1))
    assert {account for account, _ in states()} == {"leaving"}


def test_a_partners_manager_sees_their_own_groups_alone(database):
    person("sam")
    person("lee", group="learners")
    for account in ("sam", "lee", "unlisted"):
        done(account, "Prevent", date(2020, 1, 1))
    assert set(states(in_scope=lambda group: group == "learners")) == {("lee", "Prevent")}


def test_the_numbers_are_by_group_and_course(database):
    person("sam")
    person("kit")
    done("sam", "prevent", date(2020, 1, 1))
    counts = {(one.group, one.course): one for one in training.register(TODAY).counts}
    prevent = counts["staff", "Prevent"]
    assert (prevent.overdue, prevent.missing, prevent.soon, prevent.in_date) == (1, 1, 0, 0)
    assert counts["staff", "Safeguarding"].missing == 2


def test_who_may_be_staff_is_counted_rather_than_guessed(database):
    person("sam", group="Teaching and learning")
    found = training.register(TODAY)
    assert (found.standings, found.unplaced) == ((), 1)


def test_the_settings_say_which_courses_of_which_groups_and_how_often(database, monkeypatch):
    wanted = TrainingSettings(courses=("Online safety",), groups=("volunteers",), every_months=1)
    monkeypatch.setattr("django.conf.settings.CONFIG", replace(settings.CONFIG, training=wanted))
    person("sam")
    person("vi", group="volunteers")
    done("sam", "Prevent", TODAY - timedelta(days=40))
    assert states() == {("sam", "Prevent"): "overdue", ("vi", "Online safety"): "missing"}
    assert training.register(TODAY).unplaced == 0


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 1, 15), 12, date(2027, 1, 15)),
    ],
)
def test_months_later_is_the_same_day_or_the_months_last(day, months, later):
    assert training.months_later(day, months) == later
