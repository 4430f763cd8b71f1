"""Leads hand in a month's totals: of all cases that are kept from nobody, possible ones, told only as far as safe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from msgspec import structs

from protocol.errors import Refused
from protocol.messages import encode
from protocol.month_totals import MonthTotals, sign
from server import month_totals, summary
from server.errors import NotAllowed, WrongState
from server.store.models import (
    AuditEntry,
    Device,
    Incident,
    LeadKey,
    MonthlySummary,
    MonthSealedTotals,
    Note,
)

pytestmark = pytest.mark.django_db
IN_IT = datetime(2026, 10, 6, 9, tzinfo=UTC)
MADE = datetime(2026, 11, 2, 6, tzinfo=UTC)
LATER = datetime(2026, 11, 3, 9, tzinfo=UTC)


@pytest.fixture
def month(device, people, lead_key, deputy_key, publish_list, new_incident):
    """October, with 6 urgent and 14 routine cases open to both, one about the lead, and one about the deputy."""
    publish_list(lead_key, deputy_key)
    Device.objects.update(enrolled_at=datetime(2026, 9, 10, tzinfo=UTC))
    for number in range(20):
        new_incident(lead_key, deputy_key, urgent=number < 6, at=IN_IT)
    new_incident(deputy_key, at=IN_IT)
    new_incident(lead_key, at=IN_IT)


@pytest.fixture
def totals(lead_key):
    """`totals(by=key, urgent=…, routine=…, outcomes=…)`: signed totals of October."""

    def make(by=lead_key, month="2026-10", urgent=None, routine=None, outcomes=None):
        parts = (
            urgent if urgent is not None else {"self_harm": 5, "extremism": 1},
            routine if routine is not None else {"drugs": 8, "gambling": 6},
            outcomes if outcomes is not None else {"false_alarm": 9, "advice": 3, "police": 1, "undecided": 7},
        )
        return sign(encode(MonthTotals(1, uuid4(), month, LATER, *parts)), by.private)

    return make


def told():
    return summary.newest("2026-10").sealed


def hand_in(user, signed, at=LATER):
    given = month_totals.hand_in(user, signed, at)
    summary.make("2026-10", at)
    return given


def test_a_lead_and_a_deputy_count_the_same_cases_and_neither_what_is_kept_from_somebody(month, people):
    mine, theirs = (month_totals.to_open(user, "2026-10", None, LATER) for user in (people.lead, people.deputy))
    assert [one.row.id for one in mine.cases] == [one.row.id for one in theirs.cases]
    assert (mine.all, theirs.all, mine.closed_urgent, mine.closed_routine) == (20, 20, 0, 0)


def test_reading_the_decisions_is_on_the_record_before_they_are_handed_out(month, people, lead_key, sealed_note):
    both = month_totals.check_may_count(people.lead, "2026-10", LATER).counted
    first = Incident.objects.get(pk=both[0].id)
    for number in range(2):
        note = sealed_note(first.pk, lead_key)
        Note.objects.create(
            id=note.id, incident=first, author=people.lead, at=IN_IT + timedelta(days=number), closing=True,
            envelope=note.envelope, signer=note.signer, signature=note.signature,
        )  # fmt: skip
    opened = {one.row.id: one.decision for one in month_totals.to_open(people.lead, "2026-10", None, LATER).cases}
    assert set(opened.values()) == {None}, "it is open: what was decided before counts no more"
    first.state = Incident.State.CLOSED
    first.save()
    opened = {one.row.id: one.decision for one in month_totals.to_open(people.lead, "2026-10", None, LATER).cases}
    assert opened[first.pk].pk == note.id, "the newest"
    assert AuditEntry.objects.filter(action="decisions_opened").count() == 2


def test_many_cases_come_in_pages(month, people, monkeypatch):
    monkeypatch.setattr(month_totals, "PAGE_CASES", 8)
    found, after = [], None
    for _ in range(3):
        page = month_totals.to_open(people.lead, "2026-10", after, LATER)
        found += [one.row.id for one in page.cases]
        after = page.following
    assert after is None
    assert len(set(found)) == len(found) == 20


def test_categories_stand_apart_by_urgency_and_small_ones_together_without_their_names(month, people, totals):
    summary.make("2026-10", MADE)
    hand_in(people.lead, totals())
    sealed = told()
    # Of 6 urgent cases 5 were self-harm: named, it would tell that one was something else, and the policy what.
    assert {name: (one.parts, one.rest) for name, one in sealed.categories.items()} == {
        "urgent": ({}, 6),
        "routine": ({"drugs": 8, "gambling": 6}, 0),
    }
    assert (sealed.outcomes.parts, sealed.outcomes.rest) == ({"false_alarm": 9}, 11)
    newest = MonthlySummary.objects.latest("revision")
    assert newest.revision == 2
    for small in ("extremism", "police"):
        assert small not in newest.document


def test_where_urgent_cases_are_few_categories_stand_together(month, people, totals):
    Incident.objects.filter(urgent=True).delete()
    signed = totals(urgent={}, routine={"drugs": 8, "gambling": 6}, outcomes={"advice": 14})
    hand_in(people.lead, signed)
    assert told().categories.keys() == {"all"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"urgent": {"self_harm": 7}}, "7 urgent cases are counted, and there are 6"),
        ({"routine": {"drugs": 13}}, "13 routine cases are counted, and there are 14"),
        ({"outcomes": {"advice": 21}}, "21 cases are counted by what came of them, and there are 20"),
        ({"outcomes": {}}, "0 cases are counted by what came of them"),
        ({"routine": {"drugs": 8, "witchcraft": 6}}, "‘witchcraft’ is no category that is known here"),
        ({"outcomes": {"prison": 20}}, "‘prison’ is no outcome"),
        ({"month": "2026-11"}, "November 2026 is not over yet"),
        ({"month": "2999-01"}, "January 2999 is not over yet"),
    ],
)
def test_impossible_totals_are_refused_in_a_sentence(month, people, totals, change, said):
    with pytest.raises(WrongState, match=said):
        month_totals.hand_in(people.lead, totals(**change), LATER)
    assert not MonthSealedTotals.objects.exists()


def test_totals_are_signed_by_the_person_who_hands_them_in(month, people, totals, deputy_key, new_lead_key):
    with pytest.raises(WrongState, match="one of your own keys on the signed list"):
        month_totals.hand_in(people.lead, totals(by=deputy_key), LATER)
    with pytest.raises(WrongState, match="one of your own keys on the signed list"):
        month_totals.hand_in(people.lead, totals(by=new_lead_key(people.lead)), LATER)
    with pytest.raises(Refused):
        month_totals.hand_in(people.lead, structs.replace(totals(), signature=bytes(64)), LATER)


def test_a_partners_lead_and_who_became_a_lead_later_do_not_count_the_month(
    month, people, totals, lead_key, deputy_key, new_lead_key, publish_list, django_user_model
):
    with pytest.raises(NotAllowed, match="for all groups"):
        month_totals.to_open(people.partner, "2026-10", None, LATER)
    late = django_user_model.objects.create(username="late", role="deputy")
    publish_list(lead_key, deputy_key, new_lead_key(late), version=2)
    with pytest.raises(NotAllowed, match="while they came, and still is"):
        month_totals.to_open(late, "2026-10", None, LATER)
    with pytest.raises(NotAllowed, match="only the safeguarding lead and deputies"):
        month_totals.to_open(people.manager, "2026-10", None, LATER)
    publish_list(deputy_key, version=3)
    with pytest.raises(NotAllowed, match="still is"):
        month_totals.hand_in(people.lead, totals(), LATER)


def test_cases_of_a_lost_key_are_counted_as_such(month, people, lead_key, deputy_key, new_lead_key, publish_list):
    LeadKey.objects.filter(key_id=lead_key.key_id).update(active=False)
    fresh = new_lead_key(people.lead)
    publish_list(fresh, deputy_key, version=2)
    page = month_totals.to_open(people.lead, "2026-10", None, LATER)
    assert (page.cases, page.closed_urgent, page.closed_routine) == ((), 6, 14)


def test_the_same_again_is_the_same_and_another_of_its_id_is_refused(month, people, totals, deputy_key):
    signed = totals()
    assert month_totals.hand_in(people.lead, signed, LATER) == month_totals.hand_in(people.lead, signed, LATER)
    assert AuditEntry.objects.filter(action="month_totals_handed_in").count() == 1
    stolen = sign(signed.text, deputy_key.private)
    with pytest.raises(WrongState, match="other totals have this id"):
        month_totals.hand_in(people.deputy, stolen, LATER)


def test_a_second_hand_in_replaces_the_first_where_five_or_more_cases_differ(month, people, totals, deputy_key):
    hand_in(people.lead, totals(outcomes={"undecided": 15, "false_alarm": 5}))
    second = totals(by=deputy_key, outcomes={"undecided": 5, "false_alarm": 15})
    hand_in(people.deputy, second, LATER + timedelta(days=9))
    assert told().outcomes.parts == {"undecided": 5, "false_alarm": 15}
    assert summary.newest("2026-10").revision == 2


def test_a_second_hand_in_whose_difference_would_tell_of_fewer_than_five_is_kept_and_not_told(month, people, totals):
    hand_in(people.lead, totals(outcomes={"undecided": 15, "false_alarm": 5}))
    before = told()
    hand_in(people.lead, totals(outcomes={"undecided": 14, "false_alarm": 6}), LATER + timedelta(days=9))
    assert told() == before
    assert MonthSealedTotals.objects.count() == 2


def test_a_third_is_held_against_every_version_that_was_told(month, people, totals):
    for days, undecided in ((0, 14), (1, 9), (2, 15)):
        hand_in(
            people.lead,
            totals(outcomes={"undecided": undecided, "false_alarm": 20 - undecided}),
            LATER + timedelta(days=days),
        )
    assert told().outcomes.parts["undecided"] == 9, "15 less the first 14 is one"


def test_the_same_counts_again_make_no_new_version(month, people, totals, deputy_key):
    hand_in(people.lead, totals())
    hand_in(people.deputy, totals(by=deputy_key), LATER + timedelta(days=1))
    assert summary.newest("2026-10").revision == 1


def test_totals_that_somebody_wrote_into_the_database_are_not_told(month, people, totals):
    given = month_totals.hand_in(people.lead, totals(), LATER)
    given.text = bytes(given.text).replace(b'"drugs":8', b'"drugs":9')
    given.save()
    assert month_totals.to_publish("2026-10") is None
    MonthSealedTotals.objects.all().delete()
    stranger = totals()
    MonthSealedTotals.objects.create(
        id=uuid4(), month="2026-09", text=stranger.text, signer=stranger.signer, signature=stranger.signature,
        at=LATER, by=people.lead,
    )  # fmt: skip
    assert month_totals.to_publish("2026-09") is None, "signed for another month"
