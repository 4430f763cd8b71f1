"""Other cases come by time, sealed, a page at a time, and only the person's own."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest

from server import nearby
from server.errors import NotThere, WrongState
from server.store.models import Incident


@pytest.fixture
def cases_by_day(device, lead_key, now):
    """`cases_by_day(days...)`: a case on each of these days from now."""

    def made(*days, keys=(lead_key,)):
        ids = [uuid4() for _ in days]
        for day, one in zip(days, ids, strict=True):
            at = now + timedelta(days=day)
            change = lambda header, at=at: msgspec.structs.replace(header, started=at, ended=at)  # noqa: E731
            assert device.send(device.alert(*keys, alert=one, change=change)).results == [("stored", None)]
        return ids

    return made


def test_cases_come_from_two_weeks_after_backwards_in_time(database, people, cases_by_day):
    here, soon, late, before, long_ago = cases_by_day(0, 14, 15, -1, -400)
    page = nearby.near(people.lead, here)
    assert [one.incident.pk for one in page.cases] == [soon, before, long_ago]
    assert page.following == ""
    assert late not in {one.incident.pk for one in page.cases}
    assert all(b"gambling" not in bytes(one.kept.heading) for one in page.cases)


def test_pages_follow_each_other_without_a_gap_or_a_repeat(database, people, cases_by_day, monkeypatch):
    monkeypatch.setattr(nearby, "PAGE_CASES", 2)
    here, *others = cases_by_day(0, -1, -1, -1, -2, -3)
    seen, after = [], ""
    for _ in range(4):
        page = nearby.near(people.lead, here, after)
        seen += [one.incident.pk for one in page.cases]
        after = page.following
        if not after:
            break
    assert sorted(seen) == sorted(others)
    assert len(seen) == len(others)


def test_cases_sealed_to_others_are_not_among_them(database, people, cases_by_day, lead_key, deputy_key):
    (mine,) = cases_by_day(0, keys=(lead_key, deputy_key))
    cases_by_day(-1)
    assert [len(nearby.near(user, mine).cases) for user in (people.lead, people.deputy)] == [1, 0]
    (kept,) = cases_by_day(0)
    with pytest.raises(NotThere):
        nearby.near(people.deputy, kept)
    with pytest.raises(NotThere):
        nearby.own(people.deputy, kept)


@pytest.mark.parametrize("after", ["x", "1", "_", "1e99_00000000-0000-0000-0000-000000000000", "nan_x"])
def test_an_odd_place_is_refused(database, people, case, after):
    with pytest.raises(WrongState, match="load the page again"):
        nearby.near(people.lead, case, after)


def test_a_case_is_found_by_its_number_by_those_who_can_open_it(database, people, case, deputy_key):
    reference = Incident.objects.get().reference
    assert nearby.by_reference(people.lead, f" {reference.lower()} ").pk == case
    assert nearby.by_reference(people.deputy, reference) is None
    assert nearby.by_reference(people.lead, "FW-2026-1") is None
