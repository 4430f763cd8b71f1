"""The card's page: the lead writes it, the deputy reads it."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from server.store.models import UrgentCard

pytestmark = pytest.mark.django_db


def _client(user):
    client = Client()
    client.force_login(user)
    return client


def test_the_lead_changes_the_card_and_it_stands_with_urgent_cases(people, case):
    body = json.dumps({"text": "Ring 999.\n<b>Ring Amira</b> on 01632 960000."})
    answer = _client(people.lead).post("/desk/data/card", body, content_type="application/json")
    assert answer.json() == {"steps": ["Ring 999.", "<b>Ring Amira</b> on 01632 960000."]}
    page = _client(people.lead).get(f"/desk/incidents/{case}/").content.decode()
    assert "&lt;b&gt;Ring Amira&lt;/b&gt; on 01632 960000." in page


def test_the_deputy_reads_it_and_is_offered_no_form(people):
    page = _client(people.deputy).get("/desk/card/").content.decode()
    assert "Ring 999" in page
    assert "card-text" not in page
    answer = _client(people.deputy).post("/desk/data/card", '{"text": "x"}', content_type="application/json")
    assert answer.status_code == 403
    assert not UrgentCard.objects.exists()


@pytest.mark.parametrize(("text", "status"), [("", 409), ("x" * 4001, 409), (None, 400)])
def test_a_card_that_is_none_is_refused_in_words(people, text, status):
    answer = _client(people.lead).post("/desk/data/card", json.dumps({"text": text}), content_type="application/json")
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")
