"""An enrolment token is what IT signed, or it is refused by name."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import EnrolmentToken
from protocol.rolekeys import new_key
from protocol.tokens import check_signature, read, register, secret_hash, verify, verify_registration, write

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = new_key()
IT = (new_key().public_key().public_bytes_raw(), KEY.public_key().public_bytes_raw())
TOKEN = EnrolmentToken(1, UUID(int=7), "5e" * 32, "https://c.example", "ab" * 32, "cd" * 32, 1, "learners",
                       NOW + timedelta(days=1), 50, {"recipients": 3})  # fmt: skip


def test_a_token_is_read_and_verified_as_it_was_written():
    text = write(TOKEN, KEY)
    assert text.startswith("fw1.")
    assert read(f" {text}\n") == verify(text, IT, NOW) == TOKEN


def test_a_token_of_another_signer_is_refused():
    with pytest.raises(Refused) as caught:
        verify(write(TOKEN, new_key()), IT, NOW)
    assert caught.value.code is Code.TOKEN_BAD_SIGNATURE
    with pytest.raises(Refused):
        verify(write(TOKEN, KEY), (), NOW)


def test_an_expired_token_is_refused_but_its_signature_still_tells_whose_it_is():
    text = write(TOKEN, KEY)
    with pytest.raises(Refused) as caught:
        verify(text, IT, TOKEN.expires)
    assert caught.value.code is Code.TOKEN_EXPIRED
    assert check_signature(text, IT) == TOKEN


def test_a_changed_group_is_refused():
    prefix, _, signature = write(TOKEN, KEY).split(".")
    other = base64.urlsafe_b64encode(msgspec.json.encode(msgspec.structs.replace(TOKEN, group="staff"))).rstrip(b"=")
    with pytest.raises(Refused) as caught:
        verify(f"{prefix}.{other.decode()}.{signature}", IT, NOW)
    assert caught.value.code is Code.TOKEN_BAD_SIGNATURE


@pytest.mark.parametrize("text", ["", "fw1", "fw1..", "fw2.e30.e30", "fw1.e30.e30", "fw1.%%.e30", "fw1.e30.e30.e30",
                                  "fw1." + "A" * 5000 + ".e30", "fw1.é.e30", "\ud800.a.b"])  # fmt: skip
def test_what_is_no_token_is_refused(text):
    with pytest.raises(Refused) as caught:
        read(text)
    assert caught.value.code is Code.TOKEN_MALFORMED


def test_the_collector_learns_only_the_hash_of_the_secret():
    data = msgspec.json.encode(register(TOKEN, KEY))
    assert TOKEN.secret.encode() not in data
    registration = verify_registration(data, IT, NOW)
    assert registration.secret_hash == secret_hash(TOKEN.secret)
    assert (registration.token, registration.group, registration.uses) == (TOKEN.token, "learners", 50)


@pytest.mark.parametrize("change", [{"uses": 51}, {"group": "staff"}, {"secret_hash": "0" * 64}, {"token": UUID(int=8)},
                                    {"expires": NOW + timedelta(days=9)}])  # fmt: skip
def test_a_changed_registration_is_refused(change):
    data = msgspec.json.encode(msgspec.structs.replace(register(TOKEN, KEY), **change))
    with pytest.raises(Refused) as caught:
        verify_registration(data, IT, NOW)
    assert caught.value.code is Code.TOKEN_BAD_SIGNATURE


def test_a_registration_that_is_none_or_has_expired_is_refused():
    with pytest.raises(Refused) as caught:
        verify_registration(b"{}", IT, NOW)
    assert caught.value.code is Code.TOKEN_MALFORMED
    with pytest.raises(Refused) as caught:
        verify_registration(msgspec.json.encode(register(TOKEN, KEY)), IT, TOKEN.expires)
    assert caught.value.code is Code.TOKEN_EXPIRED
