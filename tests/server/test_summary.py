"""A month's summary: made once, the same for everyone, revised only as far as late data may show."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from protocol.messages import encode
from protocol.month_totals import MonthTotals, sign
from server import sample_history, summary, summary_calendar, summary_scope, usage
from server.errors import NotThere, SetUpError
from server.sample import Shape
from server.store.models import (
    AuditEntry,
    Device,
    Incident,
    MonthBasis,
    MonthlySummary,
    MonthSealedTotals,
    Person,
    PersonMonth,
    UsageKey,
)
from server.summary_document import Figure, Named, write
from server.summary_words import shown

pytestmark = pytest.mark.django_db

MADE = datetime(2026, 11, 2, 7, tzinfo=UTC)
LATER = datetime(2026, 11, 9, 7, tzinfo=UTC)


@pytest.fixture
def used(device, other_device):
    """`used(category, number of people, seconds each, ...)`: listed people p0, p1, ... on that device in October."""
    Device.objects.update(enrolled_at=datetime(2026, 9, 1, tzinfo=UTC))
    numbers = {one.id: Device.objects.get(pk=one.id).number for one in (device, other_device)}

    def write(category, people, seconds, *, on=device, month="2026-10", name="", first=0, listed=True):
        key, _ = UsageKey.objects.get_or_create(kind="host", category=category, name=name)
        for number in range(first, first + people):
            account = f"p{number}"
            if listed:
                Person.objects.get_or_create(
                    key=account, defaults={"account": account, "name": "N", "changed_at": MADE}
                )
            row, _ = PersonMonth.objects.get_or_create(month=month, account=account)
            day = int(month.replace("-", "") + "15")
            usage.write([(row.pk, numbers[on.id], day, key.pk, seconds, 1)])

    return write


@pytest.fixture
def hand_in(people, lead_key, publish_list):
    """`hand_in(drugs=7, ...)`: totals of October by category, all routine and ended with advice, kept as they are."""
    publish_list(lead_key)

    def keep(**routine):
        outcomes = {"advice": sum(routine.values())}
        totals = MonthTotals(1, uuid4(), "2026-10", LATER, {}, routine, outcomes)
        signed = sign(encode(totals), lead_key.private)
        MonthSealedTotals.objects.create(
            id=totals.id, month=totals.month, text=signed.text, signer=signed.signer, signature=signed.signature,
            at=LATER, by=people.lead,
        )  # fmt: skip

    return keep


def hours(made, group="staff"):
    [found] = [one for one in made.groups if one.group == group]
    return {(one.category, one.name): one.hours for one in found.figures}


def test_it_says_what_may_be_said_of_each_group_and_merges_none(used, other_device):
    used("streaming", 6, 3600)
    used("streaming", 3, 3600, on=other_device, first=50)
    made = summary.make("2026-10", MADE)
    assert {one.group: one.suppressed for one in made.groups} == {"learners": True, "staff": False}
    assert hours(made) == {("streaming", ""): 6.0}
    assert made.together == ()
    assert made.totals == (Figure("host", "streaming", "", 6.0),)


def test_small_groups_are_told_together_where_that_is_enough(used, other_device):
    used("games", 4, 3600)
    used("games", 3, 3600, on=other_device, first=50)
    made = summary.make("2026-10", MADE)
    assert all(one.suppressed for one in made.groups)
    assert made.together == (Figure("host", "games", "", 7.0),)


def test_accounts_that_are_not_listed_lift_no_figure_and_are_in_none(used):
    used("games", 4, 3600)
    used("games", 5, 3600, first=70, listed=False)
    made = summary.make("2026-10", MADE)
    assert made.coverage.unlisted
    assert made.totals == ()


def test_what_is_kept_of_a_month_equals_a_full_recount_of_its_rows(database, organisation):
    """Plain sums over the raw rows, by themselves, beside each figure of the kept document, to the tenth of an hour."""
    sample_history.write(Shape((20, 30, 7, 3), 2), MADE, ZoneInfo("Europe/London"), random.Random(1), lambda *_: None)
    _somebody_unlisted_and_somebody_with_two_accounts()
    made = summary.make("2026-10", MADE)
    raw = _recounted("202610")
    shown = defaultdict(int)
    for group in made.groups:
        named = {(one.kind, one.category, one.name) for one in group.figures if one.name}
        for one in group.figures:
            names = [name for *key, name in raw if key == [group.group, one.kind, one.category]]
            own = [one.name] if one.name else [name for name in names if (one.kind, one.category, name) not in named]
            seconds = sum(raw[group.group, one.kind, one.category, name] for name in own)
            assert one.hours == round(seconds / 3600, 1), one
            shown[one.kind, one.category] += seconds
    assert not made.together  # three people are too few beside groups that stand apart
    assert [one.group for one in made.groups if one.suppressed] == ["tutors"]
    for one in made.totals:
        assert one.hours == pytest.approx(shown[one.kind, one.category] / 3600, abs=0.05 * 30)
    withheld = sum(seconds for (group, *_), seconds in raw.items() if group == "tutors")
    assert sum(shown.values()) == sum(raw.values()) - withheld


def _recounted(month):
    """Seconds by group, kind, category and name, of listed people."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT d."group", k.kind, k.category, k.name, SUM(u.seconds) FROM store_usage u '
            "JOIN store_usagekey k ON k.id = u.key JOIN store_device d ON d.number = u.device "
            "JOIN store_personmonth p ON p.id = u.person "
            "WHERE u.day / 100 = %s AND p.account NOT LIKE 'unlisted%%' GROUP BY 1, 2, 3, 4",
            [int(month)],
        )
        return {(group, kind, category, name): int(seconds) for group, kind, category, name, seconds in cursor}


def _somebody_unlisted_and_somebody_with_two_accounts():
    """Both on the device of the first learner: a stranger, and that learner under the name of the domain."""
    device = Device.objects.order_by("number").first()
    for account in ("unlisted-1", "TRUST\\sample-learners-0001"):
        row = PersonMonth.objects.create(month="2026-10", account=account)
        key = UsageKey.objects.get(kind="host", category="games", name="")
        usage.write([(row.pk, device.number, 20261007, key.pk, 5000, 1)])


def test_a_month_is_told_against_the_one_before_and_a_year_before(used):
    used("streaming", 5, 3600, month="2025-10")
    used("streaming", 5, 7200, month="2026-09")
    used("streaming", 5, 10_800)
    Device.objects.update(enrolled_at=datetime(2025, 9, 1, tzinfo=UTC))
    for month in ("2025-10", "2026-09"):
        summary.make(month, MADE)
    made = summary.make("2026-10", MADE)
    assert made.totals == (Figure("host", "streaming", "", 15.0, before=10.0, year_before=5.0),)
    assert "rose most, from 10 hours in September 2026 to 15 (+50%)" in made.words


def test_a_groups_categories_are_sums_of_its_figures_also_those_of_the_month_before(used):
    used("streaming", 5, 7200, month="2026-09")
    used("streaming", 5, 3600, month="2026-09", name="youtube.com")
    used("streaming", 5, 10_800)  # in October nobody's use has a name
    summary.make("2026-09", MADE)
    [staff] = [one for one in summary.make("2026-10", MADE).groups if one.group == "staff"]
    assert [(one.hours, one.before) for one in staff.figures] == [(15.0, 10.0)]
    assert staff.categories == (Figure("host", "streaming", "", 15.0, before=15.0),)


def test_background_traffic_is_told_apart_and_is_in_no_other_figure(used, other_device):
    used("streaming", 6, 3600)
    used("background", 6, 7200)
    used("background", 3, 7200, on=other_device, first=50)
    made = summary.make("2026-10", MADE)
    assert made.background == (Figure("host", "background", "", 12.0),)  # of three people nothing is told
    assert hours(made) == {("streaming", ""): 6.0}
    assert [one.category for one in (*made.totals, *made.together)] == ["streaming"]
    assert shown(made).background.rows == (("Sites", "12", "–", "–", "–"),)
    assert summary_scope.of_group(made, "staff").background == ()


def test_made_again_with_nothing_new_it_is_the_same_version(used):
    used("streaming", 5, 3600)
    assert summary.make("2026-10", MADE) == summary.make("2026-10", LATER)
    assert MonthlySummary.objects.count() == 1
    assert AuditEntry.objects.filter(action="summary_made").count() == 1


def test_late_use_of_one_person_waits_and_that_of_five_makes_a_new_version(used):
    used("streaming", 8, 3600)
    first = summary.make("2026-10", MADE)
    used("streaming", 1, 36_000)
    assert summary.make("2026-10", LATER) == first
    used("streaming", 8, 36_000)
    second = summary.make("2026-10", LATER)
    assert (second.revision, hours(second)) == (2, {("streaming", ""): 98.0})
    assert MonthlySummary.objects.count() == 2


def test_after_the_personal_rows_are_gone_use_stays_as_it_is_and_what_a_lead_hands_in_is_still_told(used, hand_in):
    used("streaming", 8, 3600)
    made = summary.make("2026-10", MADE)
    MonthBasis.objects.all().delete()
    PersonMonth.objects.all().delete()
    assert summary.make("2026-10", LATER) == made
    hand_in(drugs=7)
    late = summary.make("2026-10", LATER)
    assert (late.totals, late.sealed.categories["all"].total) == (made.totals, 7)


def test_what_a_lead_hands_in_makes_a_new_version_with_small_counts_withheld(used, hand_in):
    used("streaming", 5, 3600)
    assert summary.make("2026-10", MADE).sealed is None
    hand_in(drugs=7, gambling=6, self_harm=1)
    made = summary.make("2026-10", LATER)
    assert made.revision == 2
    assert made.sealed.categories["all"] == Named(14, {"drugs": 7}, 7)
    assert "self" not in write(made.sealed)


def test_response_times_are_told_of_five_cases_and_more(used, device, lead_key, publish_list):
    publish_list(lead_key)
    used("streaming", 5, 3600)
    received = datetime(2026, 10, 6, 9, tzinfo=UTC)
    for number in range(6):
        device.send(device.alert(lead_key))
        incident = Incident.objects.get(received_at__gt=datetime(2026, 11, 1, tzinfo=UTC))
        incident.received_at = received
        incident.first_opened_at = received + timedelta(minutes=10 * (number + 1))
        incident.save()
    told = summary.make("2026-10", MADE).incidents
    assert told.response.median_minutes == 35.0
    assert told.response.p95_minutes == 60.0
    assert told.urgency.total == 6
    assert None not in (told.urgency.total, told.response.median_minutes)


def test_when_nearly_every_case_was_opened_late_it_is_said_and_never_called_few(
    used, new_incident, lead_key, publish_list
):
    publish_list(lead_key)
    used("streaming", 5, 3600)
    received = datetime(2026, 10, 6, 9, tzinfo=UTC)
    for _ in range(6):
        new_incident(lead_key, at=received)
    made = summary.make("2026-10", MADE)
    assert (made.incidents.opened_late, made.incidents.nearly_all_late) == (None, True)
    assert "not yet: all, or all but fewer than five" in shown(made).response.caption


@pytest.mark.parametrize("month", ["2026-13", "October", "", "2026-1", "0000-01"])
def test_what_is_no_month_is_refused(organisation, month):
    with pytest.raises(SetUpError, match="is not a month"):
        summary.newest_or_made(month, MADE)


def test_an_open_or_future_month_is_refused(used):
    used("streaming", 5, 3600, month="2026-11")
    for month in ("2026-11", "2027-01"):
        with pytest.raises(SetUpError, match="is not over yet"):
            summary.make(month, MADE)
    assert MonthlySummary.objects.count() == 0


def test_a_month_is_over_when_it_is_over_here_and_not_in_utc(used):
    used("streaming", 5, 3600, month="2026-07")
    Device.objects.update(enrolled_at=datetime(2026, 6, 1, tzinfo=UTC))
    with pytest.raises(SetUpError, match="is not over yet"):
        summary.make("2026-07", datetime(2026, 7, 31, 22, 59, tzinfo=UTC))
    assert summary.make("2026-07", datetime(2026, 7, 31, 23, 0, tzinfo=UTC)).revision == 1


def test_a_month_before_the_first_device_is_refused_and_leaves_nothing(used):
    with pytest.raises(NotThere, match="no device was enrolled yet"):
        summary.newest_or_made("2026-03", MADE)
    assert MonthlySummary.objects.count() == 0
    assert MonthBasis.objects.count() == 0


def test_a_month_whose_totals_are_deleted_is_never_told_as_one_without_use(used):
    used("streaming", 6, 3600, month="2026-09")
    after = datetime(2026, 11, 20, tzinfo=UTC)
    PersonMonth.objects.all().delete()
    with pytest.raises(SetUpError, match="before its totals were deleted"):
        summary.make("2026-09", after)
    assert MonthlySummary.objects.count() == MonthBasis.objects.count() == 0
    used("streaming", 6, 3600, month="2026-09")  # still there, after a long downtime
    assert summary.make("2026-09", after).totals


def test_coverage_and_cases_stay_as_they_stood_at_the_first_version(used, hand_in, new_incident, lead_key):
    used("streaming", 5, 3600)
    for _ in range(6):
        new_incident(lead_key, at=datetime(2026, 10, 6, 9, tzinfo=UTC))
    first = summary.make("2026-10", MADE)
    Incident.objects.update(first_opened_at=LATER)
    Device.objects.update(status="revoked")
    hand_in(drugs=6)
    second = summary.make("2026-10", LATER)
    assert second.revision == 2
    assert (second.incidents, second.coverage) == (first.incidents, first.coverage)


@pytest.mark.parametrize(
    ("month", "day"),
    [
        ("2026-10", datetime(2026, 11, 2, 6, tzinfo=UTC)),  # the first is a Sunday
        ("2026-09", datetime(2026, 10, 1, 5, tzinfo=UTC)),  # British Summer Time
        ("2026-12", datetime(2027, 1, 1, 6, tzinfo=UTC)),
    ],
)
def test_it_is_told_on_the_first_working_day_in_the_organisations_time(organisation, month, day):
    assert summary_calendar.told_at(month, "Europe/London") == day


def test_a_closed_day_of_the_policy_is_no_working_day(organisation, monkeypatch):
    closed = type("Policy", (), {"closed_days": frozenset({date(2027, 1, 1), date(2027, 1, 4)})})
    monkeypatch.setattr("server.policy_in_force.in_force", closed)
    assert summary_calendar.told_at("2026-12", "Europe/London") == datetime(2027, 1, 5, 6, tzinfo=UTC)


def test_months_to_choose_from_begin_with_the_first_device(used):
    assert summary_calendar.months(MADE, "Europe/London") == ["2026-10", "2026-09"]
