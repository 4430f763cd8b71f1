"""Devices enrol with IT's token, once a use; IT sees their health and nothing of any incident."""

from __future__ import annotations

import threading
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from protocol import tokens
from protocol.errors import Refused
from protocol.messages import EnrolmentToken as Token
from protocol.messages import EnrolRequest, encode
from protocol.signing import sign_request
from server import device_api, device_life, devices
from server.errors import NotAllowed, NotThere
from server.store.models import AuditEntry, Device, EnrolmentToken

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
IT_KEY = Ed25519PrivateKey.generate()
IT_KEYS = (IT_KEY.public_key().public_bytes_raw(),)


def _token(**changes):
    usual = Token(
        version=1,
        token=uuid4(),
        secret="a" * 32,
        collector="http://localhost:8460",
        certificate="",
        root="0" * 64,
        root_version=1,
        group="staff",
        expires=NOW + timedelta(days=7),
        uses=2,
        minimum={},
    )
    return msgspec.structs.replace(usual, **changes)


def _registered(**changes):
    token = _token(**changes)
    devices.register_token(encode(tokens.register(token, IT_KEY)), IT_KEYS, NOW)
    return token


def _request(token, *, key=None, signer=IT_KEY):
    key = key or Ed25519PrivateKey.generate()
    return EnrolRequest(1, tokens.write(token, signer), key.public_key().public_bytes_raw(), "laptop-07", "Linux")


def test_a_device_enrols_with_a_registered_token(database, organisation):
    reply = devices.enrol(_request(_registered()), IT_KEYS, NOW)
    kept = Device.objects.get()
    assert (reply.device, reply.group) == (kept.pk, "staff")
    assert (kept.name, kept.number, kept.status) == ("laptop-07", 1, "active")
    assert AuditEntry.objects.filter(action="device_enrolled").count() == 1


def test_the_same_key_again_is_the_same_device_and_no_new_use(database, organisation):
    token = _registered(uses=1)
    request = _request(token)
    first = devices.enrol(request, IT_KEYS, NOW)
    again = devices.enrol(request, IT_KEYS, NOW + timedelta(days=30))
    assert again.device == first.device
    assert EnrolmentToken.objects.get().used == 1


def test_a_token_is_good_for_as_many_devices_as_it_says(database, organisation):
    token = _registered(uses=2)
    devices.enrol(_request(token), IT_KEYS, NOW)
    devices.enrol(_request(token), IT_KEYS, NOW)
    with pytest.raises(Refused, match="token_used_up"):
        devices.enrol(_request(token), IT_KEYS, NOW)
    assert sorted(Device.objects.values_list("number", flat=True)) == [1, 2]


def test_two_devices_at_once_cannot_share_the_last_use(database, organisation):
    token = _registered(uses=1)
    start, outcomes = threading.Barrier(3), []

    def enrol():
        start.wait()
        try:
            devices.enrol(_request(token), IT_KEYS, NOW)
            outcomes.append("enrolled")
        except Refused as refused:
            outcomes.append(refused.code.value)
        connection.close()

    threads = [threading.Thread(target=enrol) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["enrolled", "token_used_up", "token_used_up"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"secret": "b" * 32}, "token_unknown"),
        ({"token": uuid4()}, "token_unknown"),
        ({"group": "learners"}, "token_unknown"),
        ({"uses": 99}, "token_unknown"),
        ({"expires": NOW + timedelta(days=99)}, "token_unknown"),
        ({"expires": NOW - timedelta(days=1)}, "token_expired"),
    ],
)
def test_a_token_other_than_the_registered_one_is_refused(database, organisation, change, code):
    token = msgspec.structs.replace(_registered(), **change)
    with pytest.raises(Refused, match=code):
        devices.enrol(_request(token), IT_KEYS, NOW)
    assert not Device.objects.exists()


def test_a_token_that_it_did_not_sign_is_refused(database, organisation):
    token = _registered()
    with pytest.raises(Refused, match="token_bad_signature"):
        devices.enrol(_request(token, signer=Ed25519PrivateKey.generate()), IT_KEYS, NOW)
    with pytest.raises(Refused, match="token_malformed"):
        devices.enrol(msgspec.structs.replace(_request(token), token="fw1.x"), IT_KEYS, NOW)
    with pytest.raises(Refused, match="token_bad_signature"):
        devices.enrol(_request(token), (), NOW)


def test_a_withdrawn_device_does_not_come_back_with_its_old_key(database, organisation, people):
    token, key = _registered(), Ed25519PrivateKey.generate()
    reply = devices.enrol(_request(token, key=key), IT_KEYS, NOW)
    device_life.retire(people.it, reply.device, NOW)
    with pytest.raises(Refused, match="revoked_device"):
        devices.enrol(_request(token, key=key), IT_KEYS, NOW)
    assert devices.enrol(_request(token), IT_KEYS, NOW).device != reply.device


def test_the_secret_of_a_token_is_not_in_the_database(database, organisation):
    _registered()
    kept = EnrolmentToken.objects.values().get()
    assert "a" * 32 not in str(kept)


def test_a_token_registered_twice_is_one(database, organisation):
    token = _token()
    data = encode(tokens.register(token, IT_KEY))
    devices.register_token(data, IT_KEYS, NOW)
    devices.register_token(data, IT_KEYS, NOW)
    assert EnrolmentToken.objects.count() == 1


def test_a_name_that_would_move_words_on_its_page_or_terminal_is_kept_without_that(database, organisation):
    request = _request(_registered())
    odd = msgspec.structs.replace(request, name="Zoë’s \x1b[2Jlaptop\n\u202etxt", platform="Linux\r\x07")
    devices.enrol(odd, IT_KEYS, NOW)
    kept = Device.objects.get()
    assert (kept.name, kept.platform) == ("Zoë’s ?[2Jlaptop??txt", "Linux??")


@pytest.mark.parametrize("name", ["", "  "])
def test_a_device_without_a_name_is_called_by_the_beginning_of_its_id(database, organisation, name):
    devices.enrol(msgspec.structs.replace(_request(_registered()), name=name), IT_KEYS, NOW)
    kept = Device.objects.get()
    assert kept.name == str(kept.pk)[:8]


def test_an_enrolment_over_the_api_must_be_signed_with_the_key_it_brings(database, organisation, call, monkeypatch):
    monkeypatch.setattr(device_api, "it_keys", lambda: IT_KEYS)
    now, key = datetime.now(UTC), Ed25519PrivateKey.generate()
    body = encode(_request(_registered(expires=now + timedelta(days=1)), key=key))

    def post(signer, name="enrol"):
        url = "http://localhost:8460/v1/enrol"
        return call("POST", "/v1/enrol", body, sign_request("POST", url, body, key=signer, key_id=name, at=now))

    assert post(Ed25519PrivateKey.generate()).code == "bad_signature"
    assert post(key, name="other").code == "bad_signature"
    reply = post(key)
    assert reply.status == 200
    assert post(key).json["device"] == reply.json["device"]


# --- what IT sees ------------------------------------------------------------------------------------------------


def test_it_sees_devices_with_their_health(database, device, people):
    device.send(device.heartbeat(spool="filling"))
    (row,) = devices.listing(people.it)
    assert (row.id, row.name, row.spool, row.agent_version) == (device.id, "laptop-01", "filling", "0.1.0")
    assert [(source.name, source.state) for source in row.sources] == [("browser_history", "working")]


def test_the_list_of_devices_is_the_same_with_and_without_incidents(database, device, people, lead_key):
    before = devices.listing(people.it)
    device.send(device.alert(lead_key), device.alert(lead_key))
    assert devices.listing(people.it) == before
    names = {field.name for field in fields(devices.DeviceRow)}
    assert not any(word in name for name in names for word in ("incident", "alert", "count", "urgent"))


@pytest.mark.parametrize("role", ["lead", "deputy", "manager", "dpo"])
def test_nobody_but_it_lists_or_withdraws_devices(database, device, people, role):
    with pytest.raises(NotAllowed):
        devices.listing(getattr(people, role))
    with pytest.raises(NotAllowed):
        device_life.retire(getattr(people, role), device.id, NOW)


def test_withdrawing_a_device_is_on_the_audit_log(database, device, people):
    device_life.retire(people.it, device.id, NOW)
    assert AuditEntry.objects.get().subject == f"device:{device.id}"
    with pytest.raises(NotThere):
        device_life.retire(people.it, uuid4(), NOW)
    assert AuditEntry.objects.count() == 1
