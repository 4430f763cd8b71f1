"""A trial report says the same to whoever carries it, whatever was counted, and opens only in its own place."""

from __future__ import annotations

from base64 import b64decode

import pytest

from protocol.errors import OpenError, Refused
from protocol.messages import TrialCounts, decode, decode_trial_header
from protocol.sealing import Place, layout, open_envelope
from protocol.signing import verify_trial


def _opened(vector):
    header, envelope = b64decode(vector["header"]), b64decode(vector["envelope"])
    verify_trial(b64decode(vector["public_key"]), b64decode(vector["signature"]), header, envelope)
    read = decode_trial_header(header)
    if layout(envelope).padded_bytes != 16384:
        raise OpenError("bad_envelope: it has the smaller size")
    place = Place(purpose="trial", subject=read.device, record=read.record, header=header)
    try:
        return decode(open_envelope(envelope, b64decode(vector["private_key"]), place), TrialCounts)
    except OpenError:
        raise OpenError("it does not open") from None


def test_every_trial_vector_opens_or_names_its_refusal(vectors):
    for vector in vectors("trials"):
        if vector["refusal"] is None:
            assert _opened(vector).version == 1, vector["name"]
        else:
            with pytest.raises((Refused, OpenError)) as refused:
                _opened(vector)
            assert vector["refusal"] in str(refused.value), vector["name"]


def test_the_counts_of_a_vector_read_as_they_were_written(vectors):
    counts = _opened(vectors("trials")[0])
    assert [(one.pack, one.size, one.more) for one in counts.packs] == [
        ("ut1_gambling", 30_000, 2),
        ("ut1_games", 9_000, 0),
    ]
    assert [(one.entry, one.categories, one.count) for one in counts.packs[0].entries] == [
        ("casino.example", ("gambling",), 3)
    ]


def test_a_day_with_nothing_in_it_has_the_size_of_a_busy_one(vectors):
    busy, nothing = (vector for vector in vectors("trials") if vector["refusal"] is None)
    assert len(busy["envelope"]) == len(nothing["envelope"])
    assert len(busy["header"]) == len(nothing["header"])


def test_a_header_with_a_person_or_anything_unknown_is_refused(vectors):
    header = b64decode(vectors("trials")[0]["header"])
    for extra in (b',"person":"amira"}', b',"hits":3}'):
        with pytest.raises(Refused, match="bad_record"):
            decode_trial_header(header[:-1] + extra)
