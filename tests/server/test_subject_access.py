"""Requests for data: who writes them down, by when they are due, and what stands in the log."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from server import retention, subject_access
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditDetail, AuditEntry, OutboxMessage, Person, SubjectRequest

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
TODAY = NOW.date()


def ask(officer, account="Dee@brightpath.example", on=TODAY, now=NOW):
    return subject_access.start(officer, account, "known", on, now)


@pytest.mark.parametrize(
    ("day", "months", "after"),
    [
        (date(2026, 11, 20), 1, date(2026, 12, 20)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2027, 12, 31), 1, date(2028, 1, 31)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
    ],
)
def test_a_month_is_a_calendar_month(day, months, after):
    assert subject_access.months_after(day, months) == after


def test_a_request_is_due_in_a_month_and_the_log_names_nobody(database, people):
    made = ask(people.dpo)
    assert made.due_on == date(2026, 12, 20)
    line = AuditEntry.objects.get(action="subject_request_started")
    assert line.subject == f"subject_request:{made.pk}"
    assert not AuditDetail.objects.exists()
    with pytest.raises(WrongState, match="an open request for this account"):
        ask(people.dpo, "DEE@brightpath.example")
    subject_access.close(people.dpo, made.pk, "answered", NOW)
    assert ask(people.dpo).pk != made.pk


@pytest.mark.parametrize(
    ("account", "identity", "on", "words"),
    [
        (" ", "known", TODAY, "write the account"),
        ("d\0", "known", TODAY, "write the account"),
        ("d" * 201, "known", TODAY, "write the account"),
        ("dee", "guessed", TODAY, "how you know who asks"),
        ("dee", "known", TODAY + timedelta(days=1), "within the last year"),
        ("dee", "known", TODAY - timedelta(days=400), "within the last year"),
        ("anna", "known", TODAY, "several people may have this account"),
    ],
)
def test_odd_requests_are_refused_in_words(people, account, identity, on, words):
    for domain in ("one.example", "two.example"):
        Person.objects.create(account=f"anna@{domain}", key=f"anna@{domain}", name="Anna", changed_at=NOW)
    with pytest.raises(WrongState, match=words):
        subject_access.start(people.dpo, account, identity, on, NOW)
    assert not SubjectRequest.objects.exists()


def test_only_the_officer_handles_requests(people):
    made = ask(people.dpo)
    for user in people:
        if user == people.dpo:
            continue
        for act in (
            lambda user=user: ask(user, "other"),
            lambda user=user: subject_access.extend(user, made.pk, "complex", NOW),
            lambda user=user: subject_access.close(user, made.pk, "answered", NOW),
            lambda user=user: subject_access.listing(user, NOW),
            lambda user=user: subject_access.one(user, made.pk),
        ):
            with pytest.raises(NotAllowed):
                act()


def test_the_time_is_extended_once_and_only_within_the_first_month(people):
    made = ask(people.dpo)
    with pytest.raises(WrongState, match="why it takes longer"):
        subject_access.extend(people.dpo, made.pk, "lazy", NOW)
    with pytest.raises(WrongState, match="first month is over"):
        subject_access.extend(people.dpo, made.pk, "complex", NOW + timedelta(days=31))
    subject_access.extend(people.dpo, made.pk, "complex", NOW + timedelta(days=30))
    assert subject_access.one(people.dpo, made.pk).due_on == date(2027, 2, 20)
    with pytest.raises(WrongState, match="only once"):
        subject_access.extend(people.dpo, made.pk, "complex", NOW)
    with pytest.raises(WrongState, match="how the request ended"):
        subject_access.close(people.dpo, made.pk, "lost", NOW)
    subject_access.close(people.dpo, made.pk, "withdrawn", NOW)
    with pytest.raises(WrongState, match="is closed"):
        subject_access.close(people.dpo, made.pk, "answered", NOW)
    with pytest.raises(NotThere):
        subject_access.extend(people.dpo, uuid4(), "complex", NOW)


def test_the_list_says_what_presses_and_the_officer_is_told_once(people):
    late, soon = (
        ask(people.dpo, "late", TODAY - timedelta(days=40)),
        ask(people.dpo, "soon", TODAY - timedelta(days=28)),
    )
    ask(people.dpo, "new")
    done = ask(people.dpo, "done", TODAY - timedelta(days=90))
    subject_access.close(people.dpo, done.pk, "answered", NOW)
    told = [(one.request.account, one.late, one.soon) for one in subject_access.listing(people.dpo, NOW)]
    assert told == [("late", True, False), ("soon", False, True), ("new", False, False), ("done", False, False)]
    for _ in range(2):
        subject_access.tell_of_due(NOW)
    sent = OutboxMessage.objects.filter(user=people.dpo)
    assert sent.count() == 2
    assert not any(name in one.body for one in sent for name in (late.account + "@", "soon@"))
    assert f"{soon.due_on:%-d %B %Y}" in " ".join(one.body for one in sent)


def test_a_closed_request_goes_when_its_period_is_over_and_an_open_one_stays(database, people, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    ask(people.dpo, "open")
    subject_access.close(people.dpo, ask(people.dpo, "closed").pk, "answered", NOW)
    assert retention.delete_what_is_over(NOW + timedelta(days=1094))["requests"] == 0
    assert retention.delete_what_is_over(NOW + timedelta(days=1096))["requests"] == 1
    assert SubjectRequest.objects.get().account == "open"


@pytest.mark.parametrize("account", ["dpo", "DPO@brightpath.example", r"CORP\dpo", "d.officer@other.example"])
def test_in_doubt_a_request_is_the_officers_own(people, account):
    people.dpo.email = "d.officer@other.example" if "officer" in account else people.dpo.email
    people.dpo.save()
    assert subject_access.is_about(people.dpo, SubjectRequest(account=account))
    assert not subject_access.is_about(people.dpo, SubjectRequest(account="dee"))


def test_the_command_finds_the_open_request_of_an_account(people):
    made = ask(people.dpo)
    assert subject_access.open_one(" dee@BRIGHTPATH.example") == made
    subject_access.close(people.dpo, made.pk, "answered", NOW)
    with pytest.raises(NotThere, match="the data protection officer starts one"):
        subject_access.open_one("dee@brightpath.example")
