"""IT's pages of accounts: what they do needs a fresh sign-in, and a refusal is said where it was asked."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from server.store.models import User

pytestmark = pytest.mark.django_db
NEW = {"username": "noor", "name": "Noor Ali", "email": "noor@brightpath.example", "role": "deputy"}


@pytest.fixture
def it(people):
    client = Client()
    client.post("/account/login/", {"login": "it", "password": people.PASSWORD})
    return client


def test_a_forgotten_open_screen_changes_nothing(people):
    client = Client()
    client.force_login(people.it)  # as a session whose sign-in is long ago
    answer = client.post("/accounts/add", NEW)
    assert answer.url.startswith("/account/reauthenticate/")
    assert not User.objects.filter(username="noor").exists()


def test_it_adds_and_invites_and_without_a_mail_server_gets_the_link_once(it, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    page = it.post("/accounts/add", NEW).content.decode()
    link = re.search(r"http://localhost:8460(/account/invitation/[^<\s]+)", page)[1]
    assert Client().get(link).status_code == 200
    assert "/account/invitation/" not in it.get(f"/accounts/{User.objects.get(username='noor').pk}/").content.decode()


def test_with_a_mail_server_the_link_goes_to_the_person_alone(it, mailoutbox):
    answer = it.post("/accounts/add", NEW)
    assert answer.status_code == 302
    to = {mail.to[0]: mail.body for mail in mailoutbox}
    assert "/account/invitation/" in to["noor@brightpath.example"]
    assert "/account/invitation/" not in to["dpo@brightpath.example"]
    assert "/account/invitation/" not in it.get(answer.url).content.decode()


def test_a_refusal_is_said_on_the_page_it_came_from(it, people):
    answer = it.post(f"/accounts/{people.it.pk}/close")
    assert answer.status_code == 409
    assert "can’t close your own account" in answer.content.decode().replace("&#x27;", "’")
    again = it.post("/accounts/add", {**NEW, "username": "lead"}, follow=True).content.decode()
    assert "The user name lead is taken." in again


def test_the_list_says_who_has_a_second_factor_and_a_signed_key_and_nothing_of_cases(it, people, lead_key):
    page = it.get("/accounts/").content.decode()
    assert "waits for the custodians" in page
    assert "incident" not in page.lower()
    for user in people:
        assert user.email in page


def test_every_change_works_from_its_form(it, people):
    pk = people.manager.pk
    fields = {"name": "Chris", "email": "chris@brightpath.example", "role": "manager"}
    for change, given in (
        ("change", fields), ("invite", {}), ("withdraw", {}), ("close", {}), ("reopen", {}), ("reset", {}),
        ("disconnect", {}),
    ):  # fmt: skip
        assert it.post(f"/accounts/{pk}/{change}", given).status_code == 302, change
    assert User.objects.get(pk=pk).display_name == "Chris"
