"""Phones: added by IT, listed for gateways alone, and spoken for by gateways alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from protocol.messages import PhonesQuestion, PhonesReport, UsageTotals
from server import audit, phones
from server.errors import NotAllowed, NotThere, WrongState
from server.phones import NewPhone
from server.store.models import AuditEntry, Device, DeviceDay, Incident, Phone, Usage

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
GIVEN = NewPhone("Sam's phone", "staff", "ios", supervised=True, account="sam", noticed=True)


@pytest.fixture
def gateway(device):
    phones.set_gateway(None, device.id, NOW, gateway=True)
    return device


@pytest.fixture
def phone(device):
    return phones.add(None, GIVEN, NOW)[0]


def about(phone):
    """What makes an alert one about that phone, signed by the gateway."""
    return lambda header: replace(header, device=phone.pk, group=phone.group)


def totals_of(gateway, phone, **changes):
    return gateway.parcel("totals", replace(UsageTotals(phone.pk, phone.group, gateway.rows(2)), **changes))


# --- what IT does --------------------------------------------------------------------------------------------------


def test_an_id_is_shown_once_cannot_be_guessed_and_only_its_hash_is_kept(database, device, people):
    made = [phones.add(people.it, replace_name(n), NOW) for n in range(3)]
    idents = {ident for _, ident in made}
    assert len(idents) == 3
    assert all(len(ident) == 26 and set(ident) <= set("abcdefghijklmnopqrstuvwxyz234567") for ident in idents)
    assert {bytes(one.id_hash) for one in Phone.objects.all()} == {phones._hash(ident) for ident in idents}
    (line, *_) = AuditEntry.objects.filter(action="phone_added")
    assert (line.actor, line.subject.split(":")[0]) == (audit.actor_of(people.it), "device")


def replace_name(number):
    return NewPhone(f"phone {number}", "staff", "android", noticed=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\x1bb"}, "name"),
        ({"group": "nobody"}, "there is no group «nobody»; there are staff"),
        ({"platform": "symbian"}, "ios, android"),
        ({"account": "x" * 201}, "account"),
        ({"noticed": False}, "notice"),
    ],
)
def test_what_is_no_phone_is_refused_in_a_sentence_and_nothing_is_kept(database, device, change, said):
    given = NewPhone(**({name: getattr(GIVEN, name) for name in GIVEN.__dataclass_fields__} | change))
    with pytest.raises(WrongState, match=said):
        phones.add(None, given, NOW)
    assert not Phone.objects.exists()


@pytest.mark.parametrize("role", ["lead", "manager", "dpo"])
def test_only_it_works_with_phones(database, device, people, role, phone):
    for work in (
        lambda who: phones.add(who, GIVEN, NOW),
        lambda who: phones.listing(who, NOW),
        lambda who: phones.new_id(who, phone.pk, NOW),
        lambda who: phones.hand_on(who, phone.pk, "lee", NOW, noticed=True),
        lambda who: phones.withdraw(who, phone.pk, NOW),
        lambda who: phones.set_gateway(who, device.id, NOW, gateway=True),
    ):
        with pytest.raises(NotAllowed):
            work(getattr(people, role))


def test_a_phone_handed_on_has_another_id_and_nothing_of_it_is_taken_from_before_the_notice(database, gateway, phone):
    before = gateway.post("/v1/phones", PhonesQuestion(1)).json["phones"][0]
    later = NOW + timedelta(days=1)
    with pytest.raises(WrongState, match="notice"):
        phones.hand_on(None, phone.pk, "lee", later, noticed=False)
    phones.hand_on(None, phone.pk, "lee", later, noticed=True)
    after = gateway.post("/v1/phones", PhonesQuestion(1)).json["phones"][0]
    assert (after["person"], after["since"]) == ("lee", later.isoformat().replace("+00:00", "Z"))
    assert after["hash"] != before["hash"]


def test_no_phone_becomes_a_gateway_and_a_phone_withdrawn_changes_no_more(database, device, phone):
    with pytest.raises(NotThere):
        phones.set_gateway(None, phone.pk, NOW, gateway=True)
    phones.withdraw(None, phone.pk, NOW)
    for work in (phones.new_id, phones.withdraw):
        with pytest.raises(WrongState, match="withdrawn"):
            work(None, phone.pk, NOW)
    with pytest.raises(NotThere):
        phones.new_id(None, device.id, NOW)


# --- what gateways ask ---------------------------------------------------------------------------------------------


def test_a_gateway_gets_all_active_phones_and_only_the_digest_while_nothing_changed(database, gateway, phone):
    first = gateway.post("/v1/phones", PhonesQuestion(1)).json
    (one,) = first["phones"]
    assert (one["device"], one["group"], one["person"]) == (str(phone.pk), "staff", "sam")
    again = gateway.post("/v1/phones", PhonesQuestion(1, first["digest"])).json
    assert again == {"digest": first["digest"], "phones": None}
    phones.withdraw(None, phone.pk, NOW)
    last = gateway.post("/v1/phones", PhonesQuestion(1, first["digest"])).json
    assert last["phones"] == []
    assert last["digest"] != first["digest"]


def test_no_other_device_gets_them_and_no_phone_is_a_device_that_signs(database, device, phone, call):
    assert device.post("/v1/phones", PhonesQuestion(1)).code == "wrong_device"
    device.id = phone.pk
    assert device.post("/v1/phones", PhonesQuestion(1)).code == "unknown_device"
    assert call("POST", "/v1/phones", b"{}").code == "unsigned"


def test_a_gateway_that_it_withdrew_gets_nothing(database, gateway, phone):
    Device.objects.filter(pk=gateway.id).update(status="revoked")
    assert gateway.post("/v1/phones", PhonesQuestion(1)).code == "revoked_device"


# --- what gateways tell --------------------------------------------------------------------------------------------


def test_an_alert_about_a_phone_has_the_phone_as_subject_and_the_gateway_as_signer(database, gateway, phone, lead_key):
    assert gateway.send(gateway.alert(lead_key, change=about(phone))).results == [("stored", None)]
    kept = Incident.objects.get()
    assert (kept.device_id, kept.signer_id, kept.group) == (phone.pk, gateway.id, "staff")


def test_totals_of_a_phone_are_the_phones(database, gateway, phone):
    assert gateway.send(totals_of(gateway, phone)).results == [("stored", None)]
    assert set(Usage.objects.values_list("device", flat=True)) == {phone.number}


def test_what_was_seen_before_a_phone_was_withdrawn_is_still_taken(database, gateway, phone, lead_key):
    phones.withdraw(None, phone.pk, NOW)
    sent = gateway.send(gateway.alert(lead_key, change=about(phone)), totals_of(gateway, phone))
    assert sent.results == [("stored", None), ("stored", None)]


def test_a_laptop_speaks_for_no_phone_and_a_gateway_for_no_laptop(database, device, other_device, phone, lead_key):
    laptop = Device.objects.get(pk=other_device.id)
    wrong = [("refused", "wrong_device")]
    assert device.send(device.alert(lead_key, change=about(phone))).results == wrong
    assert device.send(totals_of(device, phone)).results == wrong
    assert device.send(device.parcel("phones", PhonesReport(device.id, NOW, {phone.pk: NOW}, {}))).results == wrong
    phones.set_gateway(None, device.id, NOW, gateway=True)
    assert device.send(device.alert(lead_key, change=about(laptop))).results == wrong
    assert device.send(totals_of(device, laptop)).results == wrong
    stranger = Device(id=uuid4(), group="staff")
    assert device.send(device.alert(lead_key, change=about(stranger))).results == wrong
    assert not Incident.objects.exists()
    assert Phone.objects.get().last_asked is None


def test_a_phone_is_of_its_own_group_not_of_its_gateways(database, gateway, phone, lead_key):
    Device.objects.filter(pk=phone.pk).update(group="learners")
    wrong = [("refused", "wrong_device")]
    assert gateway.send(gateway.alert(lead_key, change=about(phone))).results == wrong
    assert gateway.send(totals_of(gateway, phone)).results == wrong
    phone.group = "learners"
    assert gateway.send(gateway.alert(lead_key, change=about(phone))).results == [("stored", None)]


def test_when_a_phone_last_asked_is_kept_in_whole_hours_and_never_goes_back(database, gateway, phone):
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)

    def told(at):
        report = PhonesReport(gateway.id, now, {phone.pk: at, UUID(int=5): at}, {"unknown": 3})
        assert gateway.send(gateway.parcel("phones", report)).results == [("stored", None)]
        return Phone.objects.get().last_asked

    assert told(now) == hour
    assert told(now - timedelta(hours=5)) == hour
    assert told(now + timedelta(days=9)) == hour
    assert Device.objects.get(pk=phone.pk).last_seen == hour
    assert phones.listing(None, now)[0].last_asked == hour


def test_a_phone_reported_on_the_days_on_which_it_asked_and_no_stranger_did(database, gateway, phone):
    now = datetime(2026, 11, 20, 0, 40, tzinfo=UTC)
    for hours in (2, 1, 0):
        at = now - timedelta(hours=hours)
        phones.report(
            Device.objects.get(pk=gateway.id), PhonesReport(gateway.id, now, {phone.pk: at, uuid4(): at}, {}), now, now
        )
    assert set(DeviceDay.objects.values_list("device_id", "day")) == {(phone.pk, 20261119), (phone.pk, 20261120)}


def test_no_word_that_a_gateway_chose_gets_into_the_log(database, gateway, caplog):
    refused = {"unknown": 3, "sam_was_at_bet365": 1}
    gateway.send(gateway.parcel("phones", PhonesReport(gateway.id, datetime.now(UTC), {}, refused)))
    assert "n_unknown=3" in caplog.text
    assert "bet365" not in caplog.text


def test_ten_thousand_phones_are_listed_in_one_answer_that_a_gateway_takes(database, gateway):
    start = Device.objects.count()
    devices = [
        Device(id=uuid4(), number=start + n + 1, name=f"p{n}", group="staff", platform="ios", enrolled_at=NOW)
        for n in range(10_000)
    ]
    Device.objects.bulk_create(devices)
    Phone.objects.bulk_create(
        Phone(device=one, id_hash=n.to_bytes(32, "big"), supervised=False, account=f"person-{n}@example.org", since=NOW)
        for n, one in enumerate(devices)
    )
    reply = gateway.post("/v1/phones", PhonesQuestion(1))
    assert len(reply.json["phones"]) == 10_000
    assert len(reply.body) < 4 * 1024 * 1024
