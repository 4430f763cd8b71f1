"""A closed account loses its address and ways to be told after its period, and goes when nothing is theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server import account_care, retention
from server.store.models import NotifyChannel, User

CLOSED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AFTER = CLOSED + timedelta(days=401)


def test_who_left_nothing_behind_is_deleted(database, people):
    account_care.close(people.it, people.manager.pk, CLOSED)
    retention.delete_what_is_over(CLOSED + timedelta(days=400))
    assert User.objects.get(pk=people.manager.pk).email
    assert retention.delete_what_is_over(AFTER)["accounts"] == 1
    assert not User.objects.filter(pk=people.manager.pk).exists()
    assert retention.delete_what_is_over(AFTER)["accounts"] == 0


def test_whose_key_or_case_is_there_keeps_a_name_and_loses_the_rest(database, people, lead_key):
    NotifyChannel.objects.create(user=people.lead, label="phone", url="sms://x", added_at=CLOSED)
    account_care.close(people.it, people.lead.pk, CLOSED)
    assert retention.delete_what_is_over(AFTER)["accounts"] == 1
    left = User.objects.get(pk=people.lead.pk)
    assert left.display_name
    assert left.email == ""
    assert not left.has_usable_password()
    assert not NotifyChannel.objects.exists()
    assert retention.delete_what_is_over(AFTER)["accounts"] == 0


def test_an_account_that_was_opened_again_is_left_alone(database, people):
    account_care.close(people.it, people.manager.pk, CLOSED)
    account_care.reopen(people.it, people.manager.pk, CLOSED)
    assert retention.delete_what_is_over(AFTER)["accounts"] == 0
    assert User.objects.get(pk=people.manager.pk).email
