"""Which phones are known, how much each may ask, and what is counted."""

from __future__ import annotations

from uuid import UUID

import pytest

from agent.gateway.phones import RATE_BURST, RATE_PER_SECOND, Phone, Phones, hash_of

ONE, OTHER = Phone(UUID(int=1), "staff", "alice"), Phone(UUID(int=2), "staff", "")
ID, ID2 = "a2" * 13, "b3" * 13


def known():
    phones = Phones()
    phones.replace([(hash_of(ID), ONE), (hash_of(ID2), OTHER)])
    return phones


def test_a_phone_is_found_by_its_id_alone():
    phones = known()
    assert phones.find(ID) == ONE
    assert phones.find(ID2) == OTHER
    assert len(phones) == 2


@pytest.mark.parametrize("text", ["", "c" * 26, ID.upper(), ID[:-1], ID + "a", ID[:-1] + "1", "é" * 26, ID + "\n"])
def test_whatever_is_no_known_id_is_counted(text):
    phones = known()
    assert phones.find(text) is None
    assert phones.refused["unknown"] == 1


def test_a_revoked_phone_is_unknown_at_once_even_where_it_asked_before():
    phones = known()
    assert phones.find(ID) == ONE
    assert phones.may_ask(ONE, 0.0)
    phones.replace([(hash_of(ID2), OTHER)])
    assert phones.find(ID) is None
    assert phones.find(ID2) == OTHER
    assert phones.last_asked == {}


def test_a_phone_may_ask_much_at_once_and_then_so_much_a_second():
    phones = known()
    assert all(phones.may_ask(ONE, 0.0) for _ in range(int(RATE_BURST)))
    assert not phones.may_ask(ONE, 0.0)
    assert phones.may_ask(OTHER, 0.0)
    assert sum(phones.may_ask(ONE, 2.0) for _ in range(500)) == 2 * RATE_PER_SECOND
    assert sum(phones.may_ask(ONE, 1e6) for _ in range(2000)) == RATE_BURST
    assert phones.refused["too_many"] == 1 + 400 + 1400


def test_a_clock_that_goes_back_takes_nothing_away():
    phones = known()
    phones.may_ask(ONE, 100.0)
    assert phones.may_ask(ONE, 50.0)
    assert phones.last_asked[ONE.device] == 50.0
