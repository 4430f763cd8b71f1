"""A month's totals hold only as the lead signed them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from msgspec import structs

from protocol import sealing
from protocol.errors import Refused
from protocol.messages import encode
from protocol.month_totals import MonthTotals, read, sign
from protocol.signing import sign_lead

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
TOTALS = MonthTotals(1, uuid4(), "2026-10", AT, {"self_harm": 5}, {"drugs": 7}, {"advice": 12})
KEY = os.urandom(sealing.KEY_BYTES)


def test_what_was_signed_is_read_as_it_was():
    assert read(sign(encode(TOTALS), KEY)) == TOTALS


def test_one_number_more_and_the_signature_does_not_match():
    more = encode(structs.replace(TOTALS, routine={"drugs": 8}))
    with pytest.raises(Refused) as refused:
        read(structs.replace(sign(encode(TOTALS), KEY), text=more))
    assert refused.value.code.value == "bad_lead_signature"


def test_a_signature_for_another_purpose_or_id_is_none_for_totals():
    signed = sign(encode(TOTALS), KEY)
    for purpose, number in (("note", TOTALS.id), ("mute", TOTALS.id), ("month", uuid4())):
        other = sign_lead(KEY, purpose, number, number, signed.text)
        with pytest.raises(Refused):
            read(structs.replace(signed, signature=other))


@pytest.mark.parametrize(
    "odd",
    [
        b'{"version":1}',
        encode(TOTALS).replace(b'"drugs":7', b'"drugs":-7'),
        encode(TOTALS).replace(b'"drugs":7', b'"drugs":7.5'),
        encode(TOTALS).replace(b"2026-10", b"2026-13"),
        encode(TOTALS).replace(b'"drugs"', b'"Amira Khan"'),
        encode(TOTALS).replace(b'"version":1', b'"version":1,"person":"amira"'),
    ],
)
def test_what_is_no_totals_is_refused(odd):
    signed = sign(encode(TOTALS), KEY)
    with pytest.raises(Refused):
        read(structs.replace(signed, text=odd))
