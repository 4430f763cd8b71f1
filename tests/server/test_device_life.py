"""A laptop is handed on, set up anew or retired: whose a record was it stays, and a closed identity is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from server import coverage, device_life, devices, lost
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditDetail, AuditEntry, Device, Incident, PersonMonth, Usage

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def now():
    return datetime.now(UTC)


def test_what_waits_on_a_laptop_that_was_handed_on_counts_for_whoever_made_it(database, device, people, now):
    before, after = device.person("amira"), device.person("ben")
    waiting = device.totals(device.rows(2, person=before))
    device_life.hand_on(people.it, device.id, now, ready=True)
    device.send(waiting, device.totals(device.rows(1, person=after)))
    months = dict(PersonMonth.objects.values_list("person", "id"))
    seconds = {pk: sum(row.seconds for row in Usage.objects.filter(person=pk)) for pk in months.values()}
    assert seconds == {months[before]: 120, months[after]: 60}


def test_hand_on_needs_an_account_for_the_next_person_a_laptop_in_use_and_it(database, device, people, now):
    with pytest.raises(NotAllowed):
        device_life.hand_on(people.lead, device.id, now, ready=True)
    with pytest.raises(NotThere):
        device_life.hand_on(people.it, uuid4(), now, ready=True)
    with pytest.raises(WrongState, match="account of their own"):
        device_life.hand_on(people.it, device.id, now, ready=False)
    lost.report(people.it, device.id, now)
    with pytest.raises(WrongState, match="first say that it was found"):
        device_life.hand_on(people.it, device.id, now, ready=True)
    lost.found(people.it, device.id, now)
    device_life.hand_on(people.it, device.id, now, ready=True)
    with pytest.raises(WrongState, match="just now"):
        device_life.hand_on(people.it, device.id, now + timedelta(minutes=1), ready=True)
    device_life.hand_on(people.it, device.id, now + DAY, ready=True)
    assert AuditEntry.objects.filter(action="device_handed_on").count() == 2
    device_life.retire(people.it, device.id, now)
    with pytest.raises(WrongState, match="withdrawn"):
        device_life.hand_on(people.it, device.id, now + 2 * DAY, ready=True)


def test_a_laptop_set_up_anew_is_one_to_it_and_in_coverage(database, device, other_device, people, now):
    Device.objects.filter(pk=other_device.id).update(group="staff")
    for one in (device, other_device):
        coverage.reported_at([one.id], now)
    device_life.re_imaged(people.it, device.id, other_device.id, now, reason="a new disk")
    assert [row.id for row in devices.listing(people.it)] == [other_device.id]
    (former,) = device_life.formers(people.it, other_device.id)
    assert (former.id, former.late_until) == (device.id, now + device_life.TAKEN_FOR)
    today = now.date()
    said = coverage.of(today - DAY, today + 2 * DAY, "UTC")
    assert (said.enrolled, said.reported) == ({"staff": 1}, {"staff": 1})
    assert AuditDetail.objects.get(entry__action="device_set_up_anew").text == "a new disk"
    device_life.hand_on(people.it, other_device.id, now, ready=True)
    assert Device.objects.get(pk=device.id).handed_on_at == now  # its open cases say so as well


def test_a_laptop_that_reported_only_under_its_former_identity_reported(database, device, other_device, people, now):
    Device.objects.filter(pk=other_device.id).update(group="staff")
    coverage.reported_at([device.id], now)
    device_life.re_imaged(people.it, device.id, other_device.id, now)
    assert coverage.of(now.date() - DAY, now.date() + 2 * DAY, "UTC").reported == {"staff": 1}


def test_identities_are_tied_in_the_order_in_which_they_were_enrolled_and_once(
    database, device, other_device, people, now
):
    Device.objects.filter(pk=device.id).update(enrolled_at=now - DAY)
    Device.objects.filter(pk=other_device.id).update(enrolled_at=now)
    assert [row[0] for row in device_life.candidates(people.it, device.id)] == [other_device.id]
    with pytest.raises(WrongState, match="enrolled after"):
        device_life.re_imaged(people.it, device.id, device.id, now)
    Device.objects.filter(pk=other_device.id).update(enrolled_at=now - 2 * DAY)
    with pytest.raises(WrongState, match="enrolled after"):
        device_life.re_imaged(people.it, device.id, other_device.id, now)
    Device.objects.filter(pk=other_device.id).update(enrolled_at=now)
    device_life.re_imaged(people.it, device.id, other_device.id, now)
    with pytest.raises(WrongState, match="known already"):
        device_life.re_imaged(people.it, device.id, other_device.id, now)
    with pytest.raises(WrongState, match="withdrawn"):
        device_life.re_imaged(people.it, other_device.id, device.id, now)
    assert AuditEntry.objects.filter(action="device_set_up_anew").count() == 1


def test_of_an_identity_that_two_devices_used_nothing_late_is_taken(database, device, other_device, people, now):
    Device.objects.filter(pk=device.id).update(status=Device.Status.QUARANTINED)
    device_life.re_imaged(people.it, device.id, other_device.id, now)
    assert Device.objects.get(pk=device.id).late_until is None
    assert device.send(device.totals()).code == "revoked_device"


def test_a_device_is_retired_once_and_then_only_refused_sooner(database, device, people, now):
    device_life.retire(people.it, device.id, now)
    with pytest.raises(WrongState, match="retired already"):
        device_life.retire(people.it, device.id, now)
    device_life.retire(people.it, device.id, now, at_once=True)
    with pytest.raises(WrongState, match="retired already"):
        device_life.retire(people.it, device.id, now, at_once=True)
    assert AuditEntry.objects.filter(action="device_revoked").count() == 2


@pytest.mark.parametrize("reason", ["x" * 201, "a\0b"])
def test_a_reason_is_one_short_line_and_nothing_is_done_with_another(reason, database, device, people, now):
    with pytest.raises(WrongState, match="one line"):
        device_life.retire(people.it, device.id, now, reason=reason)
    assert Device.objects.get().status == "active"


def test_a_case_of_before_stays_and_nothing_of_it_changes(database, device, lead_key, people, now):
    device.send(device.alert(lead_key))
    before = Incident.objects.values().get()
    device_life.hand_on(people.it, device.id, now, ready=True)
    device_life.retire(people.it, device.id, now)
    assert Incident.objects.values().get() == before
