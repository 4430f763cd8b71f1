"""Of a closed identity what it made before is taken for a bounded time, and nothing of later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from protocol.messages import Loss, PeopleQuestion, UsageTotals
from server import device_life, late
from server.store.models import Device, Incident, Usage

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def closed_at(device, organisation):
    """The device is retired, since yesterday."""
    at = datetime.now(UTC) - DAY
    device_life.retire(None, device.id, at)
    return at


def of(at):
    return lambda header: replace(header, started=at, ended=at)


def test_an_alert_of_before_becomes_a_case_and_one_of_after_is_told_that_the_device_is_over(
    database, device, lead_key, closed_at
):
    old = device.alert(lead_key, change=of(closed_at - DAY))
    new = device.alert(lead_key, change=of(closed_at + timedelta(hours=1)))
    assert device.send(old, new).results == [("stored", None), ("retry", "revoked_device")]
    assert Incident.objects.count() == 1


def test_totals_of_days_up_to_then_count_and_those_of_later_days_do_not(database, device, closed_at):
    days = [closed_at.date() - DAY, closed_at.date() + 2 * DAY]
    people = [device.person(month=f"{day:%Y-%m}") for day in days]
    some = tuple(replace(device.rows(1, person=person)[0], day=day) for person, day in zip(people, days, strict=True))
    assert device.send(device.parcel("totals", UsageTotals(device.id, "staff", some))).results == [("stored", None)]
    assert [row.day for row in Usage.objects.all()] == [int(f"{days[0]:%Y%m%d}")]


def test_the_ids_that_totals_need_are_given_out_and_health_is_no_longer_asked_for(database, device, closed_at):
    month = f"{closed_at:%Y-%m}"
    assert device.post("/v1/people", PeopleQuestion(1, month, ("amira",))).status == 200
    heard = Device.objects.values("last_seen", "health").get()
    loss = Loss(device.id, closed_at - DAY, closed_at - DAY, 1, 0, "spool_full")
    answer = device.send(device.heartbeat(), device.parcel("loss", loss))
    assert answer.results == [("retry", "revoked_device"), ("stored", None)]
    assert Device.objects.values("last_seen", "health").get() == heard


def test_after_thirty_days_or_at_once_where_it_was_stolen_nothing_is_taken(database, device, lead_key, closed_at):
    old = device.alert(lead_key, change=of(closed_at - DAY))
    Device.objects.update(late_until=datetime.now(UTC) - timedelta(seconds=1))
    reply = device.send(old)
    assert (reply.status, reply.code) == (403, "revoked_device")
    assert "withdrawn by IT" in reply.json["sentence"]
    Device.objects.update(late_until=datetime.now(UTC) + late.TAKEN_FOR)
    device_life.retire(None, device.id, datetime.now(UTC), at_once=True)
    assert device.send(old).code == "revoked_device"
    assert device.post("/v1/people", PeopleQuestion(1, f"{closed_at:%Y-%m}", ("amira",))).code == "revoked_device"


def test_another_question_of_a_closed_device_is_refused(database, device, closed_at):
    assert device.post("/v1/trip", b'{"version":1}').code == "revoked_device"
