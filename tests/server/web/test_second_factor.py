"""Whoever must have a second factor and has none gets to no page, and does nothing, before setting one up."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import resolve
from django.urls.exceptions import Resolver404

from server.store.models import AuditEntry, Role
from server.web.second_factor import OPEN_WITHOUT
from tests.server.web.pages import PAGES

pytestmark = pytest.mark.django_db


def waiting(address: str) -> bool:
    try:
        match = resolve(address.partition("?")[0])
    except Resolver404:
        return False
    return match.url_name not in OPEN_WITHOUT and not address.startswith("/static/")


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_every_address_waits_for_every_role_that_needs_one(role, people, settings):
    settings.SECOND_FACTOR_ROLES = tuple(Role.values)
    client = Client()
    client.force_login(getattr(people, role))
    seen = 0
    for address, (method, _) in PAGES.items():
        address = address.format(case=uuid4(), nobody=uuid4())
        if not waiting(address):
            continue
        answer = client.generic(method, address)
        led = answer.status_code == 302 and answer.url == "/account/2fa/"
        refused = answer.status_code == 403 and "second factor first" in answer.json()["error"]
        assert led or refused, (address, answer.status_code)
        seen += 1
    assert seen > 40
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_the_set_up_says_why_and_offers_both_ways(role, people, settings):
    settings.SECOND_FACTOR_ROLES = tuple(Role.values)
    client = Client()
    client.force_login(getattr(people, role))
    page = client.get("/account/2fa/").content.decode()
    assert "you need a second factor" in page
    assert "/account/2fa/webauthn/add/" in page
    assert "/account/2fa/totp/activate/" in page
    assert client.post("/account/logout/").status_code == 302


def test_a_demonstration_says_that_it_needs_none(people, organisation, settings):
    settings.SECOND_FACTOR_ROLES = tuple(Role.values)
    organisation.sample = True
    organisation.save()
    client = Client()
    client.force_login(people.lead)
    assert client.get("/desk/").status_code == 200
    assert "demonstration, where nobody needs a second factor" in client.get("/account/2fa/").content.decode()
