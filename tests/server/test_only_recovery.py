"""A case that nobody here may open is told to the data protection officer alone, and named to nobody else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from server import only_recovery
from server.store.models import Incident, OutboxMessage, User

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.fixture
def recovery(people, new_lead_key):
    """A key on no account: of a person who left, as the collector can't tell it from the recovery key."""
    gone = User.objects.create(username="gone", role="lead", is_active=False)
    return new_lead_key(gone)


def told():
    return [(one.user.username, one.subject) for one in OutboxMessage.objects.select_related("user") if one.user]


def send(device, *keys, urgent=True):
    reply = device.send(device.alert(*keys, urgent=urgent))
    assert reply.results == [("stored", None)]
    return Incident.objects.latest("received_at")


def test_the_data_protection_officer_is_told_once_and_nobody_else_even_of_an_urgent_one(
    database, people, device, new_lead_key, recovery
):
    new_lead_key(people.lead)
    case = send(device, recovery)
    only_recovery.recorded(case, NOW)
    assert told() == [("dpo", "Fairwatch: a case waits for the recovery key")]
    assert not OutboxMessage.objects.exclude(user=people.dpo).exists()
    (waiting,) = only_recovery.waiting()
    assert (waiting.reference, waiting.urgent) == (case.reference, True)
    body = OutboxMessage.objects.get(user=people.dpo).body
    assert case.reference in body
    assert "laptop-01" not in body
    assert "staff" not in body


def test_a_case_that_somebody_may_open_does_not_wait(database, people, device, new_lead_key, recovery):
    lead = new_lead_key(people.lead)
    send(device, lead, recovery)
    assert only_recovery.waiting() == []
    assert ("dpo", "Fairwatch: a case waits for the recovery key") not in told()
    # The lead leaves: from then on it does.
    User.objects.filter(pk=people.lead.pk).update(is_active=False)
    assert len(only_recovery.waiting()) == 1


def test_a_partners_lead_who_is_not_for_the_group_is_nobody_for_the_case(database, people, device, new_lead_key):
    partner = new_lead_key(people.partner)
    case = send(device, partner)
    assert [one.reference for one in only_recovery.waiting()] == [case.reference]
    case.recipients.update(handed_over=True)
    assert only_recovery.waiting() == []


@pytest.mark.parametrize("role", ["lead", "deputy", "partner", "it", "manager", "dpo"])
def test_only_the_data_protection_officers_page_shows_it(database, people, device, new_lead_key, recovery, role):
    for user in (people.lead, people.deputy, people.partner):
        new_lead_key(user)
    case = send(device, recovery)
    client = Client()
    client.force_login(getattr(people, role))
    for address in ("/desk/", "/desk/?state=closed", "/devices/", "/people/", "/summary/", "/audit/"):
        page = client.get(address).content.decode()
        shown = role == "dpo" and address == "/audit/"
        assert (case.reference in page) == shown
        assert ("Waiting for the recovery key" in page) == shown
