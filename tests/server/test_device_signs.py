"""What heartbeats tell of a laptop is noticed, stands while it stands, and an alert leaves no trace in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from protocol.messages import SourceState
from server import coverage, device_life, device_signs
from server.store.models import AuditEntry, Device, DeviceSign, SourceGap

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)


def open_signs():
    return {(one.kind, one.about) for one in DeviceSign.objects.filter(until__isnull=True)}


def source(state, name="foreground"):
    return (SourceState(name, state, "" if state == "working" else "It was stopped."),)


def test_a_word_of_the_device_stands_until_a_heartbeat_is_without_it(database, device):
    device.send(device.heartbeat(notices=("stopped_badly", "clock_moved")))
    device.send(device.heartbeat(notices=("stopped_badly",)))
    assert open_signs() == {("stopped_badly", "")}
    first = DeviceSign.objects.get(kind="stopped_badly")
    device.send(device.heartbeat(notices=("stopped_badly",)))
    assert DeviceSign.objects.get(kind="stopped_badly").since == first.since
    device.send(device.heartbeat())
    assert open_signs() == set()
    assert DeviceSign.objects.count() == 2


def test_a_source_that_worked_and_stopped_is_noticed_until_it_works_and_one_that_never_worked_is_not(database, device):
    device.send(device.heartbeat(sources=source("unknown")))
    assert open_signs() == set()
    device.send(device.heartbeat(sources=source("working")), device.heartbeat(sources=source("failing")))
    device.send(device.heartbeat(sources=source("unknown")))
    assert open_signs() == {("source_stopped", "foreground")}
    device.send(device.heartbeat(sources=source("working")))
    assert open_signs() == set()


def test_a_source_that_is_not_spoken_of_since_nobody_is_signed_in_is_not_noticed(database, device):
    device.send(device.heartbeat(sources=source("working")), device.heartbeat(sources=()))
    assert open_signs() == set()


def test_a_version_that_went_back_is_noticed_until_it_is_as_new_as_before(database, device):
    for version in ("1.9.0", "1.10.0", "1.9.3", "1.9.4"):
        device.send(device.heartbeat(agent_version=version))
    assert open_signs() == {("version_back", "1.10.0")}
    device.send(device.heartbeat(agent_version="1.10.0"))
    assert open_signs() == set()


@pytest.mark.parametrize(
    ("then", "changes"),
    [
        ({"at": AT}, {"at": AT - timedelta(minutes=6)}),
        ({"at": AT}, {"at": AT + timedelta(minutes=15), "clock_offset_seconds": -3600}),
    ],
    ids=["back", "against the collector's"],
)
def test_a_clock_that_jumped_between_two_heartbeats_is_noticed_for_a_week(database, device, then, changes):
    device.send(device.heartbeat(**then), device.heartbeat(**changes))
    assert open_signs() == {("clock_jumped", "")}
    device.send(device.heartbeat(**changes))
    assert open_signs() == {("clock_jumped", "")}
    DeviceSign.objects.update(last=datetime.now(UTC) - device_signs.KEPT_FOR)
    device.send(device.heartbeat(**changes))
    assert open_signs() == set()


def test_a_clock_that_went_on_and_a_heartbeat_that_came_late_are_no_jump(database, device):
    late = device.heartbeat(at=AT, notices=("clock_moved",))
    device.send(device.heartbeat(at=AT + timedelta(minutes=15)), device.heartbeat(at=AT + timedelta(hours=9)))
    device.send(late)
    assert open_signs() == set()


def test_a_heartbeat_that_came_late_does_not_put_an_older_health_in_the_newer_ones_place(database, device):
    late = device.heartbeat(agent_version="0.0.9", sources=source("failing", "browser_history"))
    device.send(device.heartbeat(agent_version="0.1.0"))
    device.send(late)
    kept = Device.objects.get()
    assert (kept.health["agent_version"], kept.health["sources"][0]["state"]) == ("0.1.0", "working")
    assert SourceGap.objects.count() == 0
    assert kept.last_seen is not None
    device.send(device.heartbeat())
    assert open_signs() == set()


def test_a_device_that_changes_its_mind_all_day_fills_no_table(database, device, monkeypatch):
    monkeypatch.setattr(device_signs, "NEW_A_DAY_MOST", 5)
    monkeypatch.setattr(coverage, "GAPS_A_DAY_MOST", 5)
    for _ in range(6):
        for state in ("working", "failing"):
            device.send(device.heartbeat(sources=source(state, "one") + source(state, "another")))
    assert DeviceSign.objects.count() == 5
    assert SourceGap.objects.count() == 5 + 1
    assert SourceGap.objects.filter(until=None).exists(), "what comes and goes so often is not said to see"
    week = timedelta(days=7)
    DeviceSign.objects.update(since=AT - week)
    SourceGap.objects.update(since=AT - week)
    device.send(device.heartbeat(sources=source("working")), device.heartbeat(sources=source("failing")))
    assert ("source_stopped", "foreground") in open_signs()


def test_a_notice_that_was_never_shown_is_noticed(database, device):
    device.send(device.heartbeat(notice_shown=False))
    assert open_signs() == {("notice_missing", "")}
    device.send(device.heartbeat())
    assert open_signs() == set()


def test_alerts_and_totals_leave_no_trace(database, device, lead_key):
    device.send(device.heartbeat(notices=("clock_moved",)))
    before = list(DeviceSign.objects.values())
    device.send(device.alert(lead_key), device.totals())
    assert list(DeviceSign.objects.values()) == before


def test_a_retired_device_has_no_open_signs(database, device):
    device.send(device.heartbeat(notices=("clock_moved",)))
    device_life.retire(None, device.id, datetime.now(UTC))
    assert open_signs() == set()


def test_a_device_that_is_held_as_a_copy_is_on_the_audit_log_once(database, device):
    device.send(device.totals(counter=3), device.totals(counter=3))
    device.send(device.totals(counter=3))
    assert Device.objects.get().status == "quarantined"
    assert list(AuditEntry.objects.values_list("action", "subject")) == [("device_held", f"device:{device.id}")]
