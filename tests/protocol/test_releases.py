"""Which device may take which signed version when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from tuf.api.metadata import TargetFile

from protocol.errors import NotTrusted
from protocol.limits import RELEASE_MAX_BYTES
from protocol.releases import file_name, is_release, newest_for, place, plan, read

SIGNED = datetime(2026, 11, 2, 9, tzinfo=UTC)
DEVICES = [uuid5(UUID(int=7), str(number)) for number in range(2000)]


def target(version="1.2.0", platform="linux-x86_64", *, signed=SIGNED, first=10, days=7, **other):
    made = TargetFile.from_data(f"releases/{file_name(version, platform)}", b"x", ["sha256"])
    made.unrecognized_fields["custom"] = {"version": 1, **plan(signed, first, days), **other}
    return made


def found(*targets, ring="staged", now=SIGNED, above="1.0.0", device=DEVICES[0], but=(), platform="linux-x86_64"):
    one = newest_for(targets, platform=platform, device=device, ring=ring, now=now, above=above, but=but)
    return one.version if one is not None else None


def test_about_as_many_devices_as_were_said_take_it_at_once_and_all_a_week_later():
    first = [device for device in DEVICES if found(target(), device=device)]
    assert 0.07 < len(first) / len(DEVICES) < 0.13
    before, after = SIGNED + timedelta(days=6, hours=23), SIGNED + timedelta(days=7)
    assert [device for device in DEVICES if found(target(), device=device, now=before)] == first
    assert all(found(target(), device=device, now=after) for device in DEVICES)


def test_no_device_is_always_among_the_first():
    first = [[device for device in DEVICES if place(device, f"1.{minor}") < 10] for minor in range(3)]
    assert len(set(first[0]) & set(first[1]) & set(first[2])) < 20


def test_a_device_that_it_set_first_or_last_is():
    late = next(device for device in DEVICES if place(device, "1.2.0") >= 10)
    early = next(device for device in DEVICES if place(device, "1.2.0") < 10)
    assert found(target(), device=late, ring="first") == "1.2.0"
    assert found(target(), device=early) == "1.2.0"
    assert found(target(), device=early, ring="last") is None
    assert found(target(), device=early, ring="last", now=SIGNED + timedelta(days=7)) == "1.2.0"


def test_all_at_once_and_none_but_the_named_are_possible():
    assert all(found(target(first=100), device=device, ring="last") for device in DEVICES[:50])
    assert not any(found(target(first=0), device=device) for device in DEVICES[:50])


def test_the_newest_that_may_be_taken_is():
    later = SIGNED + timedelta(days=8)
    assert found(target("1.2.0"), target("1.10.0"), target("1.9.0"), now=later) == "1.10.0"
    assert found(target("1.2.0"), target("1.3.0", signed=later), now=later, ring="last") == "1.2.0"
    assert found(target("1.2.0"), target("1.3.0"), now=later, but={"1.3.0"}) == "1.2.0"


def test_never_the_same_an_older_one_or_one_for_another_platform():
    later = SIGNED + timedelta(days=8)
    assert found(target("1.2.0"), above="1.2", now=later) is None
    assert found(target("1.1.9"), above="1.2.0", now=later) is None
    assert found(target(platform="darwin-arm64"), now=later) is None


def test_a_file_for_its_own_tools_is_none_for_devices():
    other = TargetFile.from_data("releases/fairwatch-agent-1.2.0.msi", b"x", ["sha256"])
    assert read(other) is None
    assert found(other) is None
    assert not is_release(other.path)
    assert is_release(target().path)


@pytest.mark.parametrize(
    "custom",
    [
        {"first_percent": 101},
        {"first_percent": True},
        {"first_percent": "10"},
        {"all_after_days": -1},
        {"all_after_days": 1000},
        {"since": "yesterday"},
        {"since": "2026-11-02T09:00:00"},
        {"since": 7},
        {"since": "0001-01-01T00:00:00+02:00"},
        {"since": "9999-12-31T00:00:00+00:00"},
    ],
)
def test_a_version_that_does_not_say_who_takes_it_when_is_refused(custom):
    with pytest.raises(NotTrusted, match="doesn't say"):
        read(target(**custom))


def test_a_version_that_is_too_large_is_refused():
    large = target()
    large.length = RELEASE_MAX_BYTES + 1
    with pytest.raises(NotTrusted, match="too large"):
        read(large)
