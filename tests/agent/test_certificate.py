"""The pin's parser never fails on anything, and finds a key only where a certificate has one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.certificate import public_key_hash


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_give_a_hash_or_nothing_but_never_a_fault(data):
    assert len(public_key_hash(data)) in (0, 64)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([b"\x30\x80", b"\x30\x82\xff\xff", b"\x30\x03", b"\xa0\x00", b"\x02\x01\x01", b"\x30"]))
)
def test_nested_and_endless_lengths_give_nothing_or_a_hash(pieces):
    assert len(public_key_hash(b"".join(pieces))) in (0, 64)
