"""Leads see real names, each of the groups that they are for; no other role does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server import directory
from server.errors import NotAllowed
from server.store.models import Person

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def imported(device):
    rows = (("anna@example.org", "Anna Adams", "learners"), ("ben@example.org", "Ben Brown", "staff"), ("c", "C", ""))
    for account, name, group in rows:
        Person.objects.create(account=account, key=account, name=name, group=group, changed_at=NOW)


def names(user):
    return [one.name for one in directory.shown_to(user)]


def test_a_lead_and_a_deputy_see_all_and_a_partners_lead_only_their_group(people, imported):
    assert names(people.lead) == names(people.deputy) == ["Anna Adams", "Ben Brown", "C"]
    assert names(people.partner) == ["Anna Adams"]


@pytest.mark.parametrize("role", ["it", "manager", "dpo"])
def test_nobody_else_sees_one(role, people, imported):
    with pytest.raises(NotAllowed):
        directory.shown_to(getattr(people, role))


def test_a_lead_who_was_disabled_sees_none(people, imported):
    people.lead.is_active = False
    with pytest.raises(NotAllowed):
        directory.shown_to(people.lead)


def test_the_policys_pattern_counts_before_what_was_imported(people, imported, monkeypatch):
    monkeypatch.setattr("server.policy_in_force.group_of", {"ben@example.org": "learners"}.get)
    assert names(people.partner) == ["Anna Adams", "Ben Brown"]
