"""What a sample device says is what an agent says: signed, sealed, numbered without a gap, and read strictly."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from protocol.limits import BATCH_MAX_RECORDS
from protocol.messages import Alert, Receipt, Receipts, decode_body, decode_header
from protocol.sealing import KEY_BYTES, public_of
from protocol.signing import DeviceKey, verify_alert
from server import sample
from server.errors import SetUpError
from server.sample_records import Sender, alert, all_stored, heartbeat, totals

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.fixture
def sender():
    return Sender(uuid4(), DeviceKey.generate(), "learners")


def test_counters_rise_by_one_and_batches_hold_no_more_than_they_may(sender):
    for _ in range(BATCH_MAX_RECORDS + 1):
        heartbeat(sender, NOW, (1, 1), troubled=False)
    first, second = sender.batches()
    assert [parcel.counter for parcel in (*first.records, *second.records)] == list(range(1, BATCH_MAX_RECORDS + 2))
    assert list(sender.batches()) == []


def test_an_alert_is_signed_by_the_device_and_says_nothing_in_clear(sender, organisation_key):
    case = sample.Case(0, "sample-learner-01", "gambling", False, "odds.example", NOW, 5, 2, False)
    alert(sender, case, [organisation_key], (2, 3), bytes(32))
    (batch,) = sender.batches()
    (parcel,) = batch.records
    body = decode_body(parcel)
    assert isinstance(body, Alert)
    public = sender.key.public_key().public_bytes_raw()
    verify_alert(public, body.signature, body.header, body.heading, body.evidence)
    header = decode_header(body.header)
    assert (header.record, header.counter, header.recipients_version) == (parcel.record, 1, 2)
    assert b"odds" not in bytes(parcel.body)
    assert b"sample-learner" not in bytes(parcel.body)


@pytest.fixture
def organisation_key():
    return public_of(os.urandom(KEY_BYTES))


def test_totals_take_the_monthly_id_of_each_account(sender):
    person = uuid4()
    use = sample.Use("sample-learner-01", NOW.date(), "host", "streaming", "youtube.com", 60, 1)
    totals(sender, [use], {("2026-11", "sample-learner-01"): person})
    (batch,) = sender.batches()
    (row,) = decode_body(batch.records[0]).rows
    assert (row.person, row.name, row.seconds) == (person, "youtube.com", 60)


def test_a_refused_record_is_told():
    record = uuid4()
    all_stored(Receipts((Receipt(record, "stored"), Receipt(record, "duplicate")), NOW))
    with pytest.raises(SetUpError, match="bad_record"):
        all_stored(Receipts((Receipt(record, "refused", "bad_record", "the place"),), NOW))
