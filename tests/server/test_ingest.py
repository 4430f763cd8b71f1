"""Each record is stored once or answered with its reason, on both databases."""

from __future__ import annotations

from server.store.models import Incident, Usage


def test_totals_are_added_once_however_often_they_are_sent(database, device):
    parcel = device.totals()
    assert device.send(parcel).results == [("stored", None)]
    assert device.send(parcel).results == [("duplicate", None)]
    assert [row.seconds for row in Usage.objects.all()] == [60, 60, 60]
    assert device.send(device.totals()).results == [("stored", None)]
    assert [(row.seconds, row.visits) for row in Usage.objects.all()] == [(120, 2)] * 3


def test_an_alert_becomes_an_incident(database, device, lead_key):
    assert device.send(device.alert(lead_key)).results == [("stored", None)]
    assert Incident.objects.get().reference.endswith("-00001")
