"""IT's page of messages: it says what is wrong with the mail, and not one byte of it changes with a case."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from server import delivery, mail_check, notify
from server.notify_config import Contact
from server.store.models import OutboxMessage, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def it(people):
    client = Client()
    client.force_login(people.it)
    return client


def shown(client) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", client.get("/messages/").content.decode())


def test_without_a_mail_server_it_says_that_nobody_is_reached(it):
    page = shown(it)
    assert "not set up" in page
    assert "There is no out-of-hours contact" in page


def test_the_button_asks_and_the_page_says_what_is_wrong(it, people, settings, use_mail, post):
    use_mail(
        settings, post, contacts=(Contact("Night service", "ntfys://x.example/SECRET"), Contact("Old", "odd://SECRET"))
    )
    assert "not asked yet" in shown(it)
    assert it.post("/messages/check").status_code == 302
    assert "working" in shown(it)
    post.refuses = {people.deputy.email}
    User.objects.filter(pk=people.lead.pk).update(email="")
    it.post("/messages/check")
    page = shown(it)
    assert "address refused" in page
    assert "no address" in page
    assert "SECRET" not in page
    settings.EMAIL_PORT = 1
    it.post("/messages/check")
    assert "nobody answers at that host and port" in shown(it)


def test_no_byte_changes_with_a_case_even_when_its_message_fails(it, new_incident, lead_key, settings, use_mail, post):
    use_mail(settings, post)
    now = datetime.now(UTC)
    mail_check.check(now)
    before = shown(it)
    post.answers = ["550 no"] * 3
    notify.incident_recorded(new_incident(lead_key), now)
    delivery.deliver_due(now)
    assert OutboxMessage.objects.get().fault == "refused"
    assert shown(it) == before
