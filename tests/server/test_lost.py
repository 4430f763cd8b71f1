"""What is seen on a lost device is kept apart: cases say so, and no use of it counts for anybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from protocol.messages import UsageTotals
from server import lost, phones
from server.errors import NotAllowed, NotThere, WrongState
from server.phones import NewPhone
from server.store.models import AuditEntry, Device, Incident, Usage
from tests.server.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return datetime.now(UTC)


def of(start, end):
    """What makes an alert one of that time."""
    return lambda header: replace(header, started=start, ended=end)


def test_a_case_of_meanwhile_says_so_and_one_of_before_or_after_does_not(database, device, lead_key, now):
    day = timedelta(days=1)
    for name, begin in (("before", now - 3 * day), ("meanwhile", now - day)):
        if name == "meanwhile":
            lost.report(None, device.id, now - 2 * day)
        device.send(device.alert(lead_key, change=of(begin, begin)))
    late = device.alert(lead_key, change=of(now - 3 * day, now - 3 * day))
    device.send(late)  # sent while it is lost, of what was seen before
    lost.found(None, device.id, now)
    device.send(device.alert(lead_key, change=of(now, now)))
    assert [one.lost for one in Incident.objects.order_by("started", "received_at")] == [False, False, True, False]


def test_totals_of_days_after_it_was_lost_are_taken_and_count_for_nobody(database, device, now):
    rows = device.rows(2)
    after = [replace(row, day=row.day + timedelta(days=1)) for row in rows]
    at = datetime.combine(rows[0].day, datetime.min.time(), UTC) + timedelta(hours=12)
    lost.report(None, device.id, at)
    sent = device.send(device.parcel("totals", UsageTotals(device.id, "staff", (*rows, *after))))
    assert sent.results == [("stored", None)]
    assert {row.day for row in Usage.objects.all()} == {int(f"{rows[0].day:%Y%m%d}")}


def test_of_a_lost_phone_too(database, device, lead_key, now):
    phones.set_gateway(None, device.id, now, gateway=True)
    phone, _ = phones.add(None, NewPhone("Sam's phone", "staff", "ios", account="sam", noticed=True), now)
    since = NOW - timedelta(days=9)  # the fixture's alert and totals are of NOW
    lost.report(None, phone.pk, since)
    about = lambda header: replace(header, device=phone.pk, group="staff")  # noqa: E731 - as the fixture wants it
    totals = device.parcel("totals", UsageTotals(phone.pk, "staff", device.rows(2)))
    assert device.send(device.alert(lead_key, change=about), totals).results == [("stored", None)] * 2
    assert Incident.objects.get().lost
    old = {row.day for row in Usage.objects.all()}
    assert all(str(day) <= f"{since:%Y%m%d}" for day in old)
    (row,) = phones.listing(None, now)
    assert row.lost_since is not None


def test_only_it_reports_it_once_and_it_is_written_down(database, device, people, now):
    with pytest.raises(NotAllowed):
        lost.report(people.lead, device.id, now)
    with pytest.raises(WrongState, match="not lost"):
        lost.found(people.it, device.id, now)
    lost.report(people.it, device.id, now)
    with pytest.raises(WrongState, match="lost already"):
        lost.report(people.it, device.id, now)
    lost.found(people.it, device.id, now)
    assert [
        one.action for one in AuditEntry.objects.filter(action__in=["device_lost", "device_found"]).order_by("seq")
    ] == [
        "device_lost",
        "device_found",
    ]
    Device.objects.filter(pk=device.id).update(status=Device.Status.REVOKED)
    with pytest.raises(WrongState, match="withdrawn"):
        lost.report(people.it, device.id, now)
    with pytest.raises(NotThere):
        lost.report(people.it, UUID(int=1), now)
