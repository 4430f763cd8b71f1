"""Says in time what expires: nothing before sixty days, each part by name after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from custody.draft import Draft
from custody.errors import CustodyError
from custody.expiry import standings, warnings
from protocol.publication import EXPIRY_WARNING, OFFLINE

NOW = datetime.now(UTC)


def test_nothing_is_warned_of_a_day_before_the_time_and_all_a_day_after(custodians):
    draft = Draft(custodians.ceremony)
    first = min(one.expires for one in standings(draft))
    assert warnings(draft, first - EXPIRY_WARNING - timedelta(days=1)) == []
    warned = warnings(draft, first - EXPIRY_WARNING + timedelta(days=1))
    assert [line.split()[0] for line in warned] == list(OFFLINE)
    assert "in 59 days: renew it (custodians: «sign renew»)" in warned[0]
    assert warned[-1].endswith("(IT: «sign packs»)")
    assert warnings(draft, first + timedelta(days=1), without=OFFLINE) == []


def test_what_is_expired_says_what_that_means(custodians):
    assert "no device takes anything new" in warnings(Draft(custodians.ceremony), NOW + timedelta(days=500))[0]


def test_who_must_still_sign_is_named(custodians):
    custodians.sign("policy")
    found = {one.name: one for one in standings(Draft(custodians.ceremony))}
    assert (found["policy"].version, found["policy"].pending, found["policy"].waits_for) == (2, 3, ("1 of second",))
    assert (found["packs"].pending, found["packs"].waits_for) == (None, ())


def test_a_folder_without_a_ceremony_is_told(tmp_path):
    with pytest.raises(CustodyError, match="no publication here"):
        standings(Draft(tmp_path))
