"""The review is gathered from kept summaries, signed policies and records, and refuses months that can't be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings

from server import board, partners, summary, yearly_review
from server.errors import NotThere, SetUpError
from server.store.models import Device, MonthlySummary, Person, PersonMonth, TrainingRecord, Trip, Usage, UsageKey
from server.summary_document import write
from tests.server.months import YEAR, year
from tests.server.months import month as month_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


@pytest.fixture
def kept(organisation):
    for one in year():
        MonthlySummary.objects.create(month=one.month, revision=2, made_at=NOW, document=write(one))


@pytest.mark.parametrize(
    ("until", "words"),
    [
        ("2026-13", "is not a month"),
        ("soon", "is not a month"),
        ("0001-01", "is not a month"),
        ("2026-11", "2026-11 is not over yet; the newest month that can be reviewed is 2026-10"),
        ("2999-01", "is not over yet"),
    ],
)
def test_a_month_that_is_none_or_not_over_is_refused(kept, until, words):
    with pytest.raises(SetUpError, match=words):
        yearly_review.of(until, NOW)


def test_without_any_summary_there_is_nothing_to_review_and_still_a_pack_for_an_inspection(organisation):
    with pytest.raises(NotThere, match="twelve months up to October 2026, so there is nothing to review"):
        yearly_review.of("", NOW)
    assert yearly_review.gather("", NOW).figures.missing == YEAR
    assert yearly_review.months_to_review(NOW) == []


def test_before_there_is_an_organisation_it_says_so(database):
    with pytest.raises(SetUpError, match="run fairwatch-server init"):
        yearly_review.of("", NOW)


def test_it_takes_the_newest_version_of_each_month_and_no_month_of_another_year(kept):
    for month in ("2025-10", "2026-10"):
        older = write(month_of(month, revision=1))
        MonthlySummary.objects.create(month=month, revision=1, made_at=NOW, document=older)
    made = yearly_review.of("2026-10", NOW)
    assert [one.month for one in made.figures.months] == list(YEAR)
    assert {one.version for one in made.figures.months} == {2}
    assert (made.first, made.last, made.made_on) == (date(2025, 11, 1), date(2026, 10, 1), date(2026, 11, 26))
    assert yearly_review.of("2025-12", NOW).first == date(2025, 1, 1)
    assert yearly_review.months_to_review(NOW)[0] == "2026-10"


def test_figures_do_not_change_with_what_lies_behind_the_summaries(device):
    """Promise 7: whatever happens to the rows of people and cases, the year says what the months said."""
    Device.objects.update(enrolled_at=datetime(2026, 9, 1, tzinfo=UTC))
    key = UsageKey.objects.create(kind="host", category="games", name="")
    number = Device.objects.get().number
    for person in range(6):
        Person.objects.create(key=f"p{person}", account=f"p{person}", name="N", changed_at=NOW)
        row = PersonMonth.objects.create(month="2026-10", account=f"p{person}")
        Usage.objects.create(person=row.pk, device=number, day=20261015, key=key.pk, seconds=3600, visits=1)
    summary.make("2026-10", NOW)
    before = yearly_review.of("", NOW).figures
    assert [one.hours for one in before.use] == [6.0]
    extra = PersonMonth.objects.create(month="2026-10", account="late")
    Usage.objects.create(person=extra.pk, device=number, day=20261016, key=key.pk, seconds=36000, visits=1)
    PersonMonth.objects.filter(account="p0").delete()
    assert yearly_review.of("", NOW).figures == before


def test_policies_are_those_in_force_in_the_year_with_what_changed(kept, custodians, monkeypatch):
    custodians.publish()
    monkeypatch.setattr(settings, "DATA_DIR", custodians.collector)
    now = datetime.now(UTC) + timedelta(days=62)
    made = yearly_review.gather("", now)
    assert [(one.version, one.first, one.earlier) for one in made.policies] == [(made.policy_in_force, True, False)]
    assert made.asked_times.startswith("urgent within")
    later = yearly_review.gather("", now + timedelta(days=800))
    assert [one.earlier for one in later.policies] == [True]
    assert yearly_review.gather("2020-01", now).policies == ()


def test_duties_tests_partners_and_records_stand_beside_the_figures(kept, people, device):
    TrainingRecord.objects.create(
        account="sam", key="sam", course="Prevent", course_key="prevent", done_on=date(2026, 3, 1)
    )
    partners.add(None, partners.Details("North College"), NOW)
    for minutes, arrived in ((0, True), (1, True), (2, False)):
        at = datetime(2026, 5, 1, 9, minutes, tzinfo=UTC)
        done = {"received_at": at + timedelta(seconds=9)} if arrived else {"failed_at": at}
        Trip.objects.create(
            group="staff", device_id=device.id, by=Trip.By.SERVICE, weekly=True, asked_at=at, fetched_at=at, **done
        )
    board.assess(people.dpo, date(2026, 3, 3), "No high risk is left.", NOW)
    point = board.raise_point(people.manager, "More deputies?", NOW)
    board.settle(people.manager, point.pk, "One more.", NOW)
    board.decide(people.manager, board.Decision(date(2026, 11, 20), "Go on.", "All", "2026-10"), NOW)
    made = yearly_review.of("", NOW)
    assert {one.course: one.people for one in made.trained} == {"Prevent": 1, "Safeguarding": 0}
    assert [(one.name, one.state) for one in made.partners] == [("North College", "missing")]
    (tested,) = made.tests
    assert (tested.tests, tested.arrived, tested.half_seconds, tested.last_arrived) == (3, 2, 9.0, False)
    assert len(tested.failed) == 1
    assert made.untested == ()
    assert (made.assessed_on, made.due_on, made.due) == (date(2026, 3, 3), date(2027, 11, 20), "in_date")
    assert [(one.text, one.decision) for one in made.settled] == [("More deputies?", "One more.")]
    assert [one.until for one in made.decisions] == ["2026-10"]
