"""Who is told of a case: only those it is sealed to, the leads first, and never nobody."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from server import responders
from server.store.models import Absence, LeadKey, NotifyChannel, NotifySettings, User

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)


@pytest.fixture
def case(new_incident, lead_key, deputy_key):
    return new_incident(lead_key, deputy_key)


def names(told):
    return [one.username for one in told.people], told.contacts


def gone(user, first=TODAY, last=TODAY):
    Absence.objects.create(user=user, first_day=first, last_day=last, entered_at=NOW)


def test_the_leads_are_told_first_then_the_deputies_then_the_contacts(database, people, case):
    assert names(responders.told(case, 0, NOW)) == (["lead"], False)
    assert names(responders.told(case, 1, NOW)) == (["deputy", "lead"], False)
    assert names(responders.told(case, 2, NOW)) == (["deputy", "lead"], True)


def test_whom_it_is_not_sealed_to_is_told_at_no_step(database, people, new_incident, lead_key, deputy_key):
    about_the_lead = new_incident(deputy_key)
    for step in range(5):
        assert names(responders.told(about_the_lead, step, NOW))[0] == ["deputy"]


@pytest.mark.parametrize(
    "change",
    [
        lambda: LeadKey.objects.update(active=False),
        lambda: User.objects.update(is_active=False),
        lambda: User.objects.update(role="it"),
    ],
)
def test_who_can_no_longer_open_is_not_told_nor_is_a_contact_whom_it_may_be_about(database, people, case, change):
    change()
    for step in range(3):
        assert names(responders.told(case, step, NOW)) == ([], False)


def test_a_partners_lead_is_told_only_of_the_groups_they_are_for(database, people, case):
    User.objects.filter(pk=people.lead.pk).update(groups=["partners"])
    assert names(responders.told(case, 0, NOW)) == (["deputy"], False)


def test_the_deputy_stands_in_for_a_lead_who_is_away_first_and_last_day_included(database, people, case):
    gone(people.lead, TODAY, date(2026, 11, 22))
    for at, first in (
        ("2026-11-19", "lead"),
        ("2026-11-20", "deputy"),
        ("2026-11-22", "deputy"),
        ("2026-11-23", "lead"),
    ):
        noon = datetime.fromisoformat(at).replace(hour=12, tzinfo=UTC)
        assert names(responders.told(case, 0, noon)) == ([first], False)


def test_a_day_begins_at_midnight_where_the_organisation_is(database, people, case):
    gone(people.lead, date(2026, 7, 2), date(2026, 7, 2))
    assert names(responders.told(case, 0, datetime(2026, 7, 1, 23, 30, tzinfo=UTC))) == (["deputy"], False)


def test_when_nobody_is_there_all_are_told_and_the_contacts(database, people, case):
    gone(people.lead)
    gone(people.deputy)
    assert names(responders.told(case, 0, NOW)) == (["deputy", "lead"], True)


def test_a_lead_without_an_address_is_stood_in_for(database, people, case):
    User.objects.filter(pk=people.lead.pk).update(email="")
    assert names(responders.told(case, 0, NOW)) == (["deputy"], False)
    assert [one.username for one in responders.unreachable()] == ["lead"]
    NotifyChannel.objects.create(user=people.lead, label="Push", url="ntfys://x/y", added_at=NOW)
    assert names(responders.told(case, 0, NOW)) == (["lead"], False)
    assert responders.unreachable() == []


def test_a_chosen_address_goes_above_the_accounts(database, people):
    assert responders.email_of(people.lead) == "lead@brightpath.example"
    NotifySettings.objects.create(user=people.lead, email="on-call@brightpath.example")
    assert responders.email_of(people.lead) == "on-call@brightpath.example"
