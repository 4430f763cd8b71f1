"""Tags: the same for the same text, apart for each kind and key, none where there are too many, and small enough."""

from __future__ import annotations

import hashlib
import hmac

import msgspec
import pytest

from protocol.errors import Refused
from protocol.grouping import TAG_BYTES, TAGS_MAX, tags
from protocol.limits import ENVELOPE_SIZES_BYTES, TEXT_MAX_CHARS
from protocol.messages import Heading, decode, encode

KEY = bytes(range(32))


def test_a_tag_is_a_keyed_hash_of_its_kind_and_text_as_written_in_the_format():
    message = b"fairwatch/v1/tag\0entry\0bet365.com"
    assert tags(KEY, "entry", ["bet365.com"]) == (hmac.digest(KEY, message, hashlib.sha256)[:TAG_BYTES].hex(),)


def test_the_same_entry_has_one_tag_and_another_key_kind_or_text_another():
    once = tags(KEY, "entry", ["bet365.com", "bet365.com"])
    assert len(once) == 1
    others = {tags(bytes(32), "entry", ["bet365.com"]), tags(KEY, "list", ["bet365.com"]), tags(KEY, "entry", ["a.b"])}
    assert once not in others
    assert len(others) == 3


def test_tags_stand_in_an_order_that_tells_nothing():
    assert tags(KEY, "entry", "abcdef") == tuple(sorted(tags(KEY, "entry", "fedcba")))


def test_a_case_of_too_many_entries_gets_none_rather_than_some():
    assert len(tags(KEY, "entry", map(str, range(TAGS_MAX)))) == TAGS_MAX
    assert tags(KEY, "entry", map(str, range(TAGS_MAX + 1))) == ()


def test_a_full_heading_is_of_the_small_size_as_all_are():
    names = [str(number) for number in range(TAGS_MAX)]
    person = "\x01" * TEXT_MAX_CHARS
    full = Heading(1, "a" * 64, person, "host", 2**53, "looked_up", tags(KEY, "entry", names), tags(KEY, "list", names))
    assert len(encode(full)) <= ENVELOPE_SIZES_BYTES[0] - 4


def test_a_heading_without_tags_is_read_and_odd_tags_are_refused():
    old = {"version": 1, "category": "gambling", "person": "sam", "kind": "host", "count": 1}
    assert decode(msgspec.json.encode(old), Heading).entries == ()
    for odd in (["xyz"], ["0" * 15], ["0" * 16 + "\n"], ["0" * 16] * (TAGS_MAX + 1)):
        with pytest.raises(Refused):
            decode(msgspec.json.encode(old | {"entries": odd}), Heading)
