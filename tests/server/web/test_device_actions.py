"""IT says what became of a laptop on its page: lost, found, handed on, set up anew, retired."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from server.store.models import AuditEntry, Device


@pytest.fixture
def as_role(people):
    def sign_in(role):
        client = Client()
        client.force_login(getattr(people, role))
        return client

    return sign_in


def test_it_is_lost_found_and_retired_and_each_is_on_the_log(device, as_role):
    client, page = as_role("it"), f"/devices/{device.id}/"
    assert client.post(f"{page}lost").status_code == 302
    assert "lost since" in client.get(page).content.decode()
    again = client.post(f"{page}lost")
    assert (again.status_code, "It is lost already." in again.content.decode()) == (409, True)
    assert client.post(f"{page}lost", {"found": "yes"}).status_code == 302
    assert "lost since" not in client.get(page).content.decode()
    assert client.post(f"{page}retire").status_code == 302
    assert "It is retired" in client.get(page).content.decode()
    done = [one for one in AuditEntry.objects.order_by("seq").values_list("action", flat=True) if "device_" in one]
    assert done[-3:] == ["device_lost", "device_found", "device_revoked"]


def test_what_changes_something_takes_a_form_and_a_device_that_is_there(device, as_role):
    client = as_role("it")
    assert client.get(f"/devices/{device.id}/lost").status_code == 405
    assert client.get(f"/devices/{uuid4()}/").status_code == 404
    assert client.post(f"/devices/{uuid4()}/retire").status_code == 404


@pytest.mark.parametrize("role", ["lead", "manager", "dpo"])
def test_nobody_else_reports_or_retires_a_device(role, device, as_role):
    client = as_role(role)
    for place in ("", "lost", "hand-on", "re-image", "retire"):
        ask = client.post if place else client.get
        assert ask(f"/devices/{device.id}/{place}").status_code in (403, 404)
    assert Device.objects.get().lost_since is None
    assert Device.objects.get().status == "active"


def test_it_is_handed_on_once_the_next_person_has_an_account(device, as_role):
    client, page = as_role("it"), f"/devices/{device.id}/"
    refused = client.post(f"{page}hand-on")
    assert refused.status_code == 409
    assert "First see that the next person has an account of their own on it" in refused.content.decode()
    assert client.post(f"{page}hand-on", {"own_account": "yes", "reason": "left us"}).status_code == 302
    assert "Handed on</dt>" in client.get(page).content.decode()


def test_a_laptop_that_was_set_up_anew_is_one_with_its_former_identity_on_its_page(device, other_device, as_role):
    client, old, new = as_role("it"), f"/devices/{device.id}/", f"/devices/{other_device.id}/"
    assert f'<option value="{other_device.id}">' in client.get(old).content.decode()
    odd = client.post(f"{old}re-image", {"new": "odd"})
    assert "Choose the device that it was enrolled as." in odd.content.decode()
    assert client.post(f"{old}re-image", {"new": str(other_device.id)}).status_code == 302
    listed = client.get("/devices/").content.decode()
    assert (old in listed, new in listed) == (False, True)
    assert f'<a href="{old}">its former identity</a>' in client.get(new).content.decode()
    shown = client.get(old).content.decode()
    assert f'<a href="{new}">its next identity</a>' in shown
    assert "is taken until" in shown


def test_a_stolen_one_can_be_refused_at_once_after_it_was_retired(device, as_role):
    client, page = as_role("it"), f"/devices/{device.id}/"
    client.post(f"{page}retire")
    assert "Take nothing of it any more" in client.get(page).content.decode()
    client.post(f"{page}retire", {"at_once": "yes"})
    assert "is taken until" not in client.get(page).content.decode()
