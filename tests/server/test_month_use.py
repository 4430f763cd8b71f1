"""A month's use by person: equal to a full recount, one group a person, and nobody who is not listed."""

from __future__ import annotations

import pytest

from server import month_use, usage
from server.month_use import Known
from server.store.models import Device, PersonMonth, UsageKey

pytestmark = pytest.mark.django_db

AMIRA, BEN = Known(1, None), Known(2, "learners")


@pytest.fixture
def used(device, other_device):
    """`used(account, category, seconds, name="", on=device, month="2026-10", day=20261020)`: write a total."""
    numbers = {one.id: Device.objects.get(pk=one.id).number for one in (device, other_device)}

    def write(account, category, seconds, *, name="", on=device, month="2026-10", day=20261020, kind="host"):
        key, _ = UsageKey.objects.get_or_create(kind=kind, category=category, name=name)
        row, _ = PersonMonth.objects.get_or_create(month=month, account=account)
        usage.write([(row.pk, numbers[on.id], day, key.pk, seconds, 1)])

    return write


def told(**people):
    found = month_use.of("2026-10", lambda account: people.get(account))
    return {(one.person, one.group, one.category, one.name): one.amount for one in found.uses}, found.unlisted


def test_days_and_devices_of_a_person_are_added_and_other_months_are_not(used, other_device):
    used("amira", "games", 60)
    used("amira", "games", 30, day=20261021)
    used("amira", "games", 5, on=other_device)
    used("amira", "games", 1000, month="2026-09", day=20260920)
    assert told(amira=AMIRA) == ({(1, "staff", "games", ""): 95}, False)


def test_the_group_is_the_persons_own_or_that_of_the_device_they_used_most(used, other_device):
    used("amira", "games", 60)
    used("amira", "news", 61, on=other_device)
    used("ben", "games", 60)
    assert {key[:2] for key in told(amira=AMIRA, ben=BEN)[0]} == {(1, "learners"), (2, "learners")}


def test_a_group_that_an_earlier_version_put_somebody_in_stays(used):
    used("amira", "games", 60)
    found = month_use.of("2026-10", lambda _: AMIRA, {1: "partners"})
    assert [one.group for one in found.uses] == ["partners"]


def test_two_accounts_of_one_person_are_one_person(used):
    used("amira", "games", 60)
    used("TRUST\\amira", "games", 40)
    assert told(**{"amira": AMIRA, "TRUST\\amira": AMIRA})[0] == {(1, "staff", "games", ""): 100}


def test_use_of_an_account_that_nobody_is_known_to_have_is_left_out_and_said(used):
    used("amira", "games", 60)
    used("made-up", "games", 6000)
    assert told(amira=AMIRA) == ({(1, "staff", "games", ""): 60}, True)


def test_names_stand_apart(used):
    used("amira", "news", 60, name="bbc.co.uk")
    used("amira", "news", 20)
    assert told(amira=AMIRA)[0] == {(1, "staff", "news", "bbc.co.uk"): 60, (1, "staff", "news", ""): 20}


HOUR = 3600


def test_a_day_with_more_use_than_it_has_hours_is_left_out_and_said(used, other_device, caplog):
    used("amira", "games", 20 * HOUR)
    used("amira", "news", 6 * HOUR)
    used("amira", "games", 60, day=20261021)
    used("amira", "games", 30, on=other_device)
    found = month_use.of("2026-10", lambda _: AMIRA)
    assert [(one.category, one.amount) for one in found.uses] == [("games", 90)]
    assert found.impossible
    assert "impossible_totals device=" in caplog.text


def test_a_long_day_in_sites_and_apps_is_possible_and_so_is_one_on_two_devices(used, other_device):
    used("amira", "games", 14 * HOUR)
    used("amira", "games", 14 * HOUR, kind="app")
    used("amira", "games", 14 * HOUR, on=other_device)
    used("amira", "news", 11 * HOUR)
    found = month_use.of("2026-10", lambda _: AMIRA)
    assert not found.impossible
    assert sum(one.amount for one in found.uses) == 53 * HOUR
