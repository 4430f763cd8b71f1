"""An import of training dates says what it would change, does it all or not at all, and logs numbers alone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from server import training_import
from server.errors import ImportRefused
from server.store.models import AuditDetail, AuditEntry, Person, TrainingRecord
from server.training_file import read

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
FIRST = "account,course,done,due\nAnna,Prevent,2026-01-31,\nben,Prevent,2026-02-01,2027-02-01\n"
SECOND = "account,course,done,due\nanna,prevent,2026-01-31,2027-06-01\ncarol,Safeguarding,2026-03-01,\n"


def given(text):
    return read(text.encode(), NOW.date())


def took(text, *, whole=False):
    return training_import.apply(given(text), "command", NOW, whole=whole).counts


def test_what_would_change_is_told_before_and_done_after(database):
    assert took(FIRST) == {"new": 2, "changed": 0, "gone": 0, "unchanged": 0}
    told = training_import.preview(given(SECOND), whole=False)
    assert [entry.account for entry in told.new] == ["carol"]
    ((row, entry),) = told.changed
    assert (row.account, row.due_on, entry.due_on) == ("Anna", None, date(2027, 6, 1))
    assert [(one.name, one.new) for one in told.courses] == [("prevent", False), ("Safeguarding", True)]
    assert TrainingRecord.objects.count() == 2
    assert took(SECOND) == told.counts == {"new": 1, "changed": 1, "gone": 0, "unchanged": 0}
    assert took(SECOND) == {"new": 0, "changed": 0, "gone": 0, "unchanged": 2}
    assert TrainingRecord.objects.count() == 3


def test_only_a_whole_register_takes_dates_out_and_half_of_one_is_noticed(database):
    took(FIRST)
    took(SECOND)
    told = training_import.preview(given(SECOND), whole=True)
    assert [row.key for row in told.gone] == ["ben"]
    assert not told.most_gone
    assert training_import.preview(given("account,course,done\neve,Prevent,2026-01-01\n"), whole=True).most_gone
    assert took(SECOND, whole=True)["gone"] == 1
    assert not TrainingRecord.objects.filter(key="ben").exists()


def test_accounts_that_the_list_of_people_does_not_have_are_told(database):
    Person.objects.create(account="anna@example.org", key="anna@example.org", name="Anna Adams", changed_at=NOW)
    assert training_import.preview(given(FIRST), whole=False).strangers == ("ben",)


def test_a_file_with_a_wrong_line_changes_nothing(database):
    with pytest.raises(ImportRefused):
        took(f"{FIRST}dave,Prevent,2026-02-30,\n")
    assert not TrainingRecord.objects.exists()


def test_the_log_has_the_numbers_and_no_name(database):
    took(FIRST)
    entry = AuditEntry.objects.get(action="training_imported")
    assert (entry.actor, entry.subject) == ("command", "training")
    assert AuditDetail.objects.get(entry=entry).text == "new=2 changed=0 gone=0 unchanged=0"
