"""A re-wrap opens one envelope to one more key, and proves who let it in."""

from __future__ import annotations

import os
from base64 import b64decode
from uuid import UUID, uuid4

import msgspec
import pytest

from protocol import rewraps
from protocol.errors import OpenError, Refused
from protocol.messages import decode, encode
from protocol.sealing import KEY_BYTES, Place, key_id, open_envelope, public_of, seal


def place_of(vector) -> Place:
    given = vector["place"]
    where = {"subject": UUID(given["subject"]), "record": UUID(given["record"]), "header": b64decode(given["header"])}
    return Place(purpose=given["purpose"], **where)


def test_every_vector_lets_in_and_opens_or_names_its_refusal(vectors):
    for vector in vectors("rewraps"):
        one = msgspec.convert(vector["rewrap"], rewraps.Rewrap)
        incident, private = UUID(vector["incident"]), b64decode(vector["private_key"])

        def act(vector=vector, one=one, incident=incident, private=private):
            rewraps.check(one, incident, vector["sealed_to"])
            envelope, wrap = b64decode(vector["envelope"]), b64decode(vector["wrap"])
            return open_envelope(envelope, private, place_of(vector), wrap=wrap)

        if vector["refusal"] is None:
            assert act() == b"{}", vector["name"]
        else:
            with pytest.raises((Refused, OpenError)) as refused:
                act()
            assert vector["refusal"] in str(refused.value), vector["name"]


def test_a_chain_of_readers_is_followed_from_the_device_on_in_any_order_and_no_further():
    lead, deputy, third, stranger, friend = (os.urandom(KEY_BYTES) for _ in range(5))
    incident, record = uuid4(), uuid4()
    where = Place(purpose="heading", subject=uuid4(), record=record, header=b"{}")
    envelope = seal(b"text", [public_of(lead)], where)
    first = rewraps.rewrap(envelope, where, incident, public_of(deputy), lead)
    second = rewraps.rewrap(envelope, where, incident, public_of(third), deputy, wrap=first.wrap)
    other = seal(b"text", [public_of(stranger)], where)
    fake = rewraps.rewrap(other, where, incident, public_of(friend), stranger)
    ids = {key_id(public_of(one)) for one in (lead, deputy, third)}
    for rows in ([first, second, fake], [fake, second, first]):
        assert rewraps.readers([key_id(public_of(lead))], incident, rows) == ids
    assert open_envelope(envelope, third, where, wrap=second.wrap) == b"text"
    assert decode(encode(second), rewraps.Rewrap) == second


def test_only_who_can_open_can_let_in():
    lead, stranger = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)
    where = Place(purpose="note", subject=uuid4(), record=uuid4(), header=b"")
    envelope = seal(b"text", [public_of(lead)], where)
    with pytest.raises(OpenError, match="not sealed to this key"):
        rewraps.rewrap(envelope, where, where.subject, public_of(stranger), stranger)
