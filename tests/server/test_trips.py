"""The harmless tests at the collector, on both databases: asked, fetched, timed, missed, told of, and never a case."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec import structs

from protocol import sealing, signing
from protocol.messages import TripAnswer, TripEvidence, TripHeader, TripQuestion, TripReport, decode, encode
from server import digest, phones, retention, trips
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditEntry, Device, Incident, OutboxMessage, Trip, TripDevice
from server.summary_document import EndToEnd

pytestmark = pytest.mark.usefixtures("database")

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def report_of(device, key, trip, *, source="trip", seen=MORNING, largest=False, change=None, kind="trip"):
    """A test's parcel as the agent makes it."""
    record = uuid4()
    header = TripHeader(
        version=1,
        record=record,
        counter=device.counter + 1,
        trip=trip,
        device=device.id,
        signer=device.id,
        group=device.group,
        source=source,
        seen=seen,
        sealed_to=(key.key_id,),
        recipients_version=1,
        policy_version=1,
    )
    header = change(header) if change is not None else header
    head = encode(header)
    place = sealing.Place(purpose="trip", subject=header.device, record=header.record, header=head)
    text = encode(TripEvidence(1, "fairwatch-test.invalid", "fairwatch-test.invalid", 1))
    envelope = sealing.seal(text, [key.public], place, largest=largest)
    return device.parcel(kind, TripReport(head, envelope, signing.sign_trip(device.key, head, envelope)), record=record)


def wanted(device):
    reply = device.post("/v1/trip", TripQuestion(1))
    assert reply.status == 200
    return decode(reply.body, TripAnswer)


def heard(device, at):
    Device.objects.filter(pk=device.id).update(last_seen=at)


def test_nothing_is_wanted_of_a_device_until_somebody_asks(device, people):
    assert wanted(device) == TripAnswer()
    trip = trips.ask(people.lead, "staff", "service", MORNING)
    assert wanted(device) == TripAnswer(trip.pk, "service")
    assert Trip.objects.get().fetched_at is not None


def test_only_the_devices_own_signature_asks(device, call):
    body = encode(TripQuestion(1))
    assert call("POST", "/v1/trip", body).code == "unsigned"
    Device.objects.update(status=Device.Status.REVOKED)
    assert device.post("/v1/trip", TripQuestion(1)).code == "revoked_device"


def test_a_test_that_arrives_is_timed_by_the_collectors_clock_and_is_no_case(device, people, lead_key):
    trip = trips.ask(people.it, "staff", "service", MORNING)
    fetched = MORNING + timedelta(minutes=3)
    trips.wanted_of(device.id, fetched)
    # The device's clock is an hour ahead; that is nobody's delay.
    parcel = report_of(device, lead_key, trip.pk, seen=MORNING + timedelta(hours=1))
    assert device.send(parcel).results == [("stored", None)]
    Trip.objects.update(received_at=fetched + timedelta(seconds=4))
    trip.refresh_from_db()
    assert (trips.outcome(trip), trip.took) == ("arrived", timedelta(seconds=4))
    assert wanted(device) == TripAnswer()
    assert Incident.objects.count() == 0
    assert digest.counts(people.lead, MORNING) == (0, 0)
    assert OutboxMessage.objects.count() == 0


def test_what_is_sealed_in_it_opens_with_a_leads_key(device, people, lead_key):
    trip = trips.ask(people.it, "staff", "service", MORNING)
    wanted(device)
    device.send(report_of(device, lead_key, trip.pk))
    trip.refresh_from_db()
    place = sealing.Place(purpose="trip", subject=device.id, record=trip.record, header=bytes(trip.header))
    opened = decode(sealing.open_envelope(bytes(trip.envelope), lead_key.private, place), TripEvidence)
    assert opened.entry == "fairwatch-test.invalid"
    assert b"fairwatch-test" not in bytes(trip.header) + bytes(trip.envelope)


def test_a_test_by_hand_is_timed_from_the_visit(device, people, lead_key):
    trip = trips.ask(people.it, "staff", "visit", MORNING)
    trips.wanted_of(device.id, MORNING)
    visit = MORNING + timedelta(minutes=20)
    device.send(report_of(device, lead_key, trip.pk, source="browser_history", seen=visit))
    Trip.objects.update(received_at=visit + timedelta(seconds=9))
    assert Trip.objects.get().took == timedelta(seconds=9)
    Trip.objects.update(received_at=visit - timedelta(seconds=9))
    assert Trip.objects.get().took == timedelta()


def test_a_device_can_not_make_up_a_success(device, other_device, people, lead_key):
    trip = trips.ask(people.it, "staff", "service", MORNING)
    assert device.send(report_of(device, lead_key, uuid4())).results == [("refused", "bad_record")]
    # Not asked of it, and not taken up yet.
    assert other_device.send(report_of(other_device, lead_key, trip.pk)).results == [("refused", "bad_record")]
    assert device.send(report_of(device, lead_key, trip.pk)).results == [("refused", "bad_record")]
    assert trips.outcome(Trip.objects.get()) == "waiting"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda header: structs.replace(header, record=uuid4()), "bad_record"),
        (lambda header: structs.replace(header, group="learners"), "wrong_device"),
        (lambda header: structs.replace(header, signer=UUID(int=5)), "wrong_device"),
        (lambda header: structs.replace(header, sealed_to=("0" * 32,)), "bad_envelope"),
        (lambda header: structs.replace(header, seen=datetime(9999, 1, 1, tzinfo=UTC)), "bad_record"),
    ],
)
def test_a_test_that_does_not_fit_is_refused(device, people, lead_key, change, code):
    trip = trips.ask(people.it, "staff", "service", MORNING)
    wanted(device)
    assert device.send(report_of(device, lead_key, trip.pk, change=change)).results == [("refused", code)]
    assert device.send(report_of(device, lead_key, trip.pk, largest=True)).results == [("refused", "bad_envelope")]


def test_an_alert_sent_as_a_test_and_a_test_sent_as_an_alert_are_refused(device, people, lead_key):
    trip = trips.ask(people.it, "staff", "service", MORNING)
    wanted(device)
    alert = device.alert(lead_key)
    assert device.send(structs.replace(alert, kind="trip")).results == [("refused", "bad_record")]
    assert device.send(report_of(device, lead_key, trip.pk, kind="alert")).results == [("refused", "bad_record")]
    assert Incident.objects.count() == 0


def test_a_test_that_the_device_did_not_sign_is_refused_for_good(device, other_device, people, lead_key):
    trip = trips.ask(people.it, "staff", "service", MORNING)
    wanted(device)
    device.key, key = other_device.key, device.key
    parcel = report_of(device, lead_key, trip.pk)
    device.key = key
    assert device.send(parcel).results == [("refused", "bad_record_signature")]


def test_the_same_test_again_changes_nothing(device, people, lead_key):
    trip = trips.ask(people.it, "staff", "service", MORNING)
    wanted(device)
    device.send(report_of(device, lead_key, trip.pk))
    first = Trip.objects.get()
    assert device.send(report_of(device, lead_key, trip.pk)).results == [("stored", None)]
    assert Trip.objects.get().record == first.record


def test_a_test_that_a_device_takes_up_and_does_not_send_is_told_once_to_it_and_the_groups_leads(device, people):
    trip = trips.ask(people.it, "staff", "service", MORNING)
    trips.wanted_of(device.id, MORNING)
    assert trips.fail_overdue(MORNING + timedelta(minutes=9)) == 0
    assert trips.fail_overdue(MORNING + timedelta(minutes=10)) == 1
    assert trips.fail_overdue(MORNING + timedelta(minutes=11)) == 0
    told = OutboxMessage.objects.all()
    assert {one.user for one in told} == {people.it, people.lead, people.deputy}
    assert "23 November 2026, 09:00 in the group Staff did not arrive" in told[0].body
    assert "/tests/" in told[0].body
    assert "laptop-01" not in told[0].body
    assert trips.outcome(Trip.objects.get(pk=trip.pk)) == "not_arrived"
    assert AuditEntry.objects.filter(action="test_failed").count() == 1


def test_a_device_that_never_comes_fails_a_pressed_test_in_an_hour_and_a_weekly_one_in_three_days(device, people):
    heard(device, MORNING)
    trips.tend(MORNING)
    (trip,) = Trip.objects.all()
    assert trip.weekly
    assert trips.fail_overdue(MORNING + timedelta(days=2)) == 0
    Trip.objects.update(weekly=False)
    assert trips.fail_overdue(MORNING + timedelta(hours=1)) == 1
    assert trips.outcome(Trip.objects.get()) == "not_fetched"
    assert "did not come for it" in OutboxMessage.objects.all()[0].body


def test_a_late_arrival_says_that_it_was_late(device, people, lead_key):
    trip = trips.ask(people.it, "staff", "service", MORNING)
    trips.wanted_of(device.id, MORNING)
    trips.fail_overdue(MORNING + timedelta(hours=1))
    assert device.send(report_of(device, lead_key, trip.pk)).results == [("stored", None)]
    assert trips.outcome(Trip.objects.get()) == "late"


def test_each_group_with_a_device_is_tested_weekly_without_anybodys_asking(device, other_device):
    for at in (MORNING, MORNING + timedelta(minutes=1)):
        trips.tend(at)
    assert sorted(Trip.objects.values_list("group", flat=True)) == ["learners", "staff"]
    for one in (device, other_device):
        trips.wanted_of(one.id, MORNING)
    Trip.objects.update(received_at=MORNING)
    trips.tend(MORNING + timedelta(days=6))
    assert Trip.objects.count() == 2
    trips.tend(MORNING + timedelta(days=7))
    assert Trip.objects.count() == 4


def test_a_clock_that_was_ahead_keeps_no_group_from_its_tests_once_it_is_put_right(device):
    trips.tend(MORNING + timedelta(days=365))
    trips.tend(MORNING)
    trips.tend(MORNING + timedelta(minutes=1))
    assert [trips.outcome(trip) for trip in Trip.objects.order_by("-asked_at")] == ["not_fetched", "waiting"]


def test_a_group_without_a_device_that_can_be_tested_is_left_alone(device, people):
    Device.objects.update(sample=True)
    trips.tend(MORNING)
    assert Trip.objects.count() == 0
    with pytest.raises(NotThere):
        trips.ask(people.it, "staff", "service", MORNING)


def test_the_device_heard_of_last_makes_the_test_until_it_chooses_one(device, new_device, people):
    other = new_device("laptop-09", "staff")
    heard(device, MORNING)
    heard(other, MORNING + timedelta(hours=1))
    assert trips.ask(people.it, "staff", "service", MORNING).device_id == other.id
    Trip.objects.all().delete()
    trips.choose(people.it, "staff", device.id, MORNING)
    assert trips.ask(people.it, "staff", "service", MORNING).device_id == device.id
    Trip.objects.all().delete()
    Device.objects.filter(pk=device.id).update(status=Device.Status.REVOKED)
    assert trips.ask(people.it, "staff", "service", MORNING).device_id == other.id
    Device.objects.update(status=Device.Status.ACTIVE)
    trips.choose(people.it, "staff", None, MORNING)
    assert TripDevice.objects.count() == 0
    assert AuditEntry.objects.filter(action="test_device_chosen").count() == 2


def test_no_test_is_asked_of_a_phone_though_it_was_heard_of_last(device, people):
    heard(device, MORNING)
    given = phones.NewPhone("Sam's phone", "staff", "ios", noticed=True)
    phone, _ = phones.add(None, given, MORNING)
    Device.objects.filter(pk=phone.pk).update(last_seen=MORNING + timedelta(hours=1))
    trips.tend(MORNING + timedelta(hours=2))
    assert Trip.objects.get().device_id == device.id
    with pytest.raises(NotThere):
        trips.choose(people.it, "staff", phone.pk, MORNING)


def test_a_device_of_another_group_can_not_be_chosen_and_only_it_chooses(device, other_device, people):
    with pytest.raises(NotThere):
        trips.choose(people.it, "staff", other_device.id, MORNING)
    for other in (people.lead, people.dpo, people.manager):
        with pytest.raises(NotAllowed):
            trips.choose(other, "staff", device.id, MORNING)


def test_one_test_of_a_group_is_under_way_at_a_time(device, people):
    trips.ask(people.it, "staff", "service", MORNING)
    with pytest.raises(WrongState):
        trips.ask(people.lead, "staff", "service", MORNING)


def test_a_partners_lead_asks_for_and_sees_their_own_groups_tests_alone(device, other_device, people):
    assert [one.group for one in trips.standing(people.partner)] == ["learners"]
    with pytest.raises(NotThere):
        trips.ask(people.partner, "staff", "service", MORNING)
    trips.ask(people.it, "staff", "service", MORNING)
    trips.fail_overdue(MORNING + timedelta(hours=2))
    assert trips.earlier(people.partner) == []
    assert len(trips.earlier(people.it)) == 1
    assert not OutboxMessage.objects.filter(user=people.partner).exists()
    for other in (people.dpo, people.manager):
        with pytest.raises(NotAllowed):
            trips.standing(other)


def test_a_month_tells_each_groups_last_test_that_was_over(device, other_device, people, lead_key):
    first = trips.ask(people.it, "staff", "service", MORNING - timedelta(days=2))
    trips.fail_overdue(MORNING)
    assert trips.of_month(date(2026, 11, 1), date(2026, 12, 1), "Europe/London") == (
        EndToEnd("staff", first.asked_at, False, None),
    )
    then = trips.ask(people.it, "staff", "service", MORNING)
    trips.wanted_of(device.id, MORNING)
    device.send(report_of(device, lead_key, then.pk))
    Trip.objects.filter(pk=then.pk).update(received_at=MORNING + timedelta(seconds=6))
    trips.ask(people.it, "learners", "service", MORNING)
    assert trips.of_month(date(2026, 11, 1), date(2026, 12, 1), "Europe/London") == (
        EndToEnd("staff", MORNING, True, 6.0),
    )
    assert trips.of_month(date(2026, 10, 1), date(2026, 11, 1), "Europe/London") == ()


def test_tests_are_kept_for_the_years_review_and_then_deleted(device, people):
    trips.ask(people.it, "staff", "service", MORNING)
    retention.delete_what_is_over(MORNING + timedelta(days=399))
    assert Trip.objects.count() == 1
    assert retention.delete_what_is_over(MORNING + timedelta(days=401))["tests"] == 1
