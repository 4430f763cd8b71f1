"""Mutes and proposed exceptions are kept sealed and signed, hold for their time, and end on the record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from msgspec import structs

from protocol import leadkeys as keyfile
from protocol.documents import seal_signed
from protocol.messages import encode
from protocol.publication import Recipient, RecipientList
from server import lead_documents, leadkeys, retention
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditEntry, LeadDocument, OutboxMessage

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
FORTNIGHT = timedelta(days=14)


@pytest.fixture(scope="module")
def files():
    return {name: keyfile.make(name) for name in ("lead", "deputy", "recovery", "stranger")}


@pytest.fixture
def listed(files, people, tmp_path, monkeypatch):
    """The lead's and the deputy's keys, and recovery, on the signed list."""
    for name in ("lead", "deputy"):
        leadkeys.keep(getattr(people, name), encode(files[name]))
    rows = tuple(
        Recipient(files[name].key_id, files[name].public_key, role, name)
        for name, role in (("lead", "lead"), ("deputy", "deputy"), ("recovery", "recovery"))
    )
    folder = tmp_path / "rules" / "targets" / "recipients"
    folder.mkdir(parents=True)
    (folder / "0a.recipients.json").write_bytes(encode(RecipientList(1, True, rows)))
    monkeypatch.setattr("django.conf.settings.RULES_DIR", tmp_path / "rules")


@pytest.fixture
def paper(files):
    """`paper(purpose, by, to)`: a sealed and signed document about nothing but itself."""

    def make(purpose="mute", by="lead", to=("lead", "deputy"), text=b"{}"):
        number = uuid4()
        keys = [files[name].public_key for name in to]
        return seal_signed(purpose, text, keys, number, number, keyfile.unlock(files[by], by))

    return make


def test_a_mute_is_kept_sealed_and_holds_for_a_fortnight(database, people, listed, paper):
    document = paper(text=b"zebrafish")
    lead_documents.mute(people.lead, document, NOW + FORTNIGHT, NOW)
    assert lead_documents.mute(people.lead, document, NOW + FORTNIGHT, NOW).pk == document.id, "the same again"
    (held,) = lead_documents.mutes(people.deputy, NOW)
    assert (held.author, bytes(held.envelope)) == (people.lead, document.envelope)
    assert b"zebrafish" not in bytes(held.envelope)
    assert lead_documents.proposals(people.deputy, NOW) == []
    assert lead_documents.mutes(people.lead, NOW + FORTNIGHT) == []
    assert list(AuditEntry.objects.exclude(action="lead_key_made").values_list("action", "subject")) == [
        ("entry_muted", f"document:{document.id}")
    ]


@pytest.mark.parametrize("until", [NOW, NOW - timedelta(days=1), NOW + timedelta(days=15)])
def test_a_mute_for_longer_than_a_fortnight_or_for_no_time_is_refused(database, people, listed, paper, until):
    with pytest.raises(WrongState, match="within 14 days"):
        lead_documents.mute(people.lead, paper(), until, NOW)


def test_a_clock_that_is_minutes_ahead_mutes_for_a_fortnight_and_no_longer(database, people, listed, paper):
    kept = lead_documents.mute(people.lead, paper(), NOW + FORTNIGHT + timedelta(minutes=9), NOW)
    assert kept.until == NOW + FORTNIGHT


def test_what_another_signed_or_of_another_purpose_or_altered_is_refused(database, people, listed, paper):
    good = paper()
    for bad in (
        paper(by="deputy"),
        paper(by="stranger"),
        paper(purpose="exception"),
        structs.replace(good, id=uuid4()),
        structs.replace(good, envelope=good.envelope + b"x"),
    ):
        with pytest.raises(WrongState, match="not signed with one of your own keys"):
            lead_documents.mute(people.lead, bad, NOW + FORTNIGHT, NOW)
    assert not LeadDocument.objects.exists()


@pytest.mark.parametrize("to", [("lead", "stranger"), ("lead", "recovery")])
def test_what_is_sealed_to_others_than_leads_of_the_signed_list_is_refused(database, people, listed, paper, to):
    with pytest.raises(WrongState, match="signed list"):
        lead_documents.propose(people.lead, paper("exception", to=to), NOW)


def test_only_who_opens_evidence_has_a_say(database, people, listed, paper):
    kept = lead_documents.mute(people.lead, paper(), NOW + FORTNIGHT, NOW)
    for other in (people.it, people.manager, people.dpo):
        for act in (
            lambda user: lead_documents.mutes(user, NOW),
            lambda user: lead_documents.unmute(user, kept.pk, NOW),
            lambda user: lead_documents.propose(user, paper("exception"), NOW),
        ):
            with pytest.raises(NotAllowed):
                act(other)


def test_a_mute_ends_for_all_once_and_on_the_record(database, people, listed, paper):
    kept = lead_documents.mute(people.lead, paper(), NOW + FORTNIGHT, NOW)
    lead_documents.unmute(people.deputy, kept.pk, NOW)
    assert lead_documents.mutes(people.lead, NOW) == []
    assert AuditEntry.objects.filter(action="mute_ended").count() == 1
    with pytest.raises(NotThere):
        lead_documents.unmute(people.lead, kept.pk, NOW)


def test_an_exception_waits_until_it_is_settled_and_a_mute_is_none(database, people, listed, paper):
    muted = lead_documents.mute(people.lead, paper(), NOW + FORTNIGHT, NOW)
    taken, declined = (lead_documents.propose(people.lead, paper("exception"), NOW) for _ in range(2))
    assert lead_documents.settle(people.lead, [muted.pk, uuid4()], "declined", NOW) == 0
    later = NOW + timedelta(days=200)
    assert len(lead_documents.proposals(people.lead, later)) == 2
    assert lead_documents.settle(people.lead, [taken.pk], "taken_up", later) == 1
    assert lead_documents.settle(people.deputy, [taken.pk, declined.pk], "declined", later) == 1, "one is over already"
    assert lead_documents.proposals(people.lead, later) == []
    done = AuditEntry.objects.filter(action__startswith="exception_").order_by("seq").values_list("action", flat=True)
    assert list(done) == ["exception_proposed"] * 2 + ["exception_taken_up", "exception_declined"]


def test_reading_what_is_proposed_is_an_opening_and_on_the_record(database, people, listed, paper):
    opened = AuditEntry.objects.filter(action="exceptions_opened")
    assert lead_documents.proposals(people.deputy, NOW) == []
    assert not opened.exists(), "there was nothing to read"
    lead_documents.propose(people.lead, paper("exception"), NOW)
    lead_documents.proposals(people.deputy, NOW)
    assert list(opened.values_list("actor", "subject")) == [(f"user:{people.deputy.pk}", "documents:1")]


def test_what_is_not_sealed_to_somebody_does_not_exist_for_them(database, people, listed, paper):
    kept = lead_documents.propose(people.lead, paper("exception", to=("lead",)), NOW)
    muted = lead_documents.mute(people.lead, paper(to=("lead",)), NOW + FORTNIGHT, NOW)
    assert (lead_documents.proposals(people.deputy, NOW), lead_documents.mutes(people.deputy, NOW)) == ([], [])
    assert lead_documents.settle(people.deputy, [kept.pk], "declined", NOW) == 0
    with pytest.raises(NotThere):
        lead_documents.unmute(people.deputy, muted.pk, NOW)
    lead_documents.remind(NOW)
    assert set(OutboxMessage.objects.values_list("user", flat=True)) == {people.lead.pk}
    assert not AuditEntry.objects.filter(action="exceptions_opened").exists()


def test_there_are_never_more_than_a_browser_can_open(database, people, listed, paper, monkeypatch):
    monkeypatch.setattr(lead_documents, "HELD_MAX", 1)
    lead_documents.mute(people.lead, paper(), NOW + FORTNIGHT, NOW)
    with pytest.raises(WrongState, match="there are 1 already"):
        lead_documents.mute(people.lead, paper(), NOW + FORTNIGHT, NOW)
    lead_documents.mute(people.lead, paper(), NOW + 2 * FORTNIGHT, NOW + FORTNIGHT)


def test_leads_are_reminded_once_a_week_while_exceptions_wait(database, people, listed, paper):
    told = OutboxMessage.objects.filter(user=people.lead)
    lead_documents.remind(NOW)
    assert not OutboxMessage.objects.exists()
    kept = lead_documents.propose(people.lead, paper("exception"), NOW)
    lead_documents.remind(NOW)
    lead_documents.remind(NOW + timedelta(days=1))
    assert told.count() == 1
    assert not OutboxMessage.objects.exclude(user__role="lead").exists()
    lead_documents.remind(NOW + timedelta(days=7))
    assert told.count() == 2
    lead_documents.settle(people.lead, [kept.pk], "declined", NOW)
    lead_documents.remind(NOW + timedelta(days=14))
    assert told.count() == 2


def test_what_has_been_over_for_long_is_deleted_and_what_holds_is_not(database, people, listed, paper):
    lead_documents.mute(people.lead, paper(), NOW + FORTNIGHT, NOW)
    open_one = lead_documents.propose(people.lead, paper("exception"), NOW)
    settled = lead_documents.propose(people.lead, paper("exception"), NOW)
    lead_documents.settle(people.lead, [settled.pk], "declined", NOW)
    retention.delete_what_is_over(NOW + timedelta(days=399))
    assert LeadDocument.objects.count() == 3
    retention.delete_what_is_over(NOW + timedelta(days=420))
    assert list(LeadDocument.objects.values_list("pk", flat=True)) == [open_one.pk]
