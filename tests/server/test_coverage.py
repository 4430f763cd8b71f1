"""Promise 10: which devices reported, which were silent, and what could not be seen, since when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from protocol.messages import SourceState
from server import coverage, ingest
from server.store.models import Device, DeviceDay, SourceGap

LONDON = "Europe/London"
WAYLAND = "The session uses Wayland with a compositor that does not say which app is in front."
NOV = (date(2026, 11, 1), date(2026, 12, 1))


def hears(device, at, **sources):
    """Take a heartbeat of that device at that time; `sources` maps a name to why it can't see, empty if it can."""
    states = tuple(SourceState(name, "unknown" if why else "working", why) for name, why in sources.items())
    parcel = device.heartbeat(sources=states)
    batch = ingest.Batch(1, device.id, (parcel,))
    assert [one.result for one in ingest.take(batch, device.id, at).receipts] == ["stored"]


def at(day, hour=10):
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def enrolled_in_october():
    Device.objects.update(enrolled_at=datetime(2026, 10, 5, tzinfo=UTC))


def test_a_device_that_reported_counts_once_a_day_and_one_that_did_not_is_silent(database, device, other_device):
    enrolled_in_october()
    for hour in (9, 10, 11):
        hears(device, at(20, hour), browser_history="")
    assert DeviceDay.objects.count() == 1
    told = coverage.of(*NOV, LONDON)
    assert (told.enrolled, told.reported) == ({"learners": 1, "staff": 1}, {"learners": 0, "staff": 1})
    assert told.silent == {"learners": 1, "staff": 0}


def test_the_day_is_the_organisations_own(database, device):
    hears(device, datetime(2026, 7, 31, 23, 30, tzinfo=UTC), browser_history="")  # 00:30 of 1 August in London
    assert list(DeviceDay.objects.values_list("day", flat=True)) == [20260801]


def test_a_source_that_cannot_see_is_a_gap_until_it_sees_again(database, device):
    enrolled_in_october()
    hears(device, at(3), foreground="")
    hears(device, at(5), foreground=WAYLAND)
    hears(device, at(6), foreground=WAYLAND)
    hears(device, at(9), foreground="")
    [gap] = coverage.of(*NOV, LONDON).gaps
    assert (gap.group, gap.source, gap.reason, gap.devices, gap.since) == ("staff", "foreground", WAYLAND, 1, at(5))
    assert not gap.lasting
    hears(device, at(12), foreground=WAYLAND)
    assert SourceGap.objects.count() == 2


def test_another_reason_goes_on_with_the_same_gap(database, device):
    hears(device, at(5), foreground=WAYLAND)
    hears(device, at(6), foreground="The screen is locked away from us.")
    gap = SourceGap.objects.get()
    assert (gap.since, gap.reason) == (at(5), "The screen is locked away from us.")


def test_a_source_that_is_no_longer_named_is_no_longer_a_gap(database, device):
    hears(device, at(5), foreground=WAYLAND, browser_history="")
    hears(device, at(6), browser_history="")
    assert SourceGap.objects.get().until == at(6)


def test_a_gap_that_ended_before_the_month_or_began_after_it_is_not_told(database, device):
    enrolled_in_october()
    hears(device, datetime(2026, 10, 6, tzinfo=UTC), foreground=WAYLAND)
    hears(device, datetime(2026, 10, 8, tzinfo=UTC), foreground="")
    hears(device, datetime(2026, 12, 2, tzinfo=UTC), foreground=WAYLAND)
    assert coverage.of(*NOV, LONDON).gaps == ()
    assert coverage.of(date(2026, 10, 1), date(2026, 11, 1), LONDON).gaps[0].lasting is False


def test_a_gap_that_lasts_past_the_month_says_so(database, device):
    hears(device, at(20), foreground=WAYLAND)
    assert coverage.of(*NOV, LONDON).gaps[0].lasting


def test_devices_with_one_trouble_are_told_together_the_most_first(database, device, other_device):
    hears(device, at(4), foreground=WAYLAND, processes="Not allowed to look.")
    Device.objects.update(group="staff")
    SourceGap.objects.create(
        device_id=other_device.id, source="foreground", state="unknown", reason=WAYLAND, since=at(4) - timedelta(days=2)
    )
    gaps = coverage.of(*NOV, LONDON).gaps
    assert [(gap.source, gap.devices) for gap in gaps] == [("foreground", 2), ("processes", 1)]
    assert gaps[0].since == at(2)


def test_a_withdrawn_device_counts_only_where_it_reported(database, device, other_device):
    enrolled_in_october()
    hears(device, at(3), browser_history="")
    Device.objects.update(status=Device.Status.REVOKED)
    assert coverage.of(*NOV, LONDON).enrolled == {"staff": 1}


def test_a_device_that_was_enrolled_later_is_not_missed(database, device):
    Device.objects.update(enrolled_at=datetime(2026, 12, 1, 0, 30, tzinfo=UTC))
    assert coverage.of(*NOV, LONDON).enrolled == {}
