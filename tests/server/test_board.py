"""What is recorded for the yearly review is never changed, is on the audit log, and says when the next one is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from server import board
from server.board import Decision, Kind
from server.errors import NotAllowed, NotThere, WrongState
from server.retention_rows import ROWS
from server.store.models import AuditDetail, AuditEntry, BoardRecord

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
TODAY = NOW.date()
MET = Decision(date(2026, 11, 3), "Go on as it is.", "Ada Reid, Tom Hale", "2026-10")


def test_what_holds_is_the_newest_and_the_history_keeps_the_rest(database, people):
    board.name(people.manager, Kind.SENIOR_LEADER, "  Ada   Reid ", NOW)
    board.name(people.dpo, Kind.SENIOR_LEADER, "Tom Hale", NOW + timedelta(hours=1))
    board.name(people.manager, Kind.GOVERNOR, "Jo Lane", NOW)
    found = board.standing(NOW)
    assert (found.senior_leader.text, found.governor.text) == ("Tom Hale", "Jo Lane")
    assert [one.text for one in board.history()] == ["Tom Hale", "Jo Lane", "Ada Reid"]
    board.name(people.manager, Kind.SENIOR_LEADER, "", NOW + timedelta(hours=2))
    assert board.standing(NOW).senior_leader is None


def test_the_same_again_is_recorded_once(database, people):
    for _ in range(2):
        board.name(people.manager, Kind.GOVERNOR, "Jo Lane", NOW)
        board.raise_point(people.manager, "More deputies?", NOW)
        board.assess(people.dpo, TODAY, "no high risk is left", NOW)
    board.decide(people.manager, MET, NOW)
    with pytest.raises(WrongState, match="recorded already"):
        board.decide(people.manager, MET, NOW)
    assert BoardRecord.objects.count() == 4


def test_each_record_is_on_the_audit_log_by_id_and_its_words_can_be_erased(database, people):
    kept = board.decide(people.dpo, MET, NOW)
    line = AuditEntry.objects.get(action="board_recorded")
    assert (line.actor, line.subject) == (f"user:{people.dpo.pk}", f"decision:{kept.pk}")
    assert "Ada" not in line.subject + line.detail_hash
    assert "Ada Reid" in AuditDetail.objects.get(entry=line).text


def test_only_management_of_the_whole_organisation_and_the_officer_record(database, people):
    people.manager.groups = ["learners"]
    for user in (people.manager, people.it, people.lead, people.deputy):
        for act in (
            lambda user: board.name(user, Kind.GOVERNOR, "X", NOW),
            lambda user: board.assess(user, TODAY, "", NOW),
            lambda user: board.plan(user, TODAY, NOW),
            lambda user: board.raise_point(user, "X", NOW),
            lambda user: board.settle(user, 1, "X", NOW),
            lambda user: board.decide(user, MET, NOW),
        ):
            with pytest.raises(NotAllowed):
                act(user)
    assert not BoardRecord.objects.exists()


def test_a_point_is_open_until_one_decision_on_it_is_recorded(database, people):
    point = board.raise_point(people.manager, "More deputies?", NOW)
    board.raise_point(people.manager, "Longer hours?", NOW)
    board.settle(people.dpo, point.pk, "One more.", NOW)
    found = board.standing(NOW)
    assert [one.text for one in found.open] == ["Longer hours?"]
    assert [(one.text, one.settled.text) for one in found.settled] == [("More deputies?", "One more.")]
    with pytest.raises(WrongState, match="since you looked"):
        board.settle(people.manager, point.pk, "Two more.", NOW)
    with pytest.raises(NotThere):
        board.settle(people.manager, 999, "X", NOW)


def test_the_next_review_is_due_on_its_day_else_a_year_after_the_last(database, people):
    assert board.standing(NOW).due == "missing"
    board.plan(people.manager, date(2027, 1, 10), NOW)
    assert (board.standing(NOW).due_on, board.standing(NOW).due) == (date(2027, 1, 10), "soon")
    board.decide(people.manager, MET, NOW)
    assert (board.standing(NOW).due_on, board.standing(NOW).due) == (date(2027, 11, 3), "in_date")
    # The same day as was planned before counts anew where the board names it.
    board.decide(people.manager, Decision(TODAY, "Sooner.", "All", next_on=date(2027, 1, 10)), NOW)
    assert board.standing(NOW).due_on == date(2027, 1, 10)
    assert board.standing(datetime(2027, 1, 11, tzinfo=UTC)).due == "overdue"
    assert board.standing(NOW).reviewed_on == TODAY


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda by: board.name(by, Kind.POINT, "X", NOW), "only a senior leader"),
        (lambda by: board.name(by, Kind.GOVERNOR, "x" * 201, NOW), "at most 200 characters"),
        (lambda by: board.name(by, Kind.GOVERNOR, "a\0b", NOW), "on one line"),
        (lambda by: board.assess(by, date(2026, 11, 21), "", NOW), "between 1990 and today"),
        (lambda by: board.assess(by, date(1989, 1, 1), "", NOW), "between 1990 and today"),
        (lambda by: board.plan(by, date(2026, 11, 19), NOW), "between today and two years"),
        (lambda by: board.plan(by, date(2036, 1, 1), NOW), "between today and two years"),
        (lambda by: board.raise_point(by, " \n ", NOW), "the open decision is missing"),
        (lambda by: board.raise_point(by, "x" * 2001, NOW), "at most 2000 characters"),
        (lambda by: board.decide(by, Decision(TODAY, "", "All"), NOW), "the decision is missing"),
        (lambda by: board.decide(by, Decision(TODAY, "X", ""), NOW), "who was there is missing"),
        (lambda by: board.decide(by, Decision(TODAY, "X", "All", "2026-13"), NOW), "is not a month"),
        (lambda by: board.decide(by, Decision(TODAY, "X", "All", "2026-11"), NOW), "a month that is not over"),
        (lambda by: board.decide(by, Decision(TODAY, "X", "All", next_on=date(2020, 1, 1)), NOW), "two years from now"),
    ],
)
def test_what_can_not_be_is_refused_and_nothing_is_recorded(database, people, act, words):
    with pytest.raises(WrongState, match=words):
        act(people.manager)
    assert not BoardRecord.objects.exists()


def test_what_still_holds_is_never_over_and_what_was_replaced_is(database, people):
    for hours, who in enumerate(("Ada Reid", "Tom Hale")):
        board.name(people.manager, Kind.SENIOR_LEADER, who, NOW + timedelta(hours=hours))
    point = board.raise_point(people.manager, "Old", NOW)
    board.raise_point(people.manager, "Open", NOW)
    board.settle(people.manager, point.pk, "Done", NOW)
    board.decide(people.manager, MET, NOW)
    (rows,) = ROWS["board"]
    rows.over(NOW + timedelta(days=9999)).delete()
    assert {one.text for one in board.history()} == {"Tom Hale", "Open"}
