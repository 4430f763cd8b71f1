"""IT's page of the laptops that need a look, and the mute on a laptop's own page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from server import device_mutes
from server.store.models import Device, DeviceSign
from tests.server.web.look import look


@pytest.fixture
def client(people):
    made = Client()
    made.force_login(people.it)
    return made


def test_each_kind_says_what_to_do_and_leads_to_its_laptops(device, client):
    Device.objects.update(last_seen=datetime.now(UTC))
    assert "Nothing needs a look" in client.get("/devices/look/").content.decode()
    now = datetime.now(UTC)
    for kind, about in (("stopped_badly", ""), ("version_back", "1.10.0")):
        DeviceSign.objects.create(device_id=device.id, kind=kind, about=about, since=now, last=now)
    page = client.get("/devices/look/").content.decode()
    assert "Ask whoever has it. Look who may administer that device." in page
    assert page.count(f'href="/devices/{device.id}/"') == 2
    assert "1.10.0" in page
    alone = client.get("/devices/look/version_back/").content.decode()
    assert "Look who may administer that device." not in alone
    assert client.get("/devices/look/odd/").status_code == 404


def test_a_laptop_is_muted_and_looked_at_again(device, client):
    page = f"/devices/{device.id}/"
    for wrong in ("", "2020-01-01", "odd"):
        refused = client.post(f"{page}mute", {"until": wrong})
        assert refused.status_code == 409
        assert "Choose a day after today, within a year." in refused.content.decode()
    until = device_mutes.last_day(datetime.now(UTC))
    assert client.post(f"{page}mute", {"until": f"{until}"}).status_code == 302
    assert "Muted until" in client.get(page).content.decode()
    assert f'<a href="{page}">' in client.get("/devices/look/").content.decode()
    assert client.post(f"{page}mute", {"end": "yes"}).status_code == 302
    assert Device.objects.get().muted_until is None


@pytest.mark.more
def test_the_page_is_good_to_look_at_at_both_widths_and_in_both_schemes(device, other_device, people, signed_in):
    now = datetime.now(UTC)
    for one in (device, other_device):
        for kind, about in (("stopped_badly", ""), ("version_back", "1.10.0"), ("source_stopped", "browser_history")):
            DeviceSign.objects.create(
                device_id=one.id, kind=kind, about=about, since=now - timedelta(days=2), last=now - timedelta(days=2)
            )
    Device.objects.filter(pk=other_device.id).update(
        muted_at=now - timedelta(days=9), muted_until=now.date() + timedelta(9)
    )
    page = signed_in(people.it)
    page.goto("/devices/look/")
    look(page, "looks")
