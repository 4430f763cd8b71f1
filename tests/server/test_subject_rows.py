"""What is read of a person is theirs alone: every account of theirs, nobody else's rows, nobody else's name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from msgspec import structs

from server import audit, subject_rows
from server.errors import WrongState
from server.store.models import (
    Absence,
    BoardRecord,
    Device,
    NotifyChannel,
    Partner,
    Person,
    PersonMonth,
    TrainingRecord,
)

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def listed(account, name="Dee Canary", **more):
    return Person.objects.create(account=account, key=account.casefold(), name=name, changed_at=NOW, **more)


def used(device, account, seconds=60, count=1):
    rows = device.rows(count, person=device.person(account), seconds=seconds)
    assert device.send(device.totals(rows)).results == [("stored", None)]


def test_all_accounts_of_a_listed_person_are_found_and_nobody_elses(people, device):
    listed("dee@brightpath.example")
    listed("eve@brightpath.example", "Eve")
    for account in (r"AzureAD\dee@brightpath.example", "dee", "Dee@Brightpath.example", "eve", "d.ee", "stranger"):
        used(device, account)
    found = subject_rows.find("dee")
    assert set(found.accounts) == {
        "dee",
        "dee@brightpath.example",
        "Dee@Brightpath.example",
        r"AzureAD\dee@brightpath.example",
    }
    assert found.person.name == "Dee Canary"
    assert {row["account"] for row in subject_rows.usage(found)} <= set(found.accounts)
    assert len(subject_rows.usage(found)) == 3


def test_an_account_on_no_list_is_that_account_alone(people, device):
    listed("dee@brightpath.example")
    for account in ("guest", "GUEST", "guest@elsewhere.example", "dee"):
        used(device, account)
    assert subject_rows.find("guest").accounts == ("GUEST", "guest")


def test_a_name_that_could_be_several_peoples_is_refused(people, device):
    listed("anna@one.example")
    listed("anna@two.example")
    used(device, "anna")
    with pytest.raises(WrongState, match="several people"):
        subject_rows.find("anna")
    assert subject_rows.find("anna@one.example").accounts == ("anna@one.example",)


def test_totals_say_day_device_and_thing_and_paper_adds_them_up(people, device):
    used(device, "dee", count=2)
    used(device, "eve", seconds=999)
    found = subject_rows.find("dee")
    rows = subject_rows.usage(found)
    assert [(row["day"], row["kind"], row["name"], row["seconds"]) for row in rows] == [
        (date(2026, 11, 20), "host", "s0.example", 60),
        (date(2026, 11, 20), "host", "s1.example", 60),
    ]
    (short,) = subject_rows.usage_by_day(rows)
    assert (short["seconds"], short["visits"], short["name"]) == (120, 2, "s0.example, s1.example")
    (on,) = subject_rows.devices(found)
    assert on["device"] == Device.objects.get(pk=device.id).name
    assert (on["first_on"], on["last_on"]) == (date(2026, 11, 20), date(2026, 11, 20))


def test_an_app_that_a_phone_likely_used_is_named_as_people_know_it(people, device):
    row = device.rows(1, person=device.person("dee"))[0]
    named = structs.replace(row, kind="app", category="social_networking", name="service:tiktok")
    assert device.send(device.totals([named])).results == [("stored", None)]
    rows = subject_rows.usage(subject_rows.find("dee"))
    assert [row["name"] for row in rows] == ["TikTok (likely app use)"]
    assert [row["name"] for row in subject_rows.usage_by_day(rows)] == ["TikTok (likely app use)"]


def test_training_partner_and_sign_in_rows_are_theirs(people):
    person = listed("deputy@brightpath.example", "Priya Nair", group="staff")
    for account in ("deputy@brightpath.example", "lead@brightpath.example"):
        TrainingRecord.objects.create(
            key=account, account=account, course_key="prevent", course="Prevent", done_on=date(2026, 1, 2)
        )
    for name, lead in (("North", "Priya Nair"), ("South", "Somebody Else")):
        Partner.objects.create(name=name, key=name.casefold(), lead=lead, contact="Third Party", changed_at=NOW)
    for user in (people.deputy, people.lead):
        NotifyChannel.objects.create(user=user, label=f"of {user.username}", url="tgram://secret/1", added_at=NOW)
        Absence.objects.create(user=user, first_day=date(2026, 5, 1), last_day=date(2026, 5, 2), entered_at=NOW)
    found = subject_rows.find("deputy@brightpath.example")
    assert found.users == (people.deputy,)
    assert [row["name"] for row in subject_rows.people(found)] == [person.name]
    assert [row["account"] for row in subject_rows.training(found)] == ["deputy@brightpath.example"]
    (partner,) = subject_rows.partners(found)
    assert (partner["partner"], partner["lead"], partner["contact"]) == ("North", "Priya Nair", "")
    facts = {(row["what"], row["words"]) for row in subject_rows.accounts(found)}
    assert ("further way to be told", "of deputy") in facts
    assert ("e-mail address", "deputy@brightpath.example") in facts
    assert not any("secret" in str(words) or "of lead" in str(words) for _, words in facts)
    assert len(subject_rows.absences(found)) == 1


def test_what_the_board_recorded_is_theirs_where_it_names_them_or_is_of_their_hand(people):
    listed("deputy@brightpath.example", "Priya Nair", group="staff")
    kinds = BoardRecord.Kind
    for kind, text, present, by in (
        (kinds.SENIOR_LEADER, "Priya Nair", "", people.manager),
        (kinds.GOVERNOR, "Somebody Else", "", people.manager),
        (kinds.DECISION, "Agreed with Third Party", "Third Party, Priya Nair", people.manager),
        (kinds.POINT, "Shall we?", "", people.deputy),
    ):
        BoardRecord.objects.create(kind=kind, text=text, people=present, by=by, at=NOW)
    rows = subject_rows.board(subject_rows.find("deputy@brightpath.example"))
    assert [(row["kind"], row["named"], row["wrote"]) for row in rows] == [
        ("senior leader", True, False), ("decision of the board", True, False), ("open decision", False, True)
    ]  # fmt: skip
    assert "Party" not in str(rows)


def test_log_lines_leave_other_people_and_cases_out(people, lead_key, deputy_key):
    incident, of = uuid4(), audit.actor_of
    audit.write(of(people.it), "user_added", of(people.deputy), "role deputy")
    audit.write(of(people.lead), "incident_assigned", f"incident:{incident} {of(people.deputy)}")
    audit.write(of(people.deputy), "incident_assigned", f"incident:{incident} {of(people.lead)}", "words of others")
    audit.write(of(people.deputy), "cases_shared", f"key:{lead_key.key_id}", "3 cases")
    audit.write(of(people.lead), "cases_shared", f"key:{deputy_key.key_id}")
    audit.write(of(people.lead), "evidence_released", f"incident:{incident}")
    audit.write(of(people.lead), "incident_assigned", f"incident:{incident} {of(people.lead)}")
    found = subject_rows.find("deputy@brightpath.example")
    lines = [(row["by"], row["done"], row["about"]) for row in subject_rows.audit_lines(found)]
    assert lines == [
        ("somebody else", "user_added", "this person"),
        ("somebody else", "incident_assigned", "a case this person"),
        ("this person", "incident_assigned", "a case somebody else"),
        ("this person", "cases_shared", "somebody else"),
        ("somebody else", "cases_shared", f"key:{deputy_key.key_id}"),
    ]
    assert [row["words"] for row in subject_rows.details(found)] == ["role deputy"]


def test_who_signs_in_nowhere_has_no_lines(people):
    audit.write(audit.actor_of(people.lead), "signed_in", audit.actor_of(people.lead))
    assert subject_rows.audit_lines(subject_rows.find("dee")) == []
    assert not PersonMonth.objects.exists()
