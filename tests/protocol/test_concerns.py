"""A concern opens where it was sealed, by whom it names, and with its own lead's signature alone."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import pytest

from protocol import concerns, leadkeys, sealing
from protocol.codes import Code
from protocol.concerns import Concern, ConcernEvidence, ConcernHeader, ConcernHeading
from protocol.errors import OpenError, Refused
from protocol.messages import encode

WHEN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def lead():
    return leadkeys.unlock(leadkeys.make("a"), "a")


@pytest.fixture(scope="module")
def other():
    return leadkeys.unlock(leadkeys.make("b"), "b")


def make(private, *readers, **changes):
    """A concern by the holder of `private`, sealed to these private keys' holders."""
    keys = [sealing.public_of(one) for one in readers]
    header = ConcernHeader(
        version=1,
        record=uuid4(),
        incident=uuid4(),
        signer=sealing.key_id(sealing.public_of(private)),
        group="learners",
        urgent=True,
        started=WHEN,
        sealed_to=tuple(sealing.key_id(key) for key in keys),
        recipients_version=3,
    )
    header = msgspec.structs.replace(header, **changes)
    head = encode(header)
    heading = encode(ConcernHeading(1, "self_harm", "amira", "report", 1, "reported"))
    evidence = encode(ConcernEvidence(1, "self_harm", "amira", "tutor", "Said she is tired.", "The lead", WHEN))
    sealed = [
        sealing.seal(text, keys, concerns.place(purpose, header, head))
        for purpose, text in (("heading", heading), ("evidence", evidence))
    ]
    return header, Concern(head, *sealed, concerns.sign(private, head, *sealed))


def test_every_vector_opens_or_names_its_refusal(vectors):
    for vector in vectors("concerns"):
        concern = Concern(*(b64decode(vector[part]) for part in ("header", "heading", "evidence", "signature")))
        key = b64decode(vector["private_key"])
        if vector["refusal"] is None:
            assert opened(vector, concern, key) == vector["text"], vector["name"]
        else:
            with pytest.raises((OpenError, Refused)) as refused:
                opened(vector, concern, key)
            assert vector["refusal"] in str(refused.value), vector["name"]


def opened(vector, concern, key):
    """Both parts, once it was checked as FORMAT.md says: the case, the signature, and only then the envelopes."""
    header = verify(b64decode(vector["lead_key"]), concern)
    if header.incident != UUID(vector["incident"]):
        raise Refused(Code.BAD_LEAD_SIGNATURE, "another case")
    parts = {"heading": concern.heading, "evidence": concern.evidence}
    return {
        part: b64encode(concerns.open_part(part, envelope, header, concern.header, key)).decode()
        for part, envelope in parts.items()
    }


def verify(public, concern):
    return concerns.verify(public, concern.signature, concern.header, concern.heading, concern.evidence)


def test_a_concern_is_verified_and_opens_for_its_readers_alone(lead, other):
    header, concern = make(lead, lead)
    assert verify(sealing.public_of(lead), concern) == header
    text = concerns.open_part("evidence", concern.evidence, header, concern.header, lead)
    assert msgspec.json.decode(text, type=ConcernEvidence).text == "Said she is tired."
    with pytest.raises(OpenError, match="not sealed to this key"):
        concerns.open_part("evidence", concern.evidence, header, concern.header, other)


@pytest.mark.parametrize("part", ["header", "heading", "evidence"])
def test_parts_of_two_concerns_are_never_one(lead, part):
    (_, one), (_, two) = make(lead, lead), make(lead, lead)
    with pytest.raises(Refused) as fault:
        verify(sealing.public_of(lead), msgspec.structs.replace(one, **{part: getattr(two, part)}))
    assert fault.value.code is Code.BAD_LEAD_SIGNATURE


def test_another_lead_s_name_or_key_is_refused(lead, other):
    _, concern = make(lead, lead)
    with pytest.raises(Refused):
        verify(sealing.public_of(other), concern)
    _, forged = make(other, lead, signer=sealing.key_id(sealing.public_of(lead)))
    for key in (lead, other):
        with pytest.raises(Refused):
            verify(sealing.public_of(key), forged)


def test_heading_and_evidence_do_not_open_in_each_other_s_place(lead):
    header, concern = make(lead, lead)
    with pytest.raises(OpenError, match="altered or belongs to another"):
        concerns.open_part("heading", concern.evidence, header, concern.header, lead)


@pytest.mark.parametrize("header", [b"", b"{}", b"[]", b'{"version": 2}', b"\xff"])
def test_a_header_that_is_none_is_refused(lead, header):
    _, concern = make(lead, lead)
    with pytest.raises(Refused):
        verify(sealing.public_of(lead), msgspec.structs.replace(concern, header=header))
