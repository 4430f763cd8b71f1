"""The device API refuses what it must, with its code, reads no more than allowed, and never fails with a trace."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.limits import REQUEST_MAX_BYTES
from protocol.messages import Batch, PeopleQuestion, encode
from server import device_api, ingest
from server.store.models import Device, SeenRecord

FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


# What is asked here hardly touches the database: once is enough.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PATHS = ("/v1/records", "/v1/people", "/v1/enrol")


def _batch(device):
    return encode(Batch(1, device.id, (device.totals(),)))


# --- signatures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_an_unsigned_request_is_refused(database, device, call, path):
    reply = call("POST", path, _batch(device))
    assert (reply.status, reply.code, reply.json["retry"]) == (401, "unsigned", False)


def test_a_request_signed_with_another_key_is_refused(database, device, other_device):
    device.key = other_device.key
    reply = device.send(device.totals())
    assert (reply.status, reply.code) == (401, "bad_signature")
    assert not SeenRecord.objects.exists()


def test_a_body_changed_after_signing_is_refused(database, device, call):
    body = _batch(device)
    headers = device.sign("/v1/records", body)
    assert call("POST", "/v1/records", body.replace(b"60", b"61", 1), headers).code == "bad_signature"


@pytest.mark.parametrize("header", ["Signature", "Signature-Input", "Content-Digest"])
def test_a_request_with_a_signature_header_missing_is_unsigned(database, device, call, header):
    body = _batch(device)
    headers = device.sign("/v1/records", body)
    del headers[header]
    assert call("POST", "/v1/records", body, headers).code == "unsigned"


def test_a_signature_for_another_address_or_host_is_refused(database, device, call):
    body = _batch(device)
    assert call("POST", "/v1/records", body, device.sign("/v1/people", body)).code == "bad_signature"
    elsewhere = call("POST", "/v1/records", body, device.sign("/v1/records", body), HTTP_HOST="other.example")
    assert elsewhere.code == "bad_signature"


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24 * 365, -60 * 24 * 365])
def test_a_stale_or_early_request_is_told_the_time(database, device, minutes):
    parcel = device.totals()
    body = encode(Batch(1, device.id, (parcel,)))
    reply = device.post("/v1/records", body, at=datetime.now(UTC) + timedelta(minutes=minutes))
    assert (reply.status, reply.code, reply.json["retry"]) == (401, "clock_wrong", True)
    told = datetime.fromisoformat(reply.json["time"])
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=30)
    assert device.post("/v1/records", body, at=told).results == [("stored", None)]


def test_a_replayed_request_changes_nothing(database, device, call):
    body = _batch(device)
    headers = device.sign("/v1/records", body)
    assert call("POST", "/v1/records", body, headers).results == [("stored", None)]
    assert call("POST", "/v1/records", body, headers).results == [("duplicate", None)]


def test_an_unknown_device_is_refused(database, device):
    Device.objects.all().delete()
    device_api._known_device_key.cache_clear()
    reply = device.send(device.totals())
    assert (reply.status, reply.code) == (403, "unknown_device")


def test_a_device_deleted_behind_the_key_cache_is_refused(database, device):
    device.send(device.heartbeat())
    Device.objects.all().delete()
    assert device.send(device.totals()).code == "unknown_device"


@pytest.mark.parametrize("status", ["revoked", "quarantined"])
@pytest.mark.parametrize("path", ["/v1/records", "/v1/people"])
def test_a_device_that_is_withdrawn_or_held_is_refused(database, device, status, path):
    Device.objects.filter(pk=device.id).update(status=status)
    body = _batch(device) if path == "/v1/records" else encode(PeopleQuestion(1, "2026-11", ("amira",)))
    reply = device.post(path, body)
    assert (reply.status, reply.code) == (403, f"{status}_device")
    assert not SeenRecord.objects.exists()


def test_a_query_is_refused_because_no_signature_covers_it(database, device):
    assert device.send(device.totals(), QUERY_STRING="a=1").code == "malformed"


# --- reading -----------------------------------------------------------------------------------------------------


class _Endless(io.RawIOBase):
    """A body without end; it counts what was read."""

    def __init__(self):
        self.read_bytes = 0

    def read(self, size=-1):
        assert size >= 0, "the body was read without a bound"
        self.read_bytes += size
        return b"x" * size


def test_a_body_that_says_it_is_too_large_is_refused(database, device, call):
    reply = call("POST", "/v1/records", b"", CONTENT_LENGTH=str(REQUEST_MAX_BYTES + 1))
    assert (reply.status, reply.code) == (413, "too_large")


def test_an_endless_body_without_a_length_is_refused_after_a_bounded_read(database, device, call):
    endless = _Endless()
    environ = {"wsgi.input": endless, "CONTENT_LENGTH": ""}
    assert call("POST", "/v1/records", **environ).code == "too_large"
    assert endless.read_bytes < 6 * REQUEST_MAX_BYTES


def test_a_body_as_large_as_allowed_is_read(database, device):
    reply = device.post("/v1/records", b" " * REQUEST_MAX_BYTES)
    assert (reply.status, reply.code) == (400, "malformed")


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "²", "0x10"])
def test_a_length_that_is_no_number_is_refused(database, device, call, length):
    assert call("POST", "/v1/records", b"{}", CONTENT_LENGTH=length).code == "malformed"


def test_a_truncated_body_is_refused(database, device, call):
    body = _batch(device)
    reply = call("POST", "/v1/records", body[:-10], device.sign("/v1/records", body), CONTENT_LENGTH=str(len(body)))
    assert (reply.status, reply.code) == (400, "malformed")


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP", "gzip, identity", "zstd"])
def test_a_compressed_body_is_refused_unread(database, device, call, encoding):
    class Unread(io.BytesIO):
        def read(self, *_):
            pytest.fail("a compressed body was read")

    environ = {"HTTP_CONTENT_ENCODING": encoding, "wsgi.input": Unread()}
    reply = call("POST", "/v1/records", **environ)
    assert (reply.status, reply.code) == (415, "encoding_not_supported")


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"version":1}'])
def test_a_signed_body_that_is_not_a_batch_is_refused(database, device, body):
    reply = device.post("/v1/records", body)
    assert (reply.status, reply.code) == (400, "malformed")


def test_an_unknown_field_of_a_batch_is_refused_by_name(database, device):
    body = msgspec.json.decode(_batch(device))
    body["path"] = "/private"
    reply = device.post("/v1/records", msgspec.json.encode(body))
    assert reply.code == "malformed"
    assert "path" in reply.json["detail"]
    assert "/private" not in reply.body.decode()


def test_a_batch_newer_than_the_collector_is_to_be_sent_later(database, device):
    body = msgspec.json.decode(_batch(device)) | {"version": 2, "new_field": 1}
    reply = device.post("/v1/records", msgspec.json.encode(body))
    assert (reply.status, reply.code, reply.json["retry"]) == (503, "version_too_new", True)
    assert int(reply.headers["Retry-After"]) > 0


# --- addresses and methods ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", PATHS)
def test_another_method_is_refused_with_the_right_one(database, call, method, path):
    reply = call(method, path)
    assert reply.status == 405
    assert reply.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/v1/", "/v1/records/", "/v1/RECORDS", "/v2/records", "/v1/records\0", "/v1/é"])
def test_another_address_is_not_found(database, call, path):
    assert call("POST", path).code == "not_found"


def test_health_says_the_time(database, call):
    reply = call("GET", "/v1/health")
    assert reply.status == 200
    assert reply.json["ok"] is True


def test_people_are_given_their_monthly_ids(database, device):
    month = f"{datetime.now(UTC):%Y-%m}"
    reply = device.post("/v1/people", PeopleQuestion(1, month, ("amira", "ben")))
    assert reply.status == 200
    assert set(reply.json["ids"]) == {"amira", "ben"}


# --- the last resort ---------------------------------------------------------------------------------------------


def test_a_fault_of_ours_is_busy_and_leaves_only_its_kind_and_place_in_the_log(database, device, monkeypatch, caplog):
    def fails(*_):
        raise RuntimeError("secret.example visited by amira")

    monkeypatch.setattr(ingest, "_store", fails)
    monkeypatch.setattr(ingest, "_store_alone", fails)
    logger = __import__("logging").getLogger("fairwatch")
    monkeypatch.setattr(logger, "propagate", True)
    reply = device.send(device.totals())
    assert (reply.status, reply.code, reply.json["retry"]) == (503, "busy", True)
    assert "Retry-After" in reply.headers
    assert "RuntimeError" in caplog.text
    assert "secret.example" not in caplog.text
    assert "secret.example" not in reply.body.decode()


def test_a_database_that_is_gone_is_busy_and_answers_again_once_it_is_back(database, device, monkeypatch):
    from django.db import connection
    from django.db.utils import OperationalError

    parcel = device.totals()
    with monkeypatch.context() as gone:

        def refuse(*_, **__):
            raise OperationalError

        gone.setattr(type(connection), "cursor", refuse, raising=False)
        gone.setattr("server.ingest._lock", refuse)
        assert device.send(parcel).code == "busy"
    assert device.send(parcel).results == [("stored", None)]


# --- anything at all ---------------------------------------------------------------------------------------------

header_text = st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=200)


@FUZZ
@given(body=st.binary(max_size=300), signature=header_text, given_input=header_text, digest=header_text)
def test_no_headers_and_no_body_make_it_fail(database, call, device, body, signature, given_input, digest):
    headers = {
        "Signature": signature,
        "Signature-Input": f'{given_input};keyid="{device.id}"',
        "Content-Digest": digest,
    }
    for path in PATHS:
        assert call("POST", path, body, headers).status in {400, 401, 403}


@FUZZ
@given(label=header_text, parameters=header_text, host=header_text)
def test_no_well_begun_signature_makes_it_fail(database, call, device, label, parameters, host):
    body = b"{}"
    headers = device.sign("/v1/records", body)
    headers["Signature-Input"] = headers["Signature-Input"].replace("pyhms", label or "x", 1) + parameters
    assert call("POST", "/v1/records", body, headers, HTTP_HOST=host).status in {400, 401, 403}
