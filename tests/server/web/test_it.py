"""IT's pages of laptops: what one can see, and noticed about itself."""

from __future__ import annotations

import pytest
from django.test import Client

from server.store.models import Device
from tests.server.web.look import look


@pytest.fixture
def as_role(people):
    def sign_in(role):
        client = Client()
        client.force_login(getattr(people, role))
        return client

    return sign_in


def test_a_device_has_a_page_with_what_it_noticed_and_what_to_do(device, as_role):
    Device.objects.filter(pk=device.id).update(health={"notices": ["extension_removed"]})
    client = as_role("it")
    listed = client.get("/devices/").content.decode()
    assert f"/devices/{device.id}/" in listed
    assert "a browser runs without the extension that it had" in listed
    page = client.get(f"/devices/{device.id}/").content.decode()
    assert "Look whether the browser still has the policy that installs it." in page


def test_the_list_says_on_how_many_devices_in_use_each_version_is(device, other_device, as_role):
    Device.objects.filter(pk=device.id).update(health={"agent_version": "1.9"})
    Device.objects.filter(pk=other_device.id).update(health={"agent_version": "1.10"})
    client = as_role("it")
    assert "<strong>1.10</strong> on 1, <strong>1.9</strong> on 1." in client.get("/devices/").content.decode()
    Device.objects.filter(pk=device.id).update(status=Device.Status.REVOKED)
    assert "<strong>1.10</strong> on 1." in client.get("/devices/").content.decode()


@pytest.mark.more
def test_the_page_of_a_device_is_good_to_look_at_at_both_widths_and_in_both_schemes(device, people, signed_in):
    said = {
        "notices": ["stopped_badly", "extension_removed"],
        "agent_version": "1.2",
        "sources": [
            {"name": "browser_history", "state": "working", "reason": ""},
            {"name": "foreground", "state": "unknown", "reason": "The session uses Wayland."},
        ],
    }
    Device.objects.filter(pk=device.id).update(health=said)
    page = signed_in(people.it)
    for place, name in (("/devices/", "devices"), (f"/devices/{device.id}/", "device")):
        page.goto(place)
        look(page, name)
