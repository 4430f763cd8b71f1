"""An account has one id a month, the same on all of its devices."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection

from protocol.errors import Refused
from protocol.messages import PeopleQuestion
from server import people as module
from server.store.models import PersonMonth

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _ask(month, *accounts, now=NOW):
    return module.answer(PeopleQuestion(1, month, accounts), now).ids


def test_an_account_keeps_its_id_for_the_month_and_has_another_in_the_next(database, organisation):
    november = _ask("2026-11", "amira", "ben", "amira")
    assert _ask("2026-11", "amira")["amira"] == november["amira"]
    assert _ask("2026-12", "amira")["amira"] != november["amira"]
    assert november["amira"] != november["ben"]


def test_an_id_tells_nothing_of_the_account(database, organisation):
    assert _ask("2026-11", "amira")["amira"].version == 4


def test_devices_that_ask_at_once_are_given_the_same_ids(database, organisation):
    start, answers = threading.Barrier(4), []

    def ask():
        start.wait()
        answers.append(_ask("2026-11", "amira", "ben"))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answers[0]] * 4
    assert PersonMonth.objects.count() == 2


@pytest.mark.parametrize("month", ["2027-01", "2025-09", "0001-01", "9999-12"])
def test_a_month_that_is_far_off_is_refused(database, organisation, month):
    with pytest.raises(Refused, match="malformed"):
        _ask(month, "amira")
    assert not PersonMonth.objects.exists()


def test_the_month_is_that_of_the_organisations_zone(database, organisation):
    organisation.timezone = "Pacific/Auckland"
    organisation.save()
    last_hours = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)  # already December in Auckland
    assert _ask("2027-01", "amira", now=last_hours)


@pytest.mark.parametrize("account", ["", "a\0b"])
def test_an_account_name_that_is_none_is_refused(database, organisation, account):
    with pytest.raises(Refused, match="malformed"):
        _ask("2026-11", account)
