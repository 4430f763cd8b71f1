"""Totals about the same thing meet in one row, whatever is remembered of keys and whatever is rolled back."""

from __future__ import annotations

import pytest
from django.db import transaction
from msgspec.structs import replace

from protocol.errors import Refused
from protocol.limits import DAY_MAX_SECONDS
from server import usage
from server.store.models import Usage, UsageKey


def test_a_key_made_in_a_transaction_that_failed_is_not_remembered(database, device):
    rows = device.rows(2)

    def fails():
        with transaction.atomic():
            usage.add(1, rows)
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert not UsageKey.objects.exists()
    with transaction.atomic():
        usage.add(1, rows)
    assert set(Usage.objects.values_list("key", flat=True)) == set(UsageKey.objects.values_list("id", flat=True))


def test_more_keys_than_are_remembered_are_still_right(database, device, monkeypatch):
    monkeypatch.setattr(usage, "KEYS_REMEMBERED", 3)
    for _ in range(3):
        with transaction.atomic():
            usage.add(1, device.rows(5))
    assert [row.seconds for row in Usage.objects.all()] == [180] * 5
    assert UsageKey.objects.count() == 5


def test_rows_without_a_name_meet_in_one_row(database, device):
    import msgspec

    row = msgspec.structs.replace(device.rows(1)[0], name=None, category="other")
    for _ in range(2):
        with transaction.atomic():
            usage.add(1, (row,))
    assert Usage.objects.get().seconds == 120
    assert UsageKey.objects.get().name == ""


def test_the_rows_of_two_devices_stay_apart(database, device):
    for number in (1, 2):
        with transaction.atomic():
            usage.add(number, device.rows(1))
    assert sorted(Usage.objects.values_list("device", "seconds")) == [(1, 60), (2, 60)]


def test_a_device_that_adds_for_ever_to_one_row_fills_it_and_nothing_fails(database, device):
    row = (1, 1, 20261120, 1)
    for _ in range(2):
        with transaction.atomic():
            usage.write([(*row, usage.MOST - 1, usage.MOST - 1)])
    assert list(Usage.objects.values_list("seconds", "visits")) == [(usage.MOST, usage.MOST)]


def test_a_record_with_more_hours_than_a_day_has_is_refused_whole(database, device):
    longest = [replace(row, seconds=DAY_MAX_SECONDS // 2) for row in device.rows(2)]
    with transaction.atomic():
        usage.add(1, longest)
    with pytest.raises(Refused, match="bad_record"), transaction.atomic():
        usage.add(1, [*longest, *device.rows(1)])
    assert sum(Usage.objects.values_list("seconds", flat=True)) == DAY_MAX_SECONDS


def test_nothing_is_written_for_an_unknown_person(database, device):
    from uuid import uuid4

    with pytest.raises(Refused, match="unknown_person"), transaction.atomic():
        usage.add(1, (*device.rows(1), *device.rows(1, person=uuid4())))
    assert not UsageKey.objects.exists()
