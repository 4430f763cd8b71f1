"""Accounts as devices name them lead to the listed person, and to nobody where it could be two."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server import directory_index
from server.store.models import Person

pytestmark = pytest.mark.django_db


def listed(*accounts, group=""):
    for account in accounts:
        Person.objects.create(
            account=account, key=account.casefold(), name="N", group=group, changed_at=datetime(2026, 10, 1, tzinfo=UTC)
        )


def test_the_same_name_in_any_form_is_the_same_person():
    listed("amira@example.org")
    who = directory_index.who()
    assert who("amira") == who("AMIRA@example.org") == who("amira@EXAMPLE.org")


def test_another_domain_is_another_person():
    listed("amira@example.org")
    assert directory_index.who()("amira@elsewhere.example") is None


def test_a_bare_name_that_could_be_two_people_is_nobody_and_the_whole_one_is_found():
    listed("amira@example.org", "amira@college.example")
    who = directory_index.who()
    assert who("amira") is None
    assert who("amira@college.example") is not None


def test_who_is_not_listed_is_nobody():
    listed("amira@example.org")
    assert directory_index.who()("ben") is None


def test_the_imported_group_does_not_count_in_figures():
    listed("amira@example.org", group="staff")
    assert directory_index.who()("amira").group is None
