"""Every lead is asked, but never whom it is about; decisions are kept, and only the officer sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from protocol import sealing
from protocol.messages import encode
from protocol.publication import Recipient, RecipientList
from server import subject_decisions
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditDetail, AuditEntry, OutboxMessage, Person, SubjectDecision

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
TODAY = NOW.date()
SOON = TODAY + timedelta(days=90)


@pytest.fixture
def team(people, lead_key, deputy_key, new_lead_key, tmp_path, monkeypatch):
    """Lead and deputy on the signed list, the deputy's account on devices being `priya`; the partner's lead is not."""
    new_lead_key(people.partner)
    recovery = sealing.public_of(bytes(range(64)))
    rows = (
        Recipient(lead_key.key_id, lead_key.public, "lead", "Lead"),
        Recipient(deputy_key.key_id, deputy_key.public, "deputy", "Deputy", (), (r"CORP\priya",)),
        Recipient(sealing.key_id(recovery), recovery, "recovery", "Recovery"),
    )
    folder = tmp_path / "rules" / "targets" / "recipients"
    folder.mkdir(parents=True)
    (folder / "1.recipients.json").write_bytes(encode(RecipientList(1, True, rows)))
    monkeypatch.setattr("django.conf.settings.RULES_DIR", tmp_path / "rules")
    return people


def ask(team, account="dee"):
    return subject_decisions.start(team.dpo, account, "known", TODAY, NOW)


def test_every_lead_of_the_signed_list_is_asked_in_a_message_that_names_nobody(team):
    request = ask(team)
    assert subject_decisions.asked_leads(request) == [team.lead, team.deputy]
    sent = OutboxMessage.objects.all()
    assert {one.user for one in sent} == {team.lead, team.deputy}
    assert not any("dee" in one.subject + one.body for one in sent)
    assert [one for one, _ in subject_decisions.listing(team.lead)] == [request]
    assert subject_decisions.listing(team.partner) == []


@pytest.mark.parametrize("account", ["priya", r"corp\Priya", "deputy@brightpath.example"])
def test_whom_a_request_is_about_is_neither_asked_nor_told_nor_lets_anything_in(team, account):
    request = ask(team, account)
    assert subject_decisions.asked_leads(request) == [team.lead]
    assert {one.user for one in OutboxMessage.objects.all()} == {team.lead}
    assert subject_decisions.listing(team.deputy) == []
    with pytest.raises(NotThere):
        subject_decisions.for_lead(team.deputy, request.pk)
    with pytest.raises(NotThere):
        subject_decisions.decide(team.deputy, request.pk, "nothing", "", None, NOW)


def test_a_decision_is_kept_and_the_officer_sees_ground_and_day_and_the_log_neither(team):
    request = ask(team)
    assert not subject_decisions.is_decided(request)
    subject_decisions.decide(team.lead, request.pk, "withhold", "harm", SOON, NOW)
    assert subject_decisions.is_decided(request)
    assert not subject_decisions.releases(request)
    first, second = subject_decisions.answers(team.dpo, request)
    assert (first.lead, first.decision.what, first.decision.ground, first.decision.review_on) == (
        team.lead,
        "withhold",
        "harm",
        SOON,
    )
    assert (second.lead, second.decision) == (team.deputy, None)
    line = AuditEntry.objects.get(action="subject_decided")
    assert (line.actor, line.subject) == (f"user:{team.lead.pk}", f"subject_request:{request.pk}")
    assert not AuditDetail.objects.exists()


def test_a_later_decision_counts_and_the_earlier_one_stays(team):
    request = ask(team)
    subject_decisions.decide(team.lead, request.pk, "withhold", "harm", SOON, NOW)
    subject_decisions.decide(team.lead, request.pk, "release", "harm", SOON, NOW + timedelta(hours=1))
    _, newest = subject_decisions.for_lead(team.lead, request.pk)
    assert (newest.what, newest.ground, newest.review_on) == ("release", "", None)
    assert subject_decisions.releases(request)
    assert SubjectDecision.objects.count() == 2


def test_an_officer_learns_nothing_of_their_own_request(team):
    request = ask(team, "dpo@brightpath.example")
    subject_decisions.decide(team.lead, request.pk, "withhold", "crime", SOON, NOW)
    with pytest.raises(NotAllowed):
        subject_decisions.answers(team.dpo, request)


def test_nor_by_another_account_of_the_same_listed_person(team):
    Person.objects.create(account="dpo@brightpath.example", key="dpo@brightpath.example", name="D", changed_at=NOW)
    with pytest.raises(NotAllowed):
        subject_decisions.answers(team.dpo, ask(team, r"AzureAD\dpo@brightpath.example"))


def test_other_roles_neither_see_nor_decide(team):
    request = ask(team)
    for user in (team.it, team.manager, team.lead):
        with pytest.raises(NotAllowed):
            subject_decisions.answers(user, request)
    for user in (team.it, team.manager, team.dpo):
        with pytest.raises(NotAllowed):
            subject_decisions.decide(user, request.pk, "nothing", "", None, NOW)
        with pytest.raises(NotAllowed):
            subject_decisions.listing(user)


@pytest.mark.parametrize(
    ("what", "ground", "review_on", "words"),
    [
        ("perhaps", "", None, "choose what you decided"),
        ("withhold", "", SOON, "choose the ground"),
        ("withhold", "whim", SOON, "choose the ground"),
        ("withhold", "harm", None, "must be after today"),
        ("withhold", "harm", TODAY, "must be after today"),
        ("withhold", "harm", TODAY + timedelta(days=367), "within a year"),
    ],
)
def test_odd_decisions_are_refused_in_words(team, what, ground, review_on, words):
    request = ask(team)
    with pytest.raises(WrongState, match=words):
        subject_decisions.decide(team.lead, request.pk, what, ground, review_on, NOW)
    assert not SubjectDecision.objects.exists()


def test_the_lead_is_told_once_when_the_day_has_come_or_another_if_they_left(team):
    request = ask(team)
    subject_decisions.decide(team.lead, request.pk, "withhold", "harm", SOON, NOW)
    subject_decisions.decide(team.deputy, request.pk, "withhold", "crime", SOON, NOW)
    subject_decisions.decide(team.deputy, request.pk, "nothing", "", None, NOW + timedelta(days=1))
    OutboxMessage.objects.all().delete()
    subject_decisions.tell_of_reviews(NOW)
    assert not OutboxMessage.objects.exists()
    then = NOW + timedelta(days=90)
    for _ in range(2):
        subject_decisions.tell_of_reviews(then)
    assert [one.user for one in OutboxMessage.objects.all()] == [team.lead]
    _, newest = subject_decisions.for_lead(team.lead, request.pk)
    assert subject_decisions.review_is_due(newest, then)
    OutboxMessage.objects.all().delete()
    team.lead.is_active = False
    team.lead.save()
    subject_decisions.tell_of_reviews(then)
    assert [one.user for one in OutboxMessage.objects.all()] == [team.deputy]


def test_without_a_lead_for_all_groups_any_lead_decides(team):
    for user in (team.lead, team.deputy):
        user.groups = ["learners"]
        user.save()
    request = ask(team)
    subject_decisions.decide(team.deputy, request.pk, "nothing", "", None, NOW)
    assert subject_decisions.is_decided(request)
