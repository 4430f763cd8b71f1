"""Promise 7 in the summary: five people or nothing, nobody mostly alone, and nothing to subtract."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from server import published_use, usage
from server.store.models import Device, PersonMonth, UsageKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def used(device, other_device):
    """`used(category, [seconds of each person], device=..., day=...)`: write totals straight into the store."""
    numbers = {one.id: Device.objects.get(pk=one.id).number for one in (device, other_device)}

    def write(category, seconds, *, on=device, day=20261020):
        key, _ = UsageKey.objects.get_or_create(kind="host", category=category, name="")
        people = [
            PersonMonth.objects.get_or_create(month="2026-10", account=f"p{n}")[0].pk for n in range(len(seconds))
        ]
        usage.write([(pk, numbers[on.id], day, key.pk, each, 1) for pk, each in zip(people, seconds, strict=True)])

    return write


def told():
    return {
        (cell.category, cell.group): cell.hours if cell.hours is not None else cell.why
        for cell in published_use.by_group(2026, 10)
    }


def test_five_people_are_told_and_four_are_not(used):
    used("streaming", [3600] * 5)
    used("games", [3600] * 4)
    assert told() == {("streaming", "staff"): 5, ("games", "staff"): "fewer than five"}


def test_one_person_who_is_over_four_fifths_withholds_the_figure(used):
    used("streaming", [16_000, 1000, 1000, 1000, 1000])
    assert told()["streaming", "staff"] == 6
    used("games", [16_001, 1000, 1000, 1000, 1000])
    assert told()["games", "staff"] == "withheld"


def test_a_person_counts_once_over_days_and_devices_of_a_group(used):
    for day in range(20261001, 20261006):
        used("streaming", [3600], day=day)
    assert told()["streaming", "staff"] == "fewer than five"


def test_who_has_no_seconds_contributes_nothing(used):
    used("streaming", [3600, 3600, 3600, 3600, 0])
    assert told()["streaming", "staff"] == "fewer than five"


def test_groups_are_apart_and_other_months_do_not_count(used, other_device):
    used("streaming", [3600] * 5)
    used("streaming", [3600] * 2, on=other_device)
    used("streaming", [36_000] * 5, day=20260930)
    used("streaming", [36_000] * 5, day=20261101)
    assert told() == {("streaming", "staff"): 5, ("streaming", "learners"): "fewer than five"}


def test_the_managers_page_shows_no_row_that_has_nothing_to_tell_and_no_totals(used, people, client):
    day = datetime.now(ZoneInfo("Europe/London")).replace(day=1) - timedelta(days=1)
    number = day.year * 10000 + day.month * 100 + 5
    used("streaming", [3600 * 11] * 5, day=number)
    used("games", [3600 * 7] * 4, day=number)
    client.force_login(people.manager)
    page = client.get("/summary/").content.decode()
    assert "55" in page
    assert "Games" not in page
    assert "28" not in page
    assert "83" not in page


def test_a_person_counts_in_the_group_of_their_account_whichever_device_they_used(used, other_device, monkeypatch):
    monkeypatch.setattr("server.policy_in_force.group_of", dict.fromkeys(("p0", "p1"), "learners").get)
    used("streaming", [3600] * 7)
    used("streaming", [3600] * 2, on=other_device)
    used("games", [0, 0, 0, 0, 0, 7200, 7200], on=other_device)
    assert told() == {
        ("streaming", "staff"): 5,
        ("streaming", "learners"): "fewer than five",
        ("games", "learners"): "fewer than five",
    }
