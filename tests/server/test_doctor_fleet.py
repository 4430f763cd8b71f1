"""The doctor says which signed part ends and who signs it, and how many laptops need a look and where."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server import device_looks, doctor_fleet
from server.config import Config
from server.doctor_fleet import publication_finding
from server.publish import Publication
from server.store.models import Device, DeviceSign

NOW = datetime.now(UTC)
LATER = dict.fromkeys(("root", "targets", "recipients", "policy", "packs"), NOW + timedelta(days=90))
SOON = NOW + timedelta(days=10)


def test_nothing_published_is_wrong(data_dir):
    assert not doctor_fleet.publication(data_dir).ok


@pytest.mark.more
@pytest.mark.django_db
def test_what_is_published_lasts_and_the_collector_s_own_stamp_is_looked_at(organisation, custodians):
    custodians.publish()
    assert doctor_fleet.publication(custodians.collector).ok
    stamped = Publication(custodians.collector).stamped_until()
    assert stamped is not None
    assert publication_finding(LATER, stamped, NOW).ok
    late = publication_finding({**LATER, "root": stamped + timedelta(days=99)}, stamped, stamped)
    assert not late.ok
    assert "`fairwatch-server run` renews it" in late.sentence


@pytest.mark.parametrize(
    ("ending", "says"),
    [
        ({"policy": SOON}, f"ends: policy on {SOON:%Y-%m-%d}; the custodians must sign again"),
        ({"packs": SOON}, f"ends: packs on {SOON:%Y-%m-%d}; IT must sign again"),
        ({"packs": SOON, "root": NOW - timedelta(days=1)}, "; the custodians and IT must sign again"),
        ({"root": NOW - timedelta(days=1)}, "ended or ends: root on"),
    ],
)
def test_a_part_that_ends_is_named_with_who_signs_it(ending, says):
    found = publication_finding({**LATER, **ending}, NOW + timedelta(days=1), NOW)
    assert not found.ok
    assert says in found.sentence


def test_laptops_that_need_a_look_are_counted_and_tampering_is_wrong(database, device, data_dir, settings):
    settings.CONFIG = Config(url="https://fairwatch.example")
    Device.objects.update(last_seen=NOW)
    assert doctor_fleet.devices(data_dir).sentence == "none needs a look"
    sign = {"device": Device.objects.get(), "since": NOW - timedelta(days=2), "last": NOW}
    DeviceSign.objects.create(kind="slowed_disk", **sign)
    found = doctor_fleet.devices(data_dir)
    assert found.ok, "nobody's hand"
    assert ": 1. Look into each at https://fairwatch.example/devices/look/" in found.sentence
    DeviceSign.objects.create(kind="files_changed", **sign)
    assert not doctor_fleet.devices(data_dir).ok


def test_what_is_called_tampering_is_of_the_kinds_that_are_noticed():
    assert set(device_looks.KINDS) >= doctor_fleet.TAMPERING
