"""An import says what it would change, changes that, deletes nobody, and logs numbers alone."""

from __future__ import annotations

from datetime import UTC, datetime

from server import people_import
from server.people_file import read
from server.store.models import AuditDetail, AuditEntry, Person

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
FIRST = "account,name,group\nAnna@example.org,Anna Adams,learners\nben,Ben Brown,staff\ncarol,Carol,staff\n"
SECOND = "account,name,group\nanna@EXAMPLE.org,Anna Adams-Zed,learners\nben,Ben Brown,staff\ndave,Dave,\n"


def took(text):
    return people_import.apply(read(text.encode()), "command", NOW).counts


def test_new_changed_and_gone_are_told_before_and_done_after(database):
    assert took(FIRST) == {"new": 3, "changed": 0, "gone": 0, "unchanged": 0, "left_out": 0}
    told = people_import.preview(read(SECOND.encode()))
    assert [entry.account for entry in told.new] == ["dave"]
    (changed,) = told.changed
    assert (changed.entry.account, changed.what) == ("anna@EXAMPLE.org", ("sign-in name", "real name"))
    assert [person.account for person in told.gone] == ["carol"]
    assert Person.objects.count() == 3
    assert took(SECOND) == told.counts == {"new": 1, "changed": 1, "gone": 1, "unchanged": 1, "left_out": 0}
    assert took(SECOND) == {"new": 0, "changed": 0, "gone": 0, "unchanged": 3, "left_out": 0}


def test_who_is_gone_stays_with_their_name_and_may_come_back(database):
    took(FIRST)
    took(SECOND)
    carol = Person.objects.get(key="carol")
    assert (carol.name, carol.gone_at) == ("Carol", NOW)
    assert people_import.preview(read(FIRST.encode())).changed[-1].back
    took(FIRST)
    assert Person.objects.get(key="carol").gone_at is None


def test_whom_a_left_out_line_names_is_not_taken_for_gone(database):
    took(FIRST)
    counts = took(FIRST.replace("Ben Brown", "=Ben"))
    assert (counts["gone"], counts["unchanged"], counts["left_out"]) == (0, 2, 1)
    assert Person.objects.get(key="ben").name == "Ben Brown"


def test_half_a_file_is_noticed(database):
    took(FIRST)
    assert people_import.preview(read(b"account,name\nben,Ben Brown\n")).most_gone
    assert not people_import.preview(read(SECOND.encode())).most_gone


def test_the_log_has_the_numbers_and_no_name(database):
    took(FIRST)
    entry = AuditEntry.objects.get(action="people_imported")
    assert (entry.actor, entry.subject) == ("command", "people")
    assert AuditDetail.objects.get(entry=entry).text == "new=3 changed=0 gone=0 unchanged=0 left_out=0"
