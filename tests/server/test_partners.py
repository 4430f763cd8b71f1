"""The register says what each partner confirmed and what is due; every change is by the right people and on the log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from server import partners
from server.errors import NotAllowed, NotThere, WrongState
from server.partners import Details
from server.store.models import AuditDetail, AuditEntry, Partner, Person

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
TODAY = NOW.date()
FULL = Details("North College", "Dana Reed", "dana@north.example", TODAY, TODAY, TODAY)


def standing(**changes):
    Partner.objects.all().delete()
    partners.add(None, replace(FULL, **changes), NOW)
    (found,) = partners.register(NOW)
    return found


@pytest.mark.parametrize(
    ("changes", "state", "due_on"),
    [
        ({}, "in_date", date(2027, 11, 20)),
        ({"policy_on": date(2025, 12, 20)}, "soon", date(2026, 12, 20)),
        ({"policy_on": date(2025, 11, 19)}, "overdue", date(2026, 11, 19)),
        ({"policy_on": date(2025, 11, 19), "due_on": date(2027, 1, 1)}, "in_date", date(2027, 1, 1)),
        ({"due_on": date(2026, 11, 19)}, "overdue", date(2026, 11, 19)),
        ({"training_on": None}, "missing", date(2027, 11, 20)),
        ({"training_on": None, "policy_on": date(2020, 1, 1)}, "overdue", date(2021, 1, 1)),
        ({"agreement_on": None, "policy_on": None, "training_on": None}, "missing", None),
    ],
)
def test_what_is_due_follows_from_the_oldest_date_or_the_one_that_is_given(database, changes, state, due_on):
    found = standing(**changes)
    assert (found.state, found.due_on) == (state, due_on)


def test_what_wants_something_done_comes_first(database):
    partners.add(None, FULL, NOW)
    partners.add(None, replace(FULL, name="New", agreement_on=None), NOW)
    partners.add(None, replace(FULL, name="Late", due_on=date(2026, 1, 1)), NOW)
    assert [one.details.name for one in partners.register(NOW)] == ["Late", "New", "North College"]


def test_only_management_of_the_whole_organisation_and_the_officer_change_it(database, people):
    for user in (people.manager, people.dpo):
        kept = partners.add(user, replace(FULL, name=user.username), NOW)
        partners.change(user, kept.pk, replace(FULL, name=user.username, lead="Somebody"), LATER)
        partners.end(user, kept.pk, LATER)
    kept = partners.add(None, FULL, NOW)
    people.manager.groups = ["learners"]
    for user in (people.manager, people.it, people.lead):
        for act in (
            lambda user: partners.add(user, replace(FULL, name="Other"), NOW),
            lambda user: partners.change(user, kept.pk, FULL, NOW),
            lambda user: partners.end(user, kept.pk, NOW),
        ):
            with pytest.raises(NotAllowed):
                act(user)
    assert Partner.objects.get(pk=kept.pk).ended_at is None


def test_two_people_at_once_do_not_overwrite_each_other(database):
    kept = partners.add(None, FULL, NOW)
    partners.change(None, kept.pk, replace(FULL, lead="First"), LATER, seen=NOW)
    with pytest.raises(WrongState, match="since you looked"):
        partners.change(None, kept.pk, replace(FULL, lead="Second"), LATER, seen=NOW)
    assert partners.one(kept.pk, NOW).details.lead == "First"


def test_a_name_is_there_once_and_may_come_back(database):
    kept = partners.add(None, FULL, NOW)
    with pytest.raises(WrongState, match="North College is in the register already"):
        partners.add(None, replace(FULL, name=" NORTH  college"), NOW)
    other = partners.add(None, replace(FULL, name="South"), NOW)
    with pytest.raises(WrongState, match="another partner has this name"):
        partners.change(None, other.pk, replace(FULL, name="north college"), NOW)
    partners.end(None, kept.pk, NOW)
    assert partners.named("North College") is None
    with pytest.raises(NotThere):
        partners.one(kept.pk, NOW)
    assert partners.add(None, replace(FULL, lead="Back again"), LATER).pk == kept.pk


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "a partner needs a name"),
        ({"name": "x" * 201}, "the name must be at most 200 characters"),
        ({"lead": "a\u202eb"}, "the lead must be at most 200 characters on one line"),
        ({"policy_on": TODAY + timedelta(days=1)}, "the date of the policy must lie between 1990 and today"),
        ({"agreement_on": date(1926, 1, 1)}, "the date of the data-sharing agreement must lie"),
        ({"due_on": date(2126, 1, 1)}, "the next due date must lie"),
    ],
)
def test_what_can_not_be_is_refused_in_a_sentence(database, changes, words):
    with pytest.raises(WrongState, match=words):
        partners.add(None, replace(FULL, **changes), NOW)
    assert not Partner.objects.exists()


def test_the_log_has_ids_and_the_words_lie_apart(database, people):
    kept = partners.add(people.manager, FULL, NOW)
    partners.change(people.manager, kept.pk, replace(FULL, lead="Kim Lo"), LATER)
    partners.change(people.manager, kept.pk, replace(FULL, lead="Kim Lo"), LATER)
    partners.end(people.manager, kept.pk, LATER)
    lines = AuditEntry.objects.filter(action__startswith="partner").order_by("seq")
    assert [one.action for one in lines] == ["partner_added", "partner_changed", "partner_ended"]
    assert {one.subject for one in lines} == {f"partner:{kept.pk}"}
    assert AuditDetail.objects.get(entry=lines[1]).text == "lead=Kim Lo"


def test_partners_that_the_list_of_people_names_and_the_register_does_not_are_told(database):
    partners.add(None, FULL, NOW)
    for account, partner in (("a", "north college"), ("b", "South"), ("c", "")):
        Person.objects.create(account=account, key=account, name=account, partner=partner, changed_at=NOW)
    Person.objects.create(account="d", key="d", name="d", partner="West", changed_at=NOW, gone_at=NOW)
    assert partners.unregistered() == ["South"]
