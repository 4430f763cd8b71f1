"""The page of an invitation: opened by scanners it changes nothing; a weak password is refused and the link stays."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from server import invitations
from server.store.models import Invitation

pytestmark = pytest.mark.django_db
GOOD = {"password1": "seven quiet lamps at sea", "password2": "seven quiet lamps at sea"}


@pytest.fixture
def path(people):
    return invitations.invite(people.manager, people.it, datetime.now(UTC)).removeprefix("http://localhost:8460")


def test_opening_it_often_uses_nothing_up(path, people):
    for method in ("GET", "HEAD", "GET"):
        assert Client().generic(method, path).status_code == 200
    client = Client()
    assert client.post(path, GOOD).status_code == 302
    assert client.get("/summary/").status_code == 200
    assert Client().get(path).status_code == 410
    assert Client().post(path, GOOD).status_code == 410


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"password1": "short", "password2": "short"},
        {"password1": "seven quiet lamps", "password2": "seven quiet lamp"},
        {"password1": "password1234", "password2": "password1234"},
        {"credential": "{}"},
        {"credential": "no json"},
        {"credential": '{"id": "x", "response": {}}'},
    ],
)
def test_what_will_not_do_is_said_and_the_link_stays_good(path, people, fields):
    client = Client()
    client.get(path)
    answer = client.post(path, fields)
    assert answer.status_code == 200
    assert b'role="alert"' in answer.content or b"errorlist" in answer.content
    assert Invitation.objects.get().used_at is None
    assert client.get("/summary/").status_code == 302


def test_whoever_else_uses_this_browser_is_signed_out_first(path, people):
    client = Client()
    client.force_login(people.lead)
    client.post(path, GOOD)
    assert client.session["_auth_user_id"] == str(people.manager.pk)


def test_an_address_may_not_try_links_without_end(people):
    answers = [Client().get(f"/account/invitation/guess{one}/").status_code for one in range(122)]
    assert answers == [410] * 120 + [429] * 2
