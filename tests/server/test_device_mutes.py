"""A laptop in a cupboard needs no look until a day, and what is noticed of it later is shown all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from server import device_life, device_looks, device_mutes
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditEntry, Device

DAY = timedelta(days=1)


@pytest.fixture
def now():
    return datetime.now(UTC)


@pytest.fixture
def silent(device, now):
    Device.objects.filter(pk=device.id).update(enrolled_at=now - 60 * DAY, last_seen=now - 30 * DAY)
    return device


def kinds(now):
    return [one.kind for one in device_looks.sections(None, now)]


def test_it_is_left_out_until_that_day_and_then_told_of_again(database, silent, people, now):
    assert kinds(now) == ["silent"]
    device_mutes.mute(people.it, silent.id, device_mutes.first_day(now) + 9 * DAY, now)
    assert kinds(now) == []
    assert [one.pk for one in device_looks.muted(people.it, now)] == [silent.id]
    assert kinds(now + 12 * DAY) == ["silent"]
    device_mutes.end(people.it, silent.id, now)
    assert kinds(now) == ["silent"]
    actions = AuditEntry.objects.order_by("seq").values_list("action", flat=True)
    assert list(actions) == ["device_muted", "device_mute_ended"]


def test_what_is_noticed_after_it_was_muted_is_shown_and_what_was_known_is_not(database, device, people, now):
    device.send(device.heartbeat(notices=("clock_moved",)))
    later = now + timedelta(minutes=1)
    device_mutes.mute(people.it, device.id, device_mutes.last_day(now), later)
    assert kinds(later) == []
    Device.objects.update(muted_at=now - DAY)
    assert kinds(later) == ["clock_moved"]


def test_an_identity_that_two_devices_use_is_shown_though_muted(database, device, people, now):
    device_mutes.mute(people.it, device.id, device_mutes.last_day(now), now)
    Device.objects.update(status=Device.Status.QUARANTINED)
    assert kinds(now) == ["identity_held"]


def test_it_mutes_until_a_day_that_comes_within_a_year_and_a_device_that_is_there(database, device, people, now):
    good = device_mutes.first_day(now)
    for wrong in (good - DAY, device_mutes.last_day(now) + DAY):
        with pytest.raises(WrongState, match="within a year"):
            device_mutes.mute(people.it, device.id, wrong, now)
    with pytest.raises(NotAllowed):
        device_mutes.mute(people.lead, device.id, good, now)
    with pytest.raises(NotThere):
        device_mutes.mute(people.it, uuid4(), good, now)
    with pytest.raises(WrongState, match="not muted"):
        device_mutes.end(people.it, device.id, now)
    device_life.retire(people.it, device.id, now)
    with pytest.raises(WrongState, match="withdrawn"):
        device_mutes.mute(people.it, device.id, good, now)
